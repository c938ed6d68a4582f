// List and gc: the house-keeping of the cache. docs/artifact-format.md, "Garbage collection".
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "artifact/cache_layout.h"
#include "artifact/cache_store.h"
#include "artifact/chunk_store.h"
#include "artifact/names.h"
#include "base/hash.h"

namespace guardc::artifact {

namespace {

using std::chrono::system_clock;

constexpr size_t kPrefixSize = 2;  // digits

// One entry as found on the disk, its manifest unread.
struct Found {
  std::filesystem::path path;
  uint64_t size = 0;
  system_clock::time_point last_used;
};

system_clock::time_point TimeOf(const timespec& t) {
  return system_clock::time_point(std::chrono::duration_cast<system_clock::duration>(
      std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec)));
}

Found Measure(std::filesystem::path path) {
  Found found{.path = std::move(path)};
  const auto names = ListDirectory(found.path);
  if (!names) return found;
  for (const std::string& name : *names) {
    struct stat st;
    if (lstat((found.path / name).c_str(), &st) != 0) continue;
    found.size += st.st_size;
    // The kernel notes reads once a day (relatime): enough for a cache, and no reader has to write. Mounted without
    // times of access, it is the time of publication.
    if (name == kManifestFile) found.last_used = std::max(TimeOf(st.st_atim), TimeOf(st.st_mtim));
  }
  return found;
}

// A directory that cannot be listed; nothing where another process has removed it meanwhile.
void NoteUnlisted(const std::filesystem::path& directory, const Error& error, std::vector<GcFailure>& unlisted) {
  struct stat st;
  if (lstat(directory.c_str(), &st) == 0 || errno != ENOENT) unlisted.push_back({directory, error});
}

// Calls each(module directory, names in it) for every module. What cannot be listed is passed over, and told.
template <class Each>
Result<void> ForEachModule(const std::filesystem::path& root, std::vector<GcFailure>& unlisted, Each each) {
  const std::filesystem::path version = root / layout::kVersionDirectory;
  struct stat st;
  if (lstat(version.c_str(), &st) != 0) {
    if (errno == ENOENT) return {};
    return FailErrno("open", version, errno);
  }
  GUARDC_CHECK(CheckNotWritableByOthers(st, version));
  GUARDC_TRY(const auto prefixes, ListDirectory(version));
  for (const std::string& prefix : prefixes) {
    if (prefix.size() != kPrefixSize) continue;
    const auto modules = ListDirectory(version / prefix);
    if (!modules) {
      NoteUnlisted(version / prefix, modules.error(), unlisted);
      continue;
    }
    for (const std::string& module : *modules) {
      if (!IsSha256Hex(module)) continue;
      const std::filesystem::path directory = version / prefix / module;
      const auto names = ListDirectory(directory);
      if (names) {
        each(directory, *names);
      } else {
        NoteUnlisted(directory, names.error(), unlisted);
      }
    }
  }
  return {};
}

// As OpenEntry, but leaves no trace: reading for a list is no use.
Result<Manifest> ReadManifestUnseen(const std::filesystem::path& entry) {
  const std::filesystem::path path = entry / kManifestFile;
  Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOATIME));
  if (!fd && errno == EPERM) fd = Fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) return FailErrno("open", path, errno);
  GUARDC_TRY(const std::string json, ReadAll(fd.get(), path, uint64_t{64} << 20));
  return ParseManifest(json, path.native());
}

// For people alone: what is no such note is none.
std::string ReadSource(const std::filesystem::path& entry) {
  constexpr uint64_t kLongest = 4096;  // bytes
  const std::filesystem::path path = entry / kSourceFile;
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat st;
  if (!fd || fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode)) return "";
  return ReadAll(fd.get(), path, kLongest).value_or("");
}

// The lock files of compilers that were killed: nobody holds them, and taking one and letting it go removes it.
void RemoveStaleLocks(const std::filesystem::path& root) {
  const auto names = ListDirectory(layout::LockPath(root, "").parent_path());
  if (!names) return;
  for (const std::string& name : *names) {
    if (!IsSha256Hex(name) && name != layout::kNamesLock) continue;
    [[maybe_unused]] const auto lock = FileLock::TryAcquire(layout::LockPath(root, name));
  }
}

}  // namespace

Result<std::vector<EntryInfo>> CacheStore::List() const {
  std::vector<EntryInfo> entries;
  std::vector<GcFailure> unlisted;
  GUARDC_CHECK(ForEachModule(root_, unlisted,
                             [&](const std::filesystem::path& directory, const std::vector<std::string>& names) {
                               for (const std::string& name : names) {
                                 if (!IsSha256Hex(name)) continue;
                                 const Found found = Measure(directory / name);
                                 entries.push_back({.path = found.path,
                                                    .size = found.size,
                                                    .last_used = found.last_used,
                                                    .in_use = layout::IsInUse(found.path),
                                                    .source = ReadSource(found.path),
                                                    .manifest = ReadManifestUnseen(found.path)});
                               }
                             }));
  // One module's directory is that module's trouble; without a prefix's, the list would lack modules and look complete.
  for (const GcFailure& failure : unlisted) {
    if (failure.path.filename().native().size() == kPrefixSize) return std::unexpected(failure.error);
  }
  return entries;
}

Result<RemovedEntry> CacheStore::Remove(const std::filesystem::path& entry) const {
  const std::string key = entry.filename().string();
  const std::filesystem::path lock_path = layout::LockPath(root_, key);
  GUARDC_CHECK(CreateDirectories(lock_path.parent_path()));
  // Taken: it is being compiled again right now, so somebody wants it.
  GUARDC_TRY(const auto lock, FileLock::TryAcquire(lock_path));
  RemovedEntry removed;
  if (!lock) return removed;
  GUARDC_TRY(removed.is_gone, layout::RemoveEntry(entry, key));
  if (!removed.is_gone) return removed;
  layout::RemoveIfEmpty(entry.parent_path());
  RemovedNames names = RemoveNamesOf(*this, entry.parent_path().filename().string(), key);
  removed.names = std::move(names.names);
  removed.failed = std::move(names.failed);
  return removed;
}

Result<GcReport> CacheStore::Gc(const GcOptions& options) const {
  GcReport report;
  std::vector<Found> entries;
  GUARDC_CHECK(ForEachModule(
      root_, report.failed, [&](const std::filesystem::path& directory, const std::vector<std::string>& names) {
        for (const std::string& name : names) {
          if (IsSha256Hex(name)) entries.push_back(Measure(directory / name));
          // What a crashed writer left: its lock is free.
          const std::string_view key = layout::KeyOfTemporary(name);
          if (key.empty() || options.dry_run || !CreateDirectories(layout::LockPath(root_, key).parent_path()))
            continue;
          const auto lock = FileLock::TryAcquire(layout::LockPath(root_, key));
          if (lock && *lock) layout::RemoveTemporaries(directory, key);
        }
        if (!options.dry_run) layout::RemoveIfEmpty(directory);
      }));

  if (!options.dry_run) RemoveStaleLocks(root_);

  // A time in the future, of a clock that was wrong, counts as now.
  const auto now = system_clock::now();
  for (Found& entry : entries) entry.last_used = std::min(entry.last_used, now);
  // The least recently used first; by path where that is equal, so that the order is always the same.
  std::sort(entries.begin(), entries.end(), [](const Found& a, const Found& b) {
    return a.last_used != b.last_used ? a.last_used < b.last_used : a.path < b.path;
  });
  uint64_t total = 0;
  for (const Found& entry : entries) total += entry.size;
  const std::vector<ChunkInfo> chunks = ListChunks(*this);
  for (const ChunkInfo& chunk : chunks) total += chunk.size;
  const auto is_due = [&](system_clock::time_point last_used) {
    return (options.max_age && now - last_used > *options.max_age) || (options.max_size && total > *options.max_size);
  };

  for (const ChunkInfo& chunk : chunks) {
    const bool due = is_due(chunk.last_used);
    if (due && (options.dry_run || unlink(chunk.path.c_str()) == 0)) {
      ++report.removed_chunks;
      report.removed_bytes += chunk.size;
      total -= chunk.size;
    } else {
      if (due) report.failed.push_back({chunk.path, FailErrno("remove", chunk.path, errno).error()});
      report.kept_bytes += chunk.size;
    }
  }
  for (const Found& entry : entries) {
    bool removed = false;
    bool has_failed = false;
    if (is_due(entry.last_used)) {
      if (options.dry_run) {
        removed = !layout::IsInUse(entry.path);
      } else {
        Result<RemovedEntry> result = Remove(entry.path);
        if (!result) report.failed.push_back({entry.path, result.error()});
        has_failed = !result;
        removed = result && result->is_gone;
        if (result) std::ranges::move(result->names, std::back_inserter(report.removed_names));
        // Names that stayed are told of below: their entry is gone.
      }
      if (!has_failed) (removed ? report.removed : report.in_use).push_back(entry.path);
    }
    if (removed) {
      report.removed_bytes += entry.size;
      total -= entry.size;
    } else {
      report.kept_bytes += entry.size;
    }
  }
  if (options.dry_run) {
    for (EntryName& name : ListNames(*this).value_or(std::vector<EntryName>{})) {
      const auto entry = EntryPath(name.wasm_sha256, name.key);
      if (std::ranges::find(report.removed, entry) != report.removed.end()) {
        report.removed_names.push_back(std::move(name.name));
      }
    }
  }
  RemovedNames swept = SweepNames(*this, options.dry_run);
  std::ranges::move(swept.names, std::back_inserter(report.removed_names));
  std::ranges::move(swept.failed, std::back_inserter(report.failed));
  return report;
}

}  // namespace guardc::artifact
