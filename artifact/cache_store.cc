// Lookup and publication. Layout, rules and reasons: docs/artifact-format.md, "The cache".
#include "artifact/cache_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "artifact/cache_key.h"
#include "artifact/cache_layout.h"
#include "base/checksum.h"
#include "base/hash.h"

namespace guardc::artifact {

namespace {

constexpr uint64_t kManifestLimit = uint64_t{64} << 20;     // bytes; its longest text is the module's name
constexpr uint64_t kDescriptionLimit = uint64_t{64} << 20;  // bytes; a guard's has 3,000
// How often to try again where another process removes the empty directory that we are about to write to.
constexpr int kAttempts = 100;

// The levels of the cache from the version down to a module; false where one is absent.
Result<bool> CheckLevels(const std::filesystem::path& module_directory) {
  const std::filesystem::path prefix = module_directory.parent_path();
  for (const auto& path : {prefix.parent_path(), prefix, module_directory}) {
    GUARDC_TRY(const bool exists, layout::CheckDirectory(path, /*may_be_link=*/false));
    if (!exists) return false;
  }
  return true;
}

// A regular file in an entry, checked on the open descriptor.
Result<Fd> OpenChecked(int directory, const std::filesystem::path& entry, std::string_view name, struct stat& st) {
  const std::filesystem::path path = entry / name;
  // Never waits for the writer of a pipe, never follows a link out of the entry.
  Fd fd(openat(directory, std::string(name).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd && errno == ENOENT) {
    return Fail(ErrorKind::kCorruptArtifact, path.string() + " is missing: compile the module again");
  }
  if (!fd && errno == ELOOP) return Fail(ErrorKind::kUntrusted, path.string() + " is a symbolic link");
  if (!fd) return FailErrno("open", path, errno);
  if (fstat(fd.get(), &st) != 0) return FailErrno("open", path, errno);
  if (!S_ISREG(st.st_mode)) {
    return Fail(ErrorKind::kCorruptArtifact, path.string() + " is not a regular file: compile the module again");
  }
  GUARDC_CHECK(CheckNotWritableByOthers(st, path));
  return fd;
}

std::unexpected<Error> FailNotCached(const std::filesystem::path& entry) {
  return Fail(ErrorKind::kNotCached, "there is no artifact at " + entry.string());
}

// Whether the opened entry was removed or replaced in place. Asked by name: overlayfs counts links of the layer below.
bool IsGone(const OpenedEntry& entry) {
  struct stat st;
  return fstatat(entry.directory.get(), std::string(kManifestFile).c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0 &&
         errno == ENOENT;
}

// A file beside the manifest. What goes missing together with the manifest is no damage.
Result<Fd> OpenBeside(const OpenedEntry& entry, std::string_view name, struct stat& st) {
  Result<Fd> fd = OpenChecked(entry.directory.get(), entry.path, name, st);
  if (!fd && fd.error().kind == ErrorKind::kCorruptArtifact && IsGone(entry)) return FailNotCached(entry.path);
  return fd;
}

// The compiler's own answer is held to what the reader will demand.
Result<void> CheckPayload(const Payload& payload, const Identity& identity, const std::string& key) {
  const Manifest& manifest = payload.manifest;
  if (manifest.identity == identity && manifest.key == key && manifest.object_size == payload.object.size() &&
      manifest.object_sha256 == Sha256Of(payload.object).Hex() &&
      manifest.object_xxh3_128 == Xxh3Of(payload.object).Hex() &&
      manifest.description_sha256 == Sha256Of(PrintDescription(payload.description)).Hex()) {
    return {};
  }
  return Fail(ErrorKind::kInternal, "the compiler's manifest does not describe the object of key " + key);
}

// Puts `temporary` in the place of `entry`, which may exist; what it replaced is then in `temporary`.
Result<void> MoveIntoPlace(const std::filesystem::path& temporary, const std::filesystem::path& entry) {
  // rename() replaces an empty or absent directory only; an old entry is exchanged, so that readers find one or the
  // other at any time.
  if (rename(temporary.c_str(), entry.c_str()) == 0) return {};
  if (errno != EEXIST && errno != ENOTEMPTY) return FailErrno("publish", entry, errno);
  if (renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, entry.c_str(), RENAME_EXCHANGE) == 0) return {};
  if (!layout::IsRenameRefused(errno)) return FailErrno("publish", entry, errno);
  // A file system that cannot exchange: for a moment there is no entry.
  const std::filesystem::path old = temporary.string() + "-old";
  const bool is_away = rename(entry.c_str(), old.c_str()) == 0;
  if (!is_away) {
    if (!layout::IsRenameRefused(errno)) return FailErrno("publish", entry, errno);
    GUARDC_CHECK(layout::RemoveInPlace(entry));
  }
  if (rename(temporary.c_str(), entry.c_str()) == 0) return {};
  const int error = errno;
  if (is_away) rename(old.c_str(), entry.c_str());
  return FailErrno("publish", entry, error);
}

Result<void> WriteEntry(const std::filesystem::path& directory, const Payload& payload) {
  GUARDC_CHECK(WriteNewFile(directory / kObjectFile, payload.object));
  const std::string description = PrintDescription(payload.description);
  GUARDC_CHECK(WriteNewFile(directory / kDescriptionFile, std::as_bytes(std::span<const char>(description))));
  if (!payload.source.empty()) {
    GUARDC_CHECK(WriteNewFile(directory / kSourceFile, std::as_bytes(std::span<const char>(payload.source))));
  }
  // Last, so that even a copy of a half-written directory is recognised by its absence.
  const std::string manifest = PrintManifest(payload.manifest);
  GUARDC_CHECK(WriteNewFile(directory / kManifestFile, std::as_bytes(std::span<const char>(manifest))));
  return SyncDirectory(directory);
}

// The caller holds the key's lock.
Result<void> Publish(const std::filesystem::path& entry, const std::string& key, const Payload& payload) {
  const std::filesystem::path module_directory = entry.parent_path();
  layout::RemoveTemporaries(module_directory, key);
  const std::filesystem::path temporary = layout::TemporaryPath(module_directory, key);
  // A writer of another key that fails removes the module's directory if it finds it empty.
  for (int attempt = 0;; ++attempt) {
    GUARDC_CHECK(CreateDirectories(module_directory));
    if (MakeDirectory(temporary)) break;
    if (errno != ENOENT || attempt == kAttempts) return FailErrno("create the directory", temporary, errno);
  }
  Result<void> published = WriteEntry(temporary, payload);
  if (published) published = MoveIntoPlace(temporary, entry);
  if (published) published = SyncDirectory(module_directory);
  layout::RemoveTemporaries(module_directory, key);
  if (!published) layout::RemoveIfEmpty(module_directory);
  return published;
}

}  // namespace

Payload MakePayload(Identity identity, std::string module_name, uint64_t wasm_size, std::vector<std::byte> object,
                    Description description) {
  Manifest manifest{.key = CacheKey(identity),
                    .module_name = std::move(module_name),
                    .wasm_size = wasm_size,
                    .object_sha256 = Sha256Of(object).Hex(),
                    .object_xxh3_128 = Xxh3Of(object).Hex(),
                    .object_size = object.size(),
                    .description_sha256 = Sha256Of(PrintDescription(description)).Hex()};
  manifest.identity = std::move(identity);
  return {std::move(object), std::move(description), std::move(manifest)};
}

Result<CacheStore> CacheStore::OpenForWriting(const std::filesystem::path& root) {
  GUARDC_CHECK(CreateDirectories(root));
  return OpenForReading(root);
}

Result<CacheStore> CacheStore::OpenForReading(const std::filesystem::path& root) {
  GUARDC_TRY(const bool exists, layout::CheckDirectory(root, /*may_be_link=*/true));
  if (!exists) return Fail(ErrorKind::kNotCached, "there is no cache directory " + root.string());
  return CacheStore(root);
}

std::filesystem::path CacheStore::EntryPath(std::string_view wasm_sha256, std::string_view key) const {
  return root_ / layout::kVersionDirectory / wasm_sha256.substr(0, 2) / wasm_sha256 / key;
}

Result<PublishedEntry> CacheStore::GetOrCompile(const Identity& identity, bool force,
                                                const std::function<Result<Payload>()>& compile) const {
  const std::string key = CacheKey(identity);
  const std::filesystem::path entry = EntryPath(identity.wasm_sha256, key);

  // Empty: absent or damaged, to be made.
  const auto find = [&]() -> Result<std::optional<PublishedEntry>> {
    GUARDC_TRY(const bool exists, CheckLevels(entry.parent_path()));
    if (force || !exists) return std::nullopt;
    auto manifest = VerifyEntry(entry);
    if (manifest) return PublishedEntry{entry, /*was_cached=*/true, std::move(*manifest)};
    const ErrorKind kind = manifest.error().kind;
    if (kind == ErrorKind::kNotCached || kind == ErrorKind::kCorruptArtifact ||
        kind == ErrorKind::kIncompatibleArtifact) {
      return std::nullopt;
    }
    return std::unexpected(std::move(manifest).error());
  };

  GUARDC_TRY(auto found, find());
  if (found) return std::move(*found);
  const std::filesystem::path lock_path = layout::LockPath(root_, key);
  GUARDC_CHECK(CreateDirectories(lock_path.parent_path()));
  GUARDC_TRY(const FileLock lock, FileLock::Acquire(lock_path));
  // Who held the lock before us has probably made it.
  GUARDC_TRY(found, find());
  if (found) return std::move(*found);
  GUARDC_TRY(Payload payload, compile());
  GUARDC_CHECK(CheckPayload(payload, identity, key));
  GUARDC_CHECK(Publish(entry, key, payload));
  return PublishedEntry{entry, /*was_cached=*/false, std::move(payload.manifest)};
}

Result<std::vector<std::filesystem::path>> CacheStore::EntriesOf(std::string_view wasm_sha256) const {
  const std::filesystem::path module_directory = EntryPath(wasm_sha256, "").parent_path();
  std::vector<std::filesystem::path> entries;
  GUARDC_TRY(const bool exists, CheckLevels(module_directory));
  if (!exists) return entries;
  GUARDC_TRY(const auto names, ListDirectory(module_directory));
  for (const std::string& name : names) {
    if (IsSha256Hex(name)) entries.push_back(module_directory / name);
  }
  return entries;
}

Result<OpenedEntry> OpenEntry(const std::filesystem::path& entry) {
  OpenedEntry opened;
  opened.path = entry;
  opened.directory = Fd(open(entry.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!opened.directory && errno == ENOENT) return FailNotCached(entry);
  // O_NOFOLLOW with O_DIRECTORY answers ENOTDIR for a link, too.
  if (!opened.directory && errno == ENOTDIR) {
    return Fail(ErrorKind::kNotCached, entry.string() + " is not a directory: expected an entry of the cache");
  }
  if (!opened.directory) return FailErrno("open", entry, errno);
  struct stat st;
  if (fstat(opened.directory.get(), &st) != 0) return FailErrno("open", entry, errno);
  GUARDC_CHECK(CheckNotWritableByOthers(st, entry));
  // Whoever may write to the directory above can put an older entry in this one's place; not where it is sticky.
  if (fstatat(opened.directory.get(), "..", &st, 0) != 0) return FailErrno("open the directory of", entry, errno);
  if ((st.st_mode & S_IWOTH) != 0 && (st.st_mode & S_ISVTX) == 0) {
    return Fail(ErrorKind::kUntrusted,
                "the directory of " + entry.string() +
                    " may be written by everybody: run `chmod o-w` on it if you trust what it holds");
  }

  GUARDC_TRY(opened.in_use, OpenChecked(opened.directory.get(), entry, kManifestFile, st));
  if (!layout::LockInUse(opened.in_use.get())) return FailNotCached(entry);
  // Removed between open and lock.
  if (IsGone(opened)) return FailNotCached(entry);
  const std::filesystem::path path = entry / kManifestFile;
  GUARDC_TRY(opened.manifest_json, ReadAll(opened.in_use.get(), path, kManifestLimit));
  GUARDC_TRY(opened.manifest, ParseManifest(opened.manifest_json, path.native()));
  const std::string name = entry.filename().string();
  if (IsSha256Hex(name) && name != opened.manifest.key) {
    return Fail(ErrorKind::kCorruptArtifact, path.string() + ": key is " + opened.manifest.key +
                                                 ", expected the directory's name: compile the module again");
  }
  return opened;
}

Result<Fd> OpenObject(const OpenedEntry& entry) {
  struct stat st;
  GUARDC_TRY(Fd fd, OpenBeside(entry, kObjectFile, st));
  if (static_cast<uint64_t>(st.st_size) != entry.manifest.object_size) {
    return Fail(ErrorKind::kCorruptArtifact,
                (entry.path / kObjectFile).string() + " has " + std::to_string(st.st_size) + " bytes, expected " +
                    std::to_string(entry.manifest.object_size) + ": compile the module again");
  }
  return fd;
}

Result<Description> ReadDescription(const OpenedEntry& entry) {
  struct stat st;
  GUARDC_TRY(const Fd fd, OpenBeside(entry, kDescriptionFile, st));
  const std::filesystem::path path = entry.path / kDescriptionFile;
  GUARDC_TRY(const std::string json, ReadAll(fd.get(), path, kDescriptionLimit));
  GUARDC_CHECK(CheckDigest(path, "SHA-256", Sha256Of(json).Hex(), entry.manifest.description_sha256));
  return ParseDescription(json, path.native());
}

Result<void> CheckDigest(const std::filesystem::path& path, std::string_view name, const std::string& found,
                         const std::string& expected) {
  if (found == expected) return {};
  return Fail(ErrorKind::kCorruptArtifact, path.string() + " has the " + std::string(name) + " " + found +
                                               ", expected " + expected + ": compile the module again");
}

Result<Description> VerifyFiles(const OpenedEntry& entry) {
  GUARDC_TRY(const Fd object, OpenObject(entry));
  const std::filesystem::path path = entry.path / kObjectFile;
  GUARDC_TRY(const std::string bytes, ReadAll(object.get(), path, entry.manifest.object_size));
  GUARDC_CHECK(CheckDigest(path, "SHA-256", Sha256Of(bytes).Hex(), entry.manifest.object_sha256));
  const auto object_bytes = std::as_bytes(std::span<const char>(bytes));
  GUARDC_CHECK(CheckDigest(path, "XXH3-128", Xxh3Of(object_bytes).Hex(), entry.manifest.object_xxh3_128));
  return ReadDescription(entry);
}

Result<Manifest> VerifyEntry(const std::filesystem::path& entry) {
  GUARDC_TRY(OpenedEntry opened, OpenEntry(entry));
  GUARDC_CHECK(VerifyFiles(opened));
  return std::move(opened.manifest);
}

}  // namespace guardc::artifact
