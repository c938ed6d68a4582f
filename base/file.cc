// See file.h. Linux only, like the rest of the project.
#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/quiet_writes.h"

namespace guardc {

namespace {

constexpr int64_t kNoGroup = -1;
std::atomic<int64_t> trusted_group = kNoGroup;

// Retries calls that a signal interrupts.
template <class Call>
auto Uninterrupted(Call call) {
  decltype(call()) result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

std::unexpected<Error> FailLimit(const std::filesystem::path& path, uint64_t size, uint64_t limit) {
  return Fail(ErrorKind::kLimit,
              path.string() + " has " + std::to_string(size) + " bytes or more, limit " + std::to_string(limit),
              ErrorDetails{.limit = limit});
}

// Reads to the end. A regular file must keep the size that it had at first.
template <class Buffer>
Result<Buffer> ReadToEnd(int fd, const std::filesystem::path& path, uint64_t limit) {
  struct stat st;
  if (fstat(fd, &st) != 0) return FailErrno("read", path, errno);
  const bool is_regular = S_ISREG(st.st_mode);
  if (is_regular && static_cast<uint64_t>(st.st_size) > limit) return FailLimit(path, st.st_size, limit);
  constexpr size_t kChunk = 65536;
  Buffer buffer;
  // One more than the size, so that the read that finds the end needs no second buffer.
  buffer.resize(is_regular ? st.st_size + 1 : kChunk);
  size_t filled = 0;
  while (true) {
    const ssize_t n = Uninterrupted([&] { return read(fd, buffer.data() + filled, buffer.size() - filled); });
    if (n < 0) return FailErrno("read", path, errno);
    if (n == 0) break;
    filled += n;
    if (filled > limit) return FailLimit(path, filled, limit);
    if (filled == buffer.size()) buffer.resize(2 * filled);
  }
  if (is_regular && filled != static_cast<size_t>(st.st_size)) {
    return Fail(ErrorKind::kIo, "cannot read " + path.string() + ": its size changed from " +
                                    std::to_string(st.st_size) + " to " + std::to_string(filled) + " bytes meanwhile");
  }
  buffer.resize(filled);
  return buffer;
}

Result<void> WriteAll(int fd, const std::filesystem::path& path, std::span<const std::byte> bytes) {
  const QuietWrites quiet;
  while (!bytes.empty()) {
    const ssize_t n = Uninterrupted([&] { return write(fd, bytes.data(), bytes.size()); });
    if (n < 0) return FailErrno("write", path, errno);
    bytes = bytes.subspan(n);
  }
  return {};
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    Reset();
    fd_ = other.Release();
  }
  return *this;
}

void Fd::Reset() {
  // Linux frees the descriptor even where close answers EINTR.
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  if (this != &other) {
    Reset();
    address_ = std::exchange(other.address_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

void Mapping::Reset() {
  if (address_ != nullptr) munmap(address_, size_);
  address_ = nullptr;
  size_ = 0;
}

std::unexpected<Error> FailErrno(std::string_view what, const std::filesystem::path& path, int error) {
  const char* text = strerrordesc_np(error);
  const bool is_limit = error == EFBIG;
  return Fail(ErrorKind::kIo, "cannot " + std::string(what) + " " + path.string() + ": " +
                                  (text != nullptr ? text : "error " + std::to_string(error)) +
                                  (is_limit ? ", beyond the process's limit (RLIMIT_FSIZE; see ulimit -f)" : ""));
}

Result<Fd> OpenToRead(const std::filesystem::path& path) {
  Fd fd(Uninterrupted([&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
  const int error = errno;
  // A link by way of /proc, which need not be mounted.
  if (!fd && path == "/dev/stdin") fd = Fd(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!fd) return FailErrno("open", path, error);
  return fd;
}

Result<std::vector<std::byte>> ReadFile(const std::filesystem::path& path, uint64_t limit) {
  GUARDC_TRY(const Fd fd, OpenToRead(path));
  return ReadToEnd<std::vector<std::byte>>(fd.get(), path, limit);
}

Result<std::string> ReadTextFile(const std::filesystem::path& path, uint64_t limit) {
  GUARDC_TRY(const Fd fd, OpenToRead(path));
  return ReadToEnd<std::string>(fd.get(), path, limit);
}

Result<std::string> ReadAll(int fd, const std::filesystem::path& path, uint64_t limit) {
  return ReadToEnd<std::string>(fd, path, limit);
}

Result<void> WriteNewFile(const std::filesystem::path& path, std::span<const std::byte> bytes, mode_t mode,
                          Durability durability) {
  // Never group- or other-writable, whatever the caller's umask says.
  Fd fd(Uninterrupted(
      [&] { return open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode & ~mode_t{022}); }));
  if (!fd) return FailErrno("create", path, errno);
  ShareWithTrustedGroup(fd.get());
  auto written = WriteAll(fd.get(), path, bytes);
  const bool syncs = durability == Durability::kSynced;
  if (written && syncs && Uninterrupted([&] { return fsync(fd.get()); }) != 0) written = FailErrno("sync", path, errno);
  // Network file systems report a full disk here.
  if (written && close(fd.Release()) != 0 && errno != EINTR) written = FailErrno("close", path, errno);
  if (!written) unlink(path.c_str());
  return written;
}

Result<void> WriteFileAtomically(const std::filesystem::path& path, std::span<const std::byte> bytes, mode_t mode,
                                 Durability durability) {
  static std::atomic<uint64_t> counter = 0;
  const std::filesystem::path temporary =
      path.parent_path() /
      (".tmp-" + std::to_string(getpid()) + "-" + std::to_string(counter++) + "-" + path.filename().string());
  GUARDC_CHECK(WriteNewFile(temporary, bytes, mode, durability));
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    unlink(temporary.c_str());
    return FailErrno("rename a temporary file to", path, error);
  }
  if (durability == Durability::kNone) return {};
  return SyncDirectory(path.has_parent_path() ? path.parent_path() : ".");
}

void TrustGroup(std::optional<gid_t> group) { trusted_group = group ? int64_t{*group} : kNoGroup; }

std::optional<gid_t> TrustedGroup() {
  const int64_t group = trusted_group;
  return group == kNoGroup ? std::nullopt : std::optional(static_cast<gid_t>(group));
}

void ShareWithTrustedGroup(int fd) {
  const std::optional<gid_t> group = TrustedGroup();
  struct stat st;
  if (!group || fchown(fd, static_cast<uid_t>(-1), *group) != 0 || fstat(fd, &st) != 0) return;
  fchmod(fd, (st.st_mode & 07777) | ((st.st_mode & S_IRWXU) >> 3));
}

bool MakeDirectory(const std::filesystem::path& path) {
  if (mkdir(path.c_str(), 0755) != 0) return false;
  if (TrustedGroup()) {
    const Fd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (fd) ShareWithTrustedGroup(fd.get());
  }
  return true;
}

Result<void> CreateDirectories(const std::filesystem::path& path) {
  if (MakeDirectory(path)) return {};
  if (errno == ENOENT && path.has_parent_path() && path.parent_path() != path) {
    GUARDC_CHECK(CreateDirectories(path.parent_path()));
    if (MakeDirectory(path)) return {};
  }
  const int error = errno;
  struct stat st;
  if (stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode)) return {};
  return FailErrno("create the directory", path, error);
}

Result<TemporaryDirectory> TemporaryDirectory::Make() {
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::temp_directory_path(error);
  std::string pattern = (error ? std::filesystem::path("/tmp") : parent) / "guardc-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) return FailErrno("create the directory", pattern, errno);
  return TemporaryDirectory(pattern);
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

Result<std::vector<std::string>> ListDirectory(const std::filesystem::path& path) {
  const auto close_dir = [](DIR* dir) { closedir(dir); };
  const std::unique_ptr<DIR, decltype(close_dir)> dir(opendir(path.c_str()));
  if (dir == nullptr) return FailErrno("open the directory", path, errno);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(dir.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return FailErrno("read the directory", path, errno);
  std::sort(names.begin(), names.end());
  return names;
}

Result<void> SyncDirectory(const std::filesystem::path& directory) {
  const Fd fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return FailErrno("open", directory, errno);
  // EINVAL: a file system that cannot sync directories has nothing to sync.
  if (Uninterrupted([&] { return fsync(fd.get()); }) != 0 && errno != EINVAL) {
    return FailErrno("sync", directory, errno);
  }
  return {};
}

Result<void> CheckNotWritableByOthers(const struct stat& st, const std::filesystem::path& path) {
  const uid_t self = geteuid();
  const std::optional<gid_t> trusted = TrustedGroup();
  const bool is_groups = trusted && st.st_gid == *trusted;
  if (st.st_uid != 0 && st.st_uid != self && !is_groups) {
    return Fail(ErrorKind::kUntrusted, path.string() + " belongs to user " + std::to_string(st.st_uid) +
                                           ", expected root" + (self == 0 ? "" : " or user " + std::to_string(self)) +
                                           ": use a cache directory of your own, or make this user its owner");
  }
  const bool by_group = (st.st_mode & S_IWGRP) != 0 && !is_groups;
  if (!by_group && (st.st_mode & S_IWOTH) == 0) return {};
  char mode[8];
  std::snprintf(mode, sizeof(mode), "%04o", static_cast<unsigned>(st.st_mode & 07777));
  const std::string what = path.string() + " may be written by others (mode " + mode + "): ";
  if ((st.st_mode & S_IWOTH) != 0) {
    return Fail(ErrorKind::kUntrusted, what + "run `chmod go-w` on it if you trust what it holds");
  }
  return Fail(ErrorKind::kUntrusted, what + "run `chmod g-w` on it if you trust what it holds, or trust its group (" +
                                         std::to_string(st.st_gid) + ") with --trusted-group or SetTrustedGroup()");
}

}  // namespace guardc
