#include "base/memory_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <vector>

namespace guardc {
namespace {

namespace fs = std::filesystem;

// Kernels from 6.3 on may be set to refuse memory files that do not say whether they are for code; older ones do not
// know these flags.
constexpr unsigned kNotExecutable = 8;  // MFD_NOEXEC_SEAL
constexpr unsigned kExecutable = 16;    // MFD_EXEC

// What refuses it, for people: `error` is memfd_create's.
std::string Refusal(int error) {
  std::string value;
  if (error == EACCES) std::ifstream("/proc/sys/vm/memfd_noexec") >> value;
  const std::string text = std::string("memfd_create is refused (") + strerrordesc_np(error);
  if (value == "2") return text + ": vm.memfd_noexec is 2)";
  return text + (error == EACCES ? ": vm.memfd_noexec may be 2)" : ": a seccomp filter, as it seems)");
}

std::string Advice(int error, MemoryFile::Use use) {
  const std::string first =
      error == EACCES ? "set vm.memfd_noexec to 0 or 1" : "allow memfd_create in the seccomp profile";
  return first + ", or name a directory in TMPDIR that can be written" +
         (use == MemoryFile::Use::kCode ? " and is not mounted noexec" : "");
}

// A file of `directory` that has no name there; `why_not` says why there is none.
Fd OpenUnnamed(const fs::path& directory, MemoryFile::Use use, std::string& why_not) {
  // O_EXCL: it can get no name later either.
  Fd fd(open(directory.c_str(), O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR));
  struct statvfs file_system;
  if (!fd) {
    // EISDIR is how a kernel or a file system answers that does not know O_TMPFILE.
    const bool is_unknown = errno == EISDIR || errno == EOPNOTSUPP;
    why_not = is_unknown ? "has no unnamed files (O_TMPFILE)" : strerrordesc_np(errno);
  } else if (use == MemoryFile::Use::kCode && fstatvfs(fd.get(), &file_system) == 0 &&
             (file_system.f_flag & ST_NOEXEC) != 0) {
    why_not = "mounted noexec";
    fd.Reset();
  }
  return fd;
}

}  // namespace

Result<MemoryFile> MemoryFile::Create(const std::string& name, Use use) {
  constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  Fd fd(memfd_create(name.c_str(), kFlags | (use == Use::kCode ? kExecutable : kNotExecutable)));
  if (!fd && errno == EINVAL) fd = Fd(memfd_create(name.c_str(), kFlags));
  if (fd) return MemoryFile(std::move(fd), name, {});
  const int error = errno;
  if (error != EPERM && error != EACCES && error != ENOSYS) return FailErrno("create a memory file for", name, error);

  std::error_code ignored;
  const fs::path temporary = fs::temp_directory_path(ignored);
  std::string tried;
  for (const fs::path& directory : {fs::path("/dev/shm"), temporary.empty() ? fs::path("/tmp") : temporary}) {
    std::string why_not;
    fd = OpenUnnamed(directory, use, why_not);
    if (fd) return MemoryFile(std::move(fd), name, directory);
    tried += (tried.empty() ? "" : ", ") + directory.string() + " (" + why_not + ")";
  }
  return Fail(ErrorKind::kIo, "cannot create a memory file for " + name + ": " + Refusal(error) +
                                  ", and no file of a directory can take its place: " + tried + "; " +
                                  Advice(error, use));
}

Result<void> MemoryFile::Append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd_.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      return FailErrno(
          "write",
          directory_.empty() ? "the memory file for " + name_ : "the file in " + directory_.string() + " for " + name_,
          errno);
    }
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return {};
}

Result<Fd> MemoryFile::Seal() && {
  if (directory_.empty()) {
    if (fcntl(fd_.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
      return FailErrno("seal the memory file for", name_, errno);
    }
    return std::move(fd_);
  }
  Fd reader;
  if (fchmod(fd_.get(), S_IRUSR) == 0) {
    reader = Fd(open(("/proc/self/fd/" + std::to_string(fd_.get())).c_str(), O_RDONLY | O_CLOEXEC));
  }
  if (!reader) return FailErrno("open again the file for", name_ + ProcNote(), errno);
  return reader;
}

std::string ProcNote() {
  const int saved_errno = errno;
  const bool is_there = access("/proc/self/fd", X_OK) == 0;
  errno = saved_errno;
  return is_there ? ""
                  : ": /proc is not mounted, or is not this process's: `mount -t proc proc /proc` (in a chroot, on its "
                    "own /proc)";
}

}  // namespace guardc
