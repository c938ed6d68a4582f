// The cache directory: content-addressed entries, published whole or not at all. Layout and rules are in
// docs/artifact-format.md:
//
//   <root>/v1/<first two digits>/<wasm sha256>/<key>/{guard.so, description.json, manifest.json, source}
//   <root>/v1/lock/<key>      while a compile of that key runs
//   <root>/v1/names/<name>    see names.h
//
// Readers take no lock that can block. Whoever uses an entry holds a shared lock on its manifest.json, so that gc
// leaves it alone.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "artifact/description.h"
#include "artifact/manifest.h"
#include "base/file.h"
#include "guardc/result.h"

namespace guardc::artifact {

// What a compile hands to the cache.
struct Payload {
  std::vector<std::byte> object;
  Description description;
  Manifest manifest;
  // The file name that the module came from, "" where there is none: for people, and in no hash.
  std::string source = {};
};

// Fills in a manifest's key, hashes and sizes.
Payload MakePayload(Identity identity, std::string module_name, uint64_t wasm_size, std::vector<std::byte> object,
                    Description description);

struct PublishedEntry {
  std::filesystem::path directory;
  bool was_cached = false;
  Manifest manifest;
};

// An entry opened by a reader: checked for owner and permissions.
struct OpenedEntry {
  std::filesystem::path path;
  Fd directory;
  Fd in_use;  // manifest.json, locked: gc leaves the entry alone while this is open
  std::string manifest_json;
  Manifest manifest;
};

// One row of `guardc cache ls`. A damaged entry has the error instead of a manifest.
struct EntryInfo {
  std::filesystem::path path;
  uint64_t size = 0;                                // bytes of all its files
  std::chrono::system_clock::time_point last_used;  // to a day, see docs/artifact-format.md
  bool in_use = false;
  std::string source;  // as Payload has it
  Result<Manifest> manifest;
};

struct GcOptions {
  std::optional<std::chrono::seconds> max_age;  // since the last use
  // Bytes that may stay; the least recently used go first, and chunks (chunk_store.h) before artifacts.
  std::optional<uint64_t> max_size;
  bool dry_run = false;
};

struct GcFailure {
  std::filesystem::path path;
  Error error;
};

struct GcReport {
  std::vector<std::filesystem::path> removed;
  std::vector<std::string> removed_names;     // of those, and such as had no entry any more or were damaged
  std::vector<std::filesystem::path> in_use;  // would have gone
  // Should have gone and stayed, or could not be listed; the others went all the same.
  std::vector<GcFailure> failed;
  size_t removed_chunks = 0;  // chunk_store.h; their bytes are counted below
  uint64_t removed_bytes = 0;
  uint64_t kept_bytes = 0;
};

struct RemovedEntry {
  bool is_gone = false;            // else it is in use, or being compiled again
  std::vector<std::string> names;  // that it had, and which are gone as well
  std::vector<GcFailure> failed;   // names that should have gone and stayed
};

// Stateless but for the path; thread-safe.
class CacheStore {
 public:
  // Creates the directory if absent. kUntrusted where others may write to it, kIo where we may not.
  static Result<CacheStore> OpenForWriting(const std::filesystem::path& root);
  // kNotCached where there is no such directory.
  static Result<CacheStore> OpenForReading(const std::filesystem::path& root);

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path EntryPath(std::string_view wasm_sha256, std::string_view key) const;

  // The entry of this identity, sound and complete: from the cache, or else made by `compile`, which runs in one
  // process and thread at a time per key while others wait and then take its result. A damaged entry is replaced.
  // `force` compiles and replaces. Whatever fails, nothing half-made stays.
  Result<PublishedEntry> GetOrCompile(const Identity& identity, bool force,
                                      const std::function<Result<Payload>()>& compile) const;

  // Directories of the entries of a module, in key order; empty where there are none. kUntrusted, kIo.
  Result<std::vector<std::filesystem::path>> EntriesOf(std::string_view wasm_sha256) const;

  // All entries, in path order.
  Result<std::vector<EntryInfo>> List() const;

  Result<GcReport> Gc(const GcOptions& options) const;
  // Removes one entry, whose directory this is, and its names (names.h). kIo.
  Result<RemovedEntry> Remove(const std::filesystem::path& entry) const;

 private:
  explicit CacheStore(std::filesystem::path root) : root_(std::move(root)) {}
  std::filesystem::path root_;
};

// Opens an entry wherever it lies. kNotCached where there is none, kUntrusted, kCorruptArtifact,
// kIncompatibleArtifact (format version), kIo. Does not read the object.
Result<OpenedEntry> OpenEntry(const std::filesystem::path& entry);

// The object of an opened entry, checked for owner, permissions and size.
Result<Fd> OpenObject(const OpenedEntry& entry);

// What the module of an opened entry is; checked against the manifest's hash of it.
Result<Description> ReadDescription(const OpenedEntry& entry);

// kCorruptArtifact where the file's hash of that name is not the manifest's.
Result<void> CheckDigest(const std::filesystem::path& path, std::string_view name, const std::string& found,
                         const std::string& expected);

// Recomputes every hash of the files beside the manifest. kCorruptArtifact says what differs.
Result<Description> VerifyFiles(const OpenedEntry& entry);
Result<Manifest> VerifyEntry(const std::filesystem::path& entry);

}  // namespace guardc::artifact
