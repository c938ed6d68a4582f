// FileLock: flock on a file that lives as long as the lock. flock belongs to the open file, so the kernel drops it with
// the holder's last descriptor; fcntl's record locks would go with any close of the same file in the process.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"

namespace guardc {

Result<std::optional<FileLock>> FileLock::Lock(const std::filesystem::path& path, bool wait) {
  while (true) {
    Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) {
      if (errno == EINTR) continue;
      return FailErrno("create the lock", path, errno);
    }
    ShareWithTrustedGroup(fd.get());
    while (flock(fd.get(), wait ? LOCK_EX : LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return std::nullopt;
      if (errno != EINTR) return FailErrno("lock", path, errno);
    }
    // The holder before us removed the file: what we locked is no longer what others will find.
    struct stat ours, current;
    if (fstat(fd.get(), &ours) != 0) return FailErrno("lock", path, errno);
    if (lstat(path.c_str(), &current) != 0 || ours.st_ino != current.st_ino || ours.st_dev != current.st_dev) continue;
    return FileLock(std::move(fd), path);
  }
}

Result<FileLock> FileLock::Acquire(const std::filesystem::path& path) {
  GUARDC_TRY(auto lock, Lock(path, /*wait=*/true));
  return std::move(*lock);
}

Result<std::optional<FileLock>> FileLock::TryAcquire(const std::filesystem::path& path) {
  return Lock(path, /*wait=*/false);
}

void FileLock::Release() {
  if (!fd_) return;
  // While it is still locked, so that nobody's new lock is removed.
  unlink(path_.c_str());
  fd_.Reset();
}

}  // namespace guardc
