// From an entry of the cache to code that runs, and every reason why not.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>

#include "artifact/cache_store.h"
#include "artifact/names.h"
#include "base/hash.h"
#include "guardc/module.h"
#include "loader/loaded_artifact.h"
#include "tests/support/few_mappings.h"
#include "tests/support/refused_call.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_artifact.h"

namespace guardc {
namespace {

using artifact::CacheStore;
using artifact::Identity;
using test::TempDir;
using test::TestArtifact;
using ::testing::HasSubstr;

constexpr std::string_view kWasm = "a module";
std::span<const std::byte> Wasm() { return std::as_bytes(std::span(kWasm)); }

std::filesystem::path Publish(const std::filesystem::path& cache, const Identity& identity,
                              const TestArtifact& object = {}) {
  const CacheStore store = CacheStore::OpenForWriting(cache).value();
  const auto entry = store.GetOrCompile(
      identity, true, [&]() -> Result<artifact::Payload> { return test::TestPayload(identity, object.bytes()); });
  EXPECT_TRUE(entry) << entry.error().message;
  return entry->directory;
}

int CallAnswer(const Module& module) {
  const auto& artifact = module.artifact();
  const auto record = artifact.List<abi::FuncRefRecord>(artifact.header().funcrefs)[0];
  return reinterpret_cast<int (*)()>(const_cast<std::byte*>(artifact.At<std::byte>(record.code)))();
}

bool IsSealed(int fd) { return fcntl(fd, F_GET_SEALS) == (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE); }

TEST(Load, MapsCodeAndFacts) {
  const TempDir dir;
  const auto entry = Publish(dir.path(), test::TestIdentity());
  const auto module = Module::Load(entry);
  ASSERT_TRUE(module) << module.error().message;
  EXPECT_EQ((*module)->name(), "tested");
  EXPECT_EQ((*module)->entry(), entry);
  EXPECT_EQ((*module)->key(), entry.filename());
  EXPECT_EQ((*module)->manifest_json(), test::ReadBytes(entry / "manifest.json"));
  EXPECT_EQ((*module)->exports().at(0).name, "answer");
  EXPECT_EQ(CallAnswer(**module), 42);
  const auto& artifact = (*module)->artifact();
  EXPECT_EQ(artifact.text().size(), test::kPage);
  EXPECT_TRUE(IsSealed(artifact.image_fd()));
  char image[15] = {};
  ASSERT_EQ(pread(artifact.image_fd(), image, 14, static_cast<off_t>(artifact.image_file_offset())), 14);
  EXPECT_STREQ(image, "initial memory");
  EXPECT_EQ(std::memcmp(artifact.At<char>(artifact.header().image), image, 14), 0);
}

TEST(Load, WhereMemoryFilesAreRefused) {
  const TempDir dir;
  const auto entry = Publish(dir.path(), test::TestIdentity());
  LoadOptions pinned;
  pinned.manifest_sha256 = Sha256Of(test::ReadBytes(entry / "manifest.json")).Hex();
  const bool is_refused = WithRefusedCall(SYS_memfd_create, EPERM, [&] {
    for (const LoadOptions& options : {LoadOptions(), pinned}) {
      const auto module = Module::Load(entry, options);
      ASSERT_TRUE(module) << module.error().message;
      EXPECT_EQ(CallAnswer(**module), 42);
      // What is mapped is a copy, of which this process has no descriptor to write with.
      const int fd = (*module)->artifact().image_fd();
      EXPECT_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
      struct stat st;
      ASSERT_EQ(fstat(fd, &st), 0);
      EXPECT_EQ(st.st_nlink, 0U);
    }
    test::WriteBytes(entry / "guard.so", std::string(std::filesystem::file_size(entry / "guard.so"), 'x'));
    const auto damaged = Module::Load(entry);
    ASSERT_FALSE(damaged);
    EXPECT_EQ(damaged.error().kind, ErrorKind::kCorruptArtifact);
  });
  if (!is_refused) GTEST_SKIP() << "no seccomp filters here";
}

TEST(Load, SaysWhereThereAreTooManyMappings) {
  if (!CanTakeAllMappings()) GTEST_SKIP() << "too many mappings to use up, or a sanitizer needs some of its own";
  const TempDir dir;
  const auto entry = Publish(dir.path(), test::TestIdentity());
  // Some dynamic linkers leave mapped what they had of an object when they fail: each attempt takes two mappings.
  const auto load = [&]() -> Result<void> {
    GUARDC_CHECK(Module::Load(entry));
    return {};
  };
  EXPECT_GT(ExpectNoteUntilItWorks(load, /*more=*/3), 0);
}

TEST(Load, LeavesNothingOpen) {
  const TempDir dir;
  const auto entry = Publish(dir.path(), test::TestIdentity());
  const auto count = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
  };
  const auto before = count();
  ASSERT_TRUE(Module::Load(entry));
  test::WriteBytes(entry / "guard.so", "broken");
  ASSERT_FALSE(Module::Load(entry));
  EXPECT_EQ(count(), before);
}

// Descriptor numbers come again: a name like /proc/self/fd/7 must not find what was loaded under it before.
TEST(Load, ManyAtOnceAreDistinct) {
  const TempDir dir;
  std::vector<std::shared_ptr<const Module>> modules;
  std::set<const void*> headers;
  for (int i = 0; i < 20; ++i) {
    Identity identity = test::TestIdentity("module " + std::to_string(i % 3));
    auto module = Module::Load(Publish(dir.path(), identity));
    ASSERT_TRUE(module);
    EXPECT_TRUE(headers.insert(&(*module)->artifact().header()).second);
    modules.push_back(std::move(*module));
    if (i % 4 == 3) {
      headers.erase(&modules.front()->artifact().header());
      modules.erase(modules.begin());
    }
  }
  for (const auto& module : modules) EXPECT_EQ(CallAnswer(*module), 42);
}

std::string PinOf(const std::filesystem::path& entry) {
  return Sha256Of(test::ReadBytes(entry / "manifest.json")).Hex();
}

TEST(Load, AnyFlippedByteIsFound) {
  const TempDir dir;
  const auto entry = Publish(dir.path(), test::TestIdentity());
  const std::string pin = PinOf(entry);
  const std::string object = test::ReadBytes(entry / "guard.so");
  for (const size_t at :
       {size_t{0}, size_t{18}, test::kHeaderAt, test::kImageAt, test::kTextAt, test::kDynamicAt, object.size() - 1}) {
    std::string changed = object;
    changed[at] ^= 1;
    test::WriteBytes(entry / "guard.so", changed);
    for (const auto& [options, hash] :
         {std::pair(LoadOptions{}, "XXH3-128"), std::pair(LoadOptions{.manifest_sha256 = pin}, "SHA-256")}) {
      const auto module = Module::Load(entry, options);
      ASSERT_FALSE(module) << at;
      EXPECT_EQ(module.error().kind, ErrorKind::kCorruptArtifact);
      EXPECT_THAT(module.error().message, HasSubstr(hash));
    }
  }
  test::WriteBytes(entry / "guard.so", object);
  EXPECT_TRUE(Module::Load(entry));
  EXPECT_TRUE(Module::Load(entry, {.manifest_sha256 = pin}));
}

// What is held to which hash: the manifest's other one plays no part.
TEST(Load, APinnedLoadChecksTheSha256AndAnotherTheXxh3) {
  const TempDir dir;
  const auto entry = Publish(dir.path(), test::TestIdentity());
  const artifact::Manifest whole = artifact::OpenEntry(entry)->manifest;
  const auto write = [&](const artifact::Manifest& manifest) {
    test::WriteBytes(entry / "manifest.json", artifact::PrintManifest(manifest));
  };
  artifact::Manifest wrong_sha = whole;
  wrong_sha.object_sha256[0] = whole.object_sha256[0] == '0' ? '1' : '0';
  write(wrong_sha);
  EXPECT_TRUE(Module::Load(entry));
  EXPECT_EQ(Module::Load(entry, {.manifest_sha256 = PinOf(entry)}).error().kind, ErrorKind::kCorruptArtifact);
  EXPECT_EQ(Module::Load(entry, {.trusted = true, .manifest_sha256 = PinOf(entry)}).error().kind,
            ErrorKind::kCorruptArtifact);

  artifact::Manifest wrong_xxh = whole;
  wrong_xxh.object_xxh3_128[0] = whole.object_xxh3_128[0] == '0' ? '1' : '0';
  write(wrong_xxh);
  EXPECT_EQ(Module::Load(entry).error().kind, ErrorKind::kCorruptArtifact);
  EXPECT_TRUE(Module::Load(entry, {.manifest_sha256 = PinOf(entry)}));
}

TEST(Load, AnotherManifestThanThePinnedOneIsUntrusted) {
  const TempDir dir;
  const auto entry = Publish(dir.path(), test::TestIdentity(kWasm));
  const auto other = Publish(dir.path(), test::TestIdentity("another"));
  const LoadOptions options = {.trusted = true, .manifest_sha256 = PinOf(other)};
  for (const auto& module : {Module::Load(entry, options), Module::Find(Wasm(), dir.path(), options)}) {
    ASSERT_FALSE(module);
    EXPECT_EQ(module.error().kind, ErrorKind::kUntrusted);
    EXPECT_THAT(module.error().message, HasSubstr(PinOf(entry)));
    EXPECT_THAT(module.error().message, HasSubstr(PinOf(other)));
  }
  EXPECT_EQ(Module::Load(entry, {.manifest_sha256 = "00"}).error().kind, ErrorKind::kInvalidArgument);
  const auto module = Module::Load(entry, {.trusted = true, .manifest_sha256 = PinOf(entry)});
  ASSERT_TRUE(module) << module.error().message;
  EXPECT_TRUE(IsSealed((*module)->artifact().image_fd()));
}

// Version 1 had one hash of the object, version 2 the description's lists in the manifest.
TEST(Load, TheManifestsOfEarlierVersionsAreIncompatible) {
  const TempDir dir;
  const auto entry = Publish(dir.path(), test::TestIdentity(kWasm));
  const auto manifest = nlohmann::ordered_json::parse(test::ReadBytes(entry / "manifest.json"));
  nlohmann::ordered_json version2 = manifest;
  version2.erase("description");
  version2.update(nlohmann::ordered_json::parse(test::ReadBytes(entry / "description.json")));
  version2["manifest_version"] = 2;
  nlohmann::ordered_json version1 = version2;
  version1["object"].erase("xxh3_128");
  version1["manifest_version"] = 1;
  for (const auto& old : {version1, version2}) {
    test::WriteBytes(entry / "manifest.json", old.dump(2));
    for (const auto& module : {Module::Load(entry), Module::Find(Wasm(), dir.path())}) {
      ASSERT_FALSE(module);
      EXPECT_EQ(module.error().kind, ErrorKind::kIncompatibleArtifact);
      EXPECT_THAT(module.error().message, HasSubstr("manifest_version is " + old["manifest_version"].dump() +
                                                    ", expected 3: compile the module again"));
    }
  }
}

TEST(Load, NeedsNoDescription) {
  const TempDir dir;
  const auto entry = Publish(dir.path(), test::TestIdentity());
  std::filesystem::remove(entry / "description.json");
  EXPECT_TRUE(Module::Load(entry));
}

TEST(Load, ATruncatedOrGrownFileIsFound) {
  const TempDir dir;
  const auto entry = Publish(dir.path(), test::TestIdentity());
  const std::string object = test::ReadBytes(entry / "guard.so");
  for (const std::string& changed : {std::string(), object.substr(0, 100), object + "x"}) {
    test::WriteBytes(entry / "guard.so", changed);
    const auto module = Module::Load(entry);
    ASSERT_FALSE(module);
    EXPECT_EQ(module.error().kind, ErrorKind::kCorruptArtifact);
    EXPECT_THAT(module.error().message, HasSubstr("bytes, expected"));
  }
  std::filesystem::remove(entry / "guard.so");
  EXPECT_EQ(Module::Load(entry).error().kind, ErrorKind::kCorruptArtifact);
  std::filesystem::remove(entry / "manifest.json");
  EXPECT_EQ(Module::Load(entry).error().kind, ErrorKind::kCorruptArtifact);
  EXPECT_EQ(Module::Load(dir / "absent").error().kind, ErrorKind::kNotCached);
}

// Sound by its hash, and yet not to be given to dlopen.
TEST(Load, ABadObjectWithAGoodHashIsRefused) {
  const TempDir dir;
  TestArtifact object;
  object.AddDynamic(DT_INIT, test::kTextAt);
  const auto with_constructor = Module::Load(Publish(dir.path(), test::TestIdentity(), object));
  ASSERT_FALSE(with_constructor);
  EXPECT_EQ(with_constructor.error().kind, ErrorKind::kCorruptArtifact);
  EXPECT_THAT(with_constructor.error().message, HasSubstr("constructors"));
}

TEST(Load, OtherVersionsAndMachinesAreIncompatible) {
  const std::pair<std::function<void(Identity&)>, const char*> cases[] = {
      {[](Identity& i) { i.guardc_version = "9.9.9"; }, "guardc version 9.9.9"},
      {[](Identity& i) { i.abi_version += 1; }, "ABI version"},
      {[](Identity& i) { i.target.triple = "riscv64-unknown-linux-gnu"; }, "riscv64"},
      {[](Identity& i) { i.target.features = {"no-such-feature"}; }, "lacks no-such-feature"},
  };
  for (const auto& [change, message] : cases) {
    const TempDir dir;
    Identity identity = test::TestIdentity();
    change(identity);
    const auto entry = Publish(dir.path(), identity);
    for (const auto& module : {Module::Load(entry), Module::Find(Wasm(), dir.path())}) {
      ASSERT_FALSE(module);
      EXPECT_EQ(module.error().kind, ErrorKind::kIncompatibleArtifact);
      EXPECT_THAT(module.error().message, HasSubstr(message));
    }
  }
}

TEST(Load, AForeignObjectIsIncompatible) {
  const TempDir dir;
  TestArtifact object;
  auto header = object.Get<Elf64_Ehdr>(0);
  header.e_machine = EM_RISCV;
  object.Put(0, header);
  const auto module = Module::Load(Publish(dir.path(), test::TestIdentity(), object));
  ASSERT_FALSE(module);
  EXPECT_EQ(module.error().kind, ErrorKind::kIncompatibleArtifact);
}

TEST(Load, WhatOthersMayWriteIsUntrusted) {
  const TempDir dir;
  const auto entry = Publish(dir.path(), test::TestIdentity());
  for (const auto& path : {entry, entry / "guard.so", entry / "manifest.json"}) {
    ASSERT_EQ(chmod(path.c_str(), 0777), 0);
    EXPECT_EQ(Module::Load(entry).error().kind, ErrorKind::kUntrusted);
    EXPECT_EQ(Module::Load(entry, {.trusted = true}).error().kind, ErrorKind::kUntrusted);
    ASSERT_EQ(chmod(path.c_str(), 0755), 0);
  }
  EXPECT_TRUE(Module::Load(entry));
}

TEST(Load, AnEntryInUseIsKeptByGc) {
  const TempDir dir;
  const auto entry = Publish(dir.path(), test::TestIdentity());
  const CacheStore store = CacheStore::OpenForReading(dir.path()).value();
  {
    const auto module = Module::Load(entry);
    ASSERT_TRUE(module);
    EXPECT_EQ(store.Gc({.max_size = 0})->in_use, std::vector{entry});
  }
  EXPECT_EQ(store.Gc({.max_size = 0})->removed, std::vector{entry});
  EXPECT_EQ(Module::Find(Wasm(), dir.path()).error().kind, ErrorKind::kNotCached);
}

// Below a directory that everybody may write to, trust falls back to the hash.
TEST(Load, TrustedNeedsATrustedChain) {
  const TempDir dir;
  ASSERT_EQ(chmod(dir.path().c_str(), 0777), 0);
  const auto entry = Publish(dir / "cache", test::TestIdentity());
  const auto module = Module::Load(entry, {.trusted = true});
  ASSERT_TRUE(module) << module.error().message;
  EXPECT_TRUE(IsSealed((*module)->artifact().image_fd()));
}

TEST(Load, TrustedMapsTheFileItself) {
  // The tests' temporary directory may be anybody's; the user's home is not.
  const passwd* user = getpwuid(geteuid());
  struct stat st;
  if (user == nullptr || stat(user->pw_dir, &st) != 0 || st.st_uid != geteuid() || (st.st_mode & 022) != 0) {
    GTEST_SKIP() << "no directory that others may not write to";
  }
  const TempDir dir(user->pw_dir);
  const auto entry = Publish(dir.path(), test::TestIdentity());
  const auto first = Module::Load(entry, {.trusted = true}), second = Module::Load(entry, {.trusted = true});
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(IsSealed((*first)->artifact().image_fd()));
  EXPECT_EQ(CallAnswer(**first), 42);
  EXPECT_EQ(CallAnswer(**second), 42);
  // The ELF rules hold in any case.
  TestArtifact object;
  object.AddDynamic(DT_NEEDED, 1);
  const auto bad = Module::Load(Publish(dir.path(), test::TestIdentity("bad"), object), {.trusted = true});
  EXPECT_EQ(bad.error().kind, ErrorKind::kCorruptArtifact);
}

TEST(Find, NamesTheCommandThatMakesOne) {
  const TempDir dir;
  for (const auto& cache : {dir.path(), dir / "absent"}) {
    const auto module = Module::Find(Wasm(), cache);
    ASSERT_FALSE(module);
    EXPECT_EQ(module.error().kind, ErrorKind::kNotCached);
    EXPECT_THAT(module.error().message, HasSubstr("guardc compile"));
    EXPECT_THAT(module.error().message, HasSubstr(cache.string()));
  }
}

TEST(Find, TakesTheBestThatRunsHere) {
  const TempDir dir;
  const auto with = [](auto change) {
    Identity identity = test::TestIdentity(kWasm);
    change(identity);
    return identity;
  };
  // From the worst to the best; each is taken as soon as it is there.
  const Identity order[] = {
      with([](Identity& i) { i.options.bounds_checks = true; }),
      with([](Identity& i) { i.options.strict_traps = true; }),
      with([](Identity& i) { i.options.canonical_nans = true; }),
      with([](Identity& i) { i.options.opt_level = 0; }),
      with([](Identity& i) { i.options.profile = Profile::kWasi; }),
      with([](Identity&) {}),
      with([](Identity& i) { i.options.opt_level = 3; }),
#if defined(__x86_64__)
      with([](Identity& i) { i.target.features = {"sse3"}; }),
      with([](Identity& i) { i.target.features = {"sse3", "sse4.1"}; }),
#endif
  };
  // Better still, but not for this machine.
  Publish(dir.path(), with([](Identity& i) { i.target.features = {"a", "b", "c", "d"}; }));
  Publish(dir.path(), with([](Identity& i) { i.guardc_version = "9.9.9"; }));
  for (const Identity& identity : order) {
    const auto entry = Publish(dir.path(), identity);
    const auto module = Module::Find(Wasm(), dir.path());
    ASSERT_TRUE(module) << module.error().message;
    EXPECT_EQ((*module)->entry(), entry);
  }
  EXPECT_EQ(Module::Find(std::as_bytes(std::span("other")), dir.path()).error().kind, ErrorKind::kNotCached);
}

TEST(Find, AnEntryOfAnotherModuleIsCorrupt) {
  const TempDir dir;
  const auto entry = Publish(dir.path(), test::TestIdentity("another"));
  const CacheStore store = CacheStore::OpenForReading(dir.path()).value();
  const auto moved = store.EntryPath(Sha256Of(kWasm).Hex(), entry.filename().string());
  std::filesystem::create_directories(moved.parent_path());
  std::filesystem::rename(entry, moved);
  EXPECT_EQ(Module::Find(Wasm(), dir.path()).error().kind, ErrorKind::kCorruptArtifact);
}

TEST(Find, ADamagedObjectIsAnError) {
  const TempDir dir;
  const auto entry = Publish(dir.path(), test::TestIdentity());
  std::string object = test::ReadBytes(entry / "guard.so");
  object[test::kTextAt] ^= 1;
  test::WriteBytes(entry / "guard.so", object);
  EXPECT_EQ(Module::Find(Wasm(), dir.path()).error().kind, ErrorKind::kCorruptArtifact);
}

TEST(FindNamed, TakesThatEntryAndNoBetterOne) {
  const TempDir dir;
  Identity strict = test::TestIdentity(kWasm);
  strict.options.strict_traps = true;
  const auto entry = Publish(dir.path(), strict);
  Publish(dir.path(), test::TestIdentity(kWasm));
  const CacheStore store = CacheStore::OpenForReading(dir.path()).value();
  const auto name = [&](const std::filesystem::path& path) {
    return artifact::SetName(store, {"guard", path.parent_path().filename(), path.filename()});
  };
  ASSERT_TRUE(name(entry));
  const auto module = Module::FindNamed("guard", dir.path());
  ASSERT_TRUE(module) << module.error().message;
  EXPECT_EQ((*module)->entry(), entry);
  EXPECT_EQ(CallAnswer(**module), 42);

  const std::string manifest = Sha256Of((*module)->manifest_json()).Hex();
  EXPECT_TRUE(Module::FindNamed("guard", dir.path(), {.manifest_sha256 = manifest}));
  ASSERT_TRUE(name(Publish(dir.path(), test::TestIdentity("another"))));
  EXPECT_EQ(Module::FindNamed("guard", dir.path(), {.manifest_sha256 = manifest}).error().kind, ErrorKind::kUntrusted);
}

TEST(FindNamed, WhatItDoesNotFind) {
  const TempDir dir;
  const auto kind = [&](std::string_view name) { return Module::FindNamed(name, dir / "cache").error().kind; };
  EXPECT_EQ(kind("guard"), ErrorKind::kNotCached);
  Identity foreign = test::TestIdentity(kWasm);
  foreign.guardc_version = "9.9.9";
  const auto entry = Publish(dir / "cache", foreign);
  const CacheStore store = CacheStore::OpenForReading(dir / "cache").value();
  ASSERT_TRUE(artifact::SetName(store, {"guard", entry.parent_path().filename(), entry.filename()}));
  EXPECT_EQ(kind("guard"), ErrorKind::kIncompatibleArtifact);
  EXPECT_EQ(kind("other"), ErrorKind::kNotCached);
  EXPECT_EQ(kind("../guard"), ErrorKind::kInvalidArgument);
  test::WriteBytes(entry / "manifest.json", "{");
  EXPECT_EQ(kind("guard"), ErrorKind::kCorruptArtifact);
  std::filesystem::remove_all(entry);
  EXPECT_EQ(kind("guard"), ErrorKind::kNotCached);
  EXPECT_THAT(Module::FindNamed("guard", dir / "cache").error().message, HasSubstr(entry.filename().string()));
}

}  // namespace
}  // namespace guardc
