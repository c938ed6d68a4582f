// See cache_layout.h. The lock of users is an "open file description" lock: it goes with the descriptor, however the
// process ends, excludes threads from each other as well as processes, and can be asked about without being taken.
#include "artifact/cache_layout.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>

#include "base/hash.h"

namespace guardc::artifact::layout {

namespace {

// F_RDLCK for users, F_WRLCK for who removes; of the whole file.
struct flock WholeFile(short type) { return {.l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0}; }

std::filesystem::path ManifestOf(const std::filesystem::path& entry) { return entry / "manifest.json"; }

// Deletes it all; where that fails half-way, the rest stays under its temporary name for the next sweep.
void RemoveTree(const std::filesystem::path& directory) {
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
}

// An exclusive lock on the manifest, which no user can hold beside it; false where there is a user. An entry without a
// manifest has none.
Result<bool> LockForRemoval(const std::filesystem::path& entry, Fd& manifest) {
  manifest = Fd(open(ManifestOf(entry).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!manifest) {
    if (errno == ENOENT || errno == ELOOP || errno == EISDIR || errno == ENXIO) return true;
    return FailErrno("remove", entry, errno);
  }
  struct flock lock = WholeFile(F_WRLCK);
  if (fcntl(manifest.get(), F_OFD_SETLK, &lock) == 0) return true;
  if (errno == EAGAIN || errno == EACCES) return false;
  return FailErrno("lock", ManifestOf(entry), errno);
}

}  // namespace

Result<bool> CheckDirectory(const std::filesystem::path& path, bool may_be_link) {
  struct stat st;
  if ((may_be_link ? stat(path.c_str(), &st) : lstat(path.c_str(), &st)) != 0) {
    if (errno == ENOENT) return false;
    return FailErrno("open", path, errno);
  }
  if (!S_ISDIR(st.st_mode)) return Fail(ErrorKind::kIo, path.string() + " is not a directory");
  GUARDC_CHECK(CheckNotWritableByOthers(st, path));
  return true;
}

std::filesystem::path LockPath(const std::filesystem::path& root, std::string_view key) {
  return root / kVersionDirectory / kLockDirectory / key;
}

std::filesystem::path TemporaryPath(const std::filesystem::path& module_directory, std::string_view key) {
  static std::atomic<uint64_t> counter = 0;
  return module_directory / (std::string(kTemporaryPrefix) + std::string(key) + "-" + std::to_string(getpid()) + "-" +
                             std::to_string(counter++));
}

std::string_view KeyOfTemporary(std::string_view name) {
  if (!name.starts_with(kTemporaryPrefix)) return {};
  name.remove_prefix(kTemporaryPrefix.size());
  const std::string_view key = name.substr(0, name.find('-'));
  return IsSha256Hex(key) ? key : std::string_view();
}

bool LockInUse(int manifest_fd) {
  struct flock lock = WholeFile(F_RDLCK);
  // A file system without locks has no gc that could disturb us either: it needs the same lock.
  return fcntl(manifest_fd, F_OFD_SETLK, &lock) == 0 || (errno != EAGAIN && errno != EACCES);
}

bool IsInUse(const std::filesystem::path& entry) {
  const Fd manifest(open(ManifestOf(entry).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!manifest) return false;
  struct flock lock = WholeFile(F_WRLCK);
  return fcntl(manifest.get(), F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

bool IsRenameRefused(int error) {
  return error == EXDEV || error == EINVAL || error == ENOSYS || error == EOPNOTSUPP || error == EPERM;
}

Result<void> RemoveInPlace(const std::filesystem::path& entry) {
  if (unlink(ManifestOf(entry).c_str()) != 0 && errno != ENOENT && errno != EISDIR) {
    return FailErrno("remove", ManifestOf(entry), errno);
  }
  std::error_code error;
  std::filesystem::remove_all(entry, error);
  if (error) return FailErrno("remove", entry, error.value());
  return {};
}

Result<bool> RemoveEntry(const std::filesystem::path& entry, std::string_view key) {
  Fd manifest;
  GUARDC_TRY(const bool is_free, LockForRemoval(entry, manifest));
  if (!is_free) return false;
  // Away in one step: a reader finds a whole entry or none.
  const std::filesystem::path temporary = TemporaryPath(entry.parent_path(), key);
  if (rename(entry.c_str(), temporary.c_str()) == 0) {
    RemoveTree(temporary);
    return true;
  }
  if (errno == ENOENT) return true;
  if (!IsRenameRefused(errno)) return FailErrno("remove", entry, errno);
  GUARDC_CHECK(RemoveInPlace(entry));
  return true;
}

void RemoveTemporaries(const std::filesystem::path& module_directory, std::string_view key) {
  const auto names = ListDirectory(module_directory);
  if (!names) return;
  for (const std::string& name : *names) {
    if (KeyOfTemporary(name) != key) continue;
    Fd manifest;
    const auto is_free = LockForRemoval(module_directory / name, manifest);
    if (is_free && *is_free) RemoveTree(module_directory / name);
  }
}

void RemoveIfEmpty(const std::filesystem::path& module_directory) {
  if (rmdir(module_directory.c_str()) == 0) rmdir(module_directory.parent_path().c_str());
}

}  // namespace guardc::artifact::layout
