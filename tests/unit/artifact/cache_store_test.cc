#include "artifact/cache_store.h"
#include "artifact/cache_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/support/temp_dir.h"
#include "tests/support/test_artifact.h"

namespace guardc::artifact {
namespace {

using test::TempDir;
using ::testing::HasSubstr;

std::vector<std::byte> Object(size_t size = 1000, int fill = 7) { return std::vector(size, std::byte(fill)); }

// A compiler that counts its runs.
struct FakeCompiler {
  Identity identity = test::TestIdentity();
  std::vector<std::byte> object = Object();
  int runs = 0;
  std::function<Result<Payload>()> Function() {
    return [this]() -> Result<Payload> {
      ++runs;
      return test::TestPayload(identity, object);
    };
  }
};

CacheStore Open(const TempDir& dir) { return CacheStore::OpenForWriting(dir / "cache").value(); }

TEST(CacheStore, CompilesOnceAndFindsItAgain) {
  const TempDir dir;
  const CacheStore store = Open(dir);
  FakeCompiler compiler;
  const auto first = store.GetOrCompile(compiler.identity, false, compiler.Function());
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_FALSE(first->was_cached);
  EXPECT_EQ(first->directory, store.EntryPath(compiler.identity.wasm_sha256, CacheKey(compiler.identity)));
  const auto second = store.GetOrCompile(compiler.identity, false, compiler.Function());
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->was_cached);
  EXPECT_EQ(second->manifest, first->manifest);
  EXPECT_EQ(compiler.runs, 1);
  EXPECT_EQ(test::CountFiles(dir.path()), 3u);  // no lock, no temporary file
  EXPECT_EQ(store.EntriesOf(compiler.identity.wasm_sha256).value(), std::vector{first->directory});
}

TEST(CacheStore, ForceReplacesTheEntry) {
  const TempDir dir;
  const CacheStore store = Open(dir);
  FakeCompiler compiler;
  ASSERT_TRUE(store.GetOrCompile(compiler.identity, false, compiler.Function()));
  compiler.object = Object(2000);
  const auto forced = store.GetOrCompile(compiler.identity, true, compiler.Function());
  ASSERT_TRUE(forced);
  EXPECT_FALSE(forced->was_cached);
  EXPECT_EQ(compiler.runs, 2);
  EXPECT_EQ(VerifyEntry(forced->directory)->object_size, 2000u);
  EXPECT_EQ(test::CountFiles(dir.path()), 3u);
}

TEST(CacheStore, AReplacedEntryInUseStaysUntilItIsLetGo) {
  const TempDir dir;
  const CacheStore store = Open(dir);
  FakeCompiler compiler;
  const auto entry = store.GetOrCompile(compiler.identity, false, compiler.Function());
  {
    const auto opened = OpenEntry(entry->directory);
    ASSERT_TRUE(opened);
    compiler.object = Object(2000);
    ASSERT_TRUE(store.GetOrCompile(compiler.identity, true, compiler.Function()));
    // The reader still sees the whole entry that it opened.
    EXPECT_TRUE(OpenObject(*opened));
    EXPECT_EQ(test::CountFiles(dir.path()), 6u);
  }
  ASSERT_TRUE(store.Gc({}));
  EXPECT_EQ(test::CountFiles(dir.path()), 3u);
  EXPECT_EQ(VerifyEntry(entry->directory)->object_size, 2000u);
}

TEST(CacheStore, ADamagedEntryIsCompiledAgain) {
  for (const char* file : {"guard.so", "description.json", "manifest.json"}) {
    const TempDir dir;
    const CacheStore store = Open(dir);
    FakeCompiler compiler;
    const auto entry = store.GetOrCompile(compiler.identity, false, compiler.Function());
    std::string bytes = test::ReadBytes(entry->directory / file);
    bytes[bytes.size() / 2] ^= 1;
    test::WriteBytes(entry->directory / file, bytes);
    EXPECT_EQ(VerifyEntry(entry->directory).error().kind, ErrorKind::kCorruptArtifact);
    const auto again = store.GetOrCompile(compiler.identity, false, compiler.Function());
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_FALSE(again->was_cached);
    EXPECT_EQ(compiler.runs, 2);
    EXPECT_TRUE(VerifyEntry(entry->directory));
  }
}

TEST(CacheStore, AFailedCompileLeavesNothing) {
  const TempDir dir;
  const CacheStore store = Open(dir);
  const auto failed = store.GetOrCompile(
      test::TestIdentity(), false, []() -> Result<Payload> { return Fail(ErrorKind::kInvalidWasm, "no module"); });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::kInvalidWasm);
  EXPECT_EQ(test::CountFiles(dir.path()), 0u);
  EXPECT_TRUE(store.EntriesOf(test::TestIdentity().wasm_sha256)->empty());
}

// Either hash wrong in a manifest that is well-formed otherwise: verify finds it, and the entry is made anew.
TEST(CacheStore, BothHashesAreVerified) {
  const std::pair<std::string Manifest::*, const char*> hashes[] = {{&Manifest::object_sha256, "SHA-256"},
                                                                    {&Manifest::object_xxh3_128, "XXH3-128"}};
  for (const auto& [hash, name] : hashes) {
    const TempDir dir;
    const CacheStore store = Open(dir);
    FakeCompiler compiler;
    const auto entry = store.GetOrCompile(compiler.identity, false, compiler.Function());
    Manifest manifest = entry->manifest;
    (manifest.*hash)[5] = (manifest.*hash)[5] == '0' ? '1' : '0';
    test::WriteBytes(entry->directory / "manifest.json", PrintManifest(manifest));
    const auto verified = VerifyEntry(entry->directory);
    ASSERT_FALSE(verified) << name;
    EXPECT_EQ(verified.error().kind, ErrorKind::kCorruptArtifact);
    EXPECT_THAT(verified.error().message, HasSubstr(name));
    EXPECT_FALSE(store.GetOrCompile(compiler.identity, false, compiler.Function())->was_cached);
    EXPECT_TRUE(VerifyEntry(entry->directory));
  }
}

TEST(CacheStore, AManifestThatDoesNotDescribeTheObjectIsNotPublished) {
  const TempDir dir;
  const CacheStore store = Open(dir);
  const Identity identity = test::TestIdentity();
  const auto failed = store.GetOrCompile(identity, false, [&]() -> Result<Payload> {
    Payload payload = test::TestPayload(identity, Object());
    payload.object[0] ^= std::byte{1};
    return payload;
  });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::kInternal);
  for (std::string Manifest::* hash :
       {&Manifest::object_sha256, &Manifest::object_xxh3_128, &Manifest::description_sha256}) {
    const auto wrong = store.GetOrCompile(identity, false, [&]() -> Result<Payload> {
      Payload payload = test::TestPayload(identity, Object());
      (payload.manifest.*hash)[0] ^= 1;
      return payload;
    });
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().kind, ErrorKind::kInternal);
  }
  EXPECT_EQ(test::CountFiles(dir.path()), 0u);
}

TEST(CacheStore, AFullDiskLeavesNothing) {
  const TempDir dir;
  const CacheStore store = Open(dir);
  const pid_t child = fork();
  if (child == 0) {
    // The kernel answers EFBIG as a full disk answers ENOSPC: in the middle of the object.
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {1000, 1000};
    setrlimit(RLIMIT_FSIZE, &limit);
    FakeCompiler compiler{.object = Object(5000)};
    const auto published = store.GetOrCompile(compiler.identity, false, compiler.Function());
    _exit(!published && published.error().kind == ErrorKind::kIo ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(test::CountFiles(dir.path()), 0u);
}

TEST(CacheStore, RefusesDirectoriesThatOthersMayWrite) {
  const TempDir dir;
  const CacheStore store = Open(dir);
  FakeCompiler compiler;
  const auto entry = store.GetOrCompile(compiler.identity, false, compiler.Function());
  const auto root = dir / "cache";
  for (const std::filesystem::path& path :
       {root, root / "v1", entry->directory.parent_path(), entry->directory, entry->directory / "manifest.json",
        entry->directory / "guard.so", entry->directory / "description.json"}) {
    const bool is_directory = std::filesystem::is_directory(path);
    for (const mode_t bit : {S_IWGRP, S_IWOTH}) {
      ASSERT_EQ(chmod(path.c_str(), (is_directory ? 0755 : 0644) | bit), 0);
      const auto reopened = CacheStore::OpenForWriting(root);
      const auto found = reopened ? reopened->GetOrCompile(compiler.identity, false, compiler.Function())
                                  : std::unexpected(reopened.error());
      ASSERT_FALSE(found) << path;
      EXPECT_EQ(found.error().kind, ErrorKind::kUntrusted) << found.error().message;
      // Nothing is published where others may write, either.
      if (path == entry->directory.parent_path()) {
        EXPECT_FALSE(store.GetOrCompile(compiler.identity, true, compiler.Function()));
      }
      EXPECT_THAT(found.error().message, HasSubstr(path.string()));
    }
    ASSERT_EQ(chmod(path.c_str(), is_directory ? 0755 : 0644), 0);
  }
  EXPECT_TRUE(store.GetOrCompile(compiler.identity, false, compiler.Function())->was_cached);
}

TEST(CacheStore, RefusesAnotherOwner) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  const TempDir dir;
  const CacheStore store = Open(dir);
  FakeCompiler compiler;
  const auto entry = store.GetOrCompile(compiler.identity, false, compiler.Function());
  for (const auto& path : {entry->directory, entry->directory / "guard.so", dir / "cache"}) {
    ASSERT_EQ(chown(path.c_str(), 12345, 12345), 0);
    const auto reopened = CacheStore::OpenForReading(dir / "cache");
    const auto verified = reopened ? VerifyEntry(entry->directory) : std::unexpected(reopened.error());
    ASSERT_FALSE(verified) << path;
    EXPECT_EQ(verified.error().kind, ErrorKind::kUntrusted);
    EXPECT_THAT(verified.error().message, HasSubstr("belongs to user 12345"));
    ASSERT_EQ(chown(path.c_str(), 0, 0), 0);
  }
}

TEST(CacheStore, FollowsNoLinksOutOfAnEntry) {
  const TempDir dir;
  const CacheStore store = Open(dir);
  FakeCompiler compiler;
  const auto entry = store.GetOrCompile(compiler.identity, false, compiler.Function());
  std::filesystem::rename(entry->directory / "guard.so", dir / "elsewhere.so");
  std::filesystem::create_symlink(dir / "elsewhere.so", entry->directory / "guard.so");
  EXPECT_EQ(VerifyEntry(entry->directory).error().kind, ErrorKind::kUntrusted);
}

TEST(CacheStore, NeverWaitsForAPipe) {
  const TempDir dir;
  const CacheStore store = Open(dir);
  FakeCompiler compiler;
  const auto entry = store.GetOrCompile(compiler.identity, false, compiler.Function());
  for (const char* file : {"guard.so", "description.json", "manifest.json"}) {
    std::filesystem::remove(entry->directory / file);
    ASSERT_EQ(mkfifo((entry->directory / file).c_str(), 0600), 0);
    EXPECT_EQ(VerifyEntry(entry->directory).error().kind, ErrorKind::kCorruptArtifact);
  }
}

TEST(CacheStore, SaysWhyADirectoryCannotBeUsed) {
  const TempDir dir;
  EXPECT_EQ(CacheStore::OpenForReading(dir / "absent").error().kind, ErrorKind::kNotCached);
  test::WriteBytes(dir / "file", "x");
  EXPECT_EQ(CacheStore::OpenForWriting(dir / "file").error().kind, ErrorKind::kIo);
  EXPECT_EQ(CacheStore::OpenForWriting(dir / "file/cache").error().kind, ErrorKind::kIo);
  EXPECT_EQ(OpenEntry(dir / "absent").error().kind, ErrorKind::kNotCached);
  EXPECT_EQ(OpenEntry(dir / "file").error().kind, ErrorKind::kNotCached);
  EXPECT_EQ(OpenEntry(dir.path()).error().kind, ErrorKind::kCorruptArtifact);
}

TEST(CacheStore, AnEntryUnderTheNameOfAnotherKeyIsCorrupt) {
  const TempDir dir;
  const CacheStore store = Open(dir);
  FakeCompiler compiler;
  const auto entry = store.GetOrCompile(compiler.identity, false, compiler.Function());
  const auto other = entry->directory.parent_path() / std::string(64, '0');
  std::filesystem::rename(entry->directory, other);
  EXPECT_EQ(OpenEntry(other).error().kind, ErrorKind::kCorruptArtifact);
  // Away from the cache, the name of the directory is free.
  std::filesystem::rename(other, dir / "shipped");
  EXPECT_TRUE(OpenEntry(dir / "shipped"));
}

}  // namespace
}  // namespace guardc::artifact
