// Names for entries of a cache, so that a runtime needs neither the .wasm nor a key:
//
//   <root>/v1/names/<name>     {"version":1,"key":"<SHA-256 of the .wasm>-<key>"}
//
// A name refers to one entry, the last that was compiled under it, with the options that it was compiled with. Names
// decide which guard runs: directory and files are held to the same owner and permissions as entries, and no link is
// followed. Whoever writes or removes a name holds the lock of names, and before it that of the entry's key, so that no
// name comes to an entry that is being removed, and none is lost that has just moved to another.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "artifact/cache_store.h"
#include "guardc/result.h"

namespace guardc::artifact {

// The first digits of a key: at least four, so that nobody removes or runs what he did not mean.
bool IsKeyPrefix(std::string_view text);

// 1 to 64 of A-Z a-z 0-9 . _ -, not beginning with a dot or a dash, and nothing that could be the first digits of a
// key. kInvalidArgument.
Result<void> CheckName(std::string_view name);

struct EntryName {
  std::string name;
  std::string wasm_sha256;
  std::string key;

  bool operator==(const EntryName&) const = default;
};

// Lets the name refer to this entry from now on. Writes nothing where it does already. kNotCached where the entry was
// removed meanwhile; kInvalidArgument, kUntrusted, kIo.
Result<void> SetName(const CacheStore& store, const EntryName& name);

// kNotCached lists the names that there are; kInvalidArgument, kUntrusted, kCorruptArtifact, kIncompatibleArtifact,
// kIo.
Result<EntryName> ReadName(const CacheStore& store, std::string_view name);

// The directory of the entry that the name refers to. As ReadName(), and kNotCached where the entry is gone.
Result<std::filesystem::path> EntryOfName(const CacheStore& store, std::string_view name);
std::unexpected<Error> FailEntryIsGone(const CacheStore& store, const EntryName& name);

// All that are sound, in order. kUntrusted, kIo.
Result<std::vector<EntryName>> ListNames(const CacheStore& store);

// Removes a name whatever its file holds, and nothing else; false where there is none. kUntrusted, kIo.
Result<bool> RemoveName(const CacheStore& store, std::string_view name);

struct RemovedNames {
  std::vector<std::string> names;
  std::vector<GcFailure> failed;  // should have gone and stayed
};
// Removes the names of an entry. The caller holds the key's lock.
RemovedNames RemoveNamesOf(const CacheStore& store, std::string_view wasm_sha256, std::string_view key);
// Removes damaged names, those whose entry is gone, and what killed writers left.
RemovedNames SweepNames(const CacheStore& store, bool dry_run);

}  // namespace guardc::artifact
