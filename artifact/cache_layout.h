// What cache_store.cc and cache_gc.cc share: names, locks and removal of entries. Internal to the room.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/file.h"
#include "guardc/result.h"

namespace guardc::artifact::layout {

inline constexpr std::string_view kVersionDirectory = "v1";
inline constexpr std::string_view kLockDirectory = "lock";
// Names of entries (names.h), and the name of the lock of all of them.
inline constexpr std::string_view kNamesDirectory = "names";
inline constexpr std::string_view kNamesLock = "names";
// Parts of modules (chunk_store.h).
inline constexpr std::string_view kChunksDirectory = "chunks";
// ".tmp-<key>-<pid>-<n>": an entry that is being written, or one that was replaced or removed while in use. Whoever
// holds the key's lock may remove those that nobody uses.
inline constexpr std::string_view kTemporaryPrefix = ".tmp-";

// A directory of the cache: there, a directory, no link, and nobody else's to write. False where it is absent.
Result<bool> CheckDirectory(const std::filesystem::path& path, bool may_be_link);

std::filesystem::path LockPath(const std::filesystem::path& root, std::string_view key);
std::filesystem::path TemporaryPath(const std::filesystem::path& module_directory, std::string_view key);
// The key in the name of a temporary directory, "" where it is none.
std::string_view KeyOfTemporary(std::string_view name);

// Takes the shared lock of a user of the entry; false where the entry is about to be removed. Never waits.
bool LockInUse(int manifest_fd);
// Whether somebody holds it. Asks without taking a lock, so that no reader is disturbed.
bool IsInUse(const std::filesystem::path& entry);

// Whether a file system answers so to a rename that it cannot do at all: overlayfs does for a directory of a lower
// layer.
bool IsRenameRefused(int error);
// Removes a directory's files and then itself where it lies, the manifest first: from then on there is no entry.
Result<void> RemoveInPlace(const std::filesystem::path& entry);

// Removes an entry unless it is in use; true if it is gone. The caller holds the key's lock.
Result<bool> RemoveEntry(const std::filesystem::path& entry, std::string_view key);
// Removes what crashed writers of this key left and what was replaced while in use. The caller holds the key's lock.
void RemoveTemporaries(const std::filesystem::path& module_directory, std::string_view key);
// Removes the directory of a module, and the one above it, where they are empty.
void RemoveIfEmpty(const std::filesystem::path& module_directory);

}  // namespace guardc::artifact::layout
