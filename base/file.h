// Files as the cache needs them: whole reads with a limit, writes that are either complete or absent, locks that die
// with their holder, and the question of who else may write here. Every failure is kIo with path and system error.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "guardc/result.h"

namespace guardc {

// Owns a file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd() { Reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }
  void Reset();

 private:
  int fd_ = -1;
};

// Owns a range of mapped memory.
class Mapping {
 public:
  Mapping() = default;
  Mapping(void* address, size_t size) : address_(address), size_(size) {}
  Mapping(Mapping&& other) noexcept
      : address_(std::exchange(other.address_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping() { Reset(); }

  std::byte* begin() const { return static_cast<std::byte*>(address_); }
  size_t size() const { return size_; }
  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(address_), size_}; }
  std::span<std::byte> writable_bytes() const { return {static_cast<std::byte*>(address_), size_}; }
  void Reset();

 private:
  void* address_ = nullptr;
  size_t size_ = 0;
};

// kIo, "cannot <what> <path>: <strerror(error)>".
std::unexpected<Error> FailErrno(std::string_view what, const std::filesystem::path& path, int error);

// Reading. Only regular files (and pipes, for ReadFile): a limit in bytes guards against the absurd; more is kLimit.
Result<Fd> OpenToRead(const std::filesystem::path& path);
Result<std::vector<std::byte>> ReadFile(const std::filesystem::path& path, uint64_t limit);
Result<std::string> ReadTextFile(const std::filesystem::path& path, uint64_t limit);
// From an open regular file, from its start to its end; `path` is for messages.
Result<std::string> ReadAll(int fd, const std::filesystem::path& path, uint64_t limit);

inline constexpr mode_t kDefaultFileMode = 0644;
// kNone: the file may be torn after a crash of the system, not of a process.
enum class Durability : uint8_t { kSynced, kNone };

// Writes `bytes` into a new file.
Result<void> WriteNewFile(const std::filesystem::path& path, std::span<const std::byte> bytes,
                          mode_t mode = kDefaultFileMode, Durability durability = Durability::kSynced);
// The same by way of a temporary file beside it, so that `path` holds its old contents or all of the new ones, and
// nothing is left behind on failure.
Result<void> WriteFileAtomically(const std::filesystem::path& path, std::span<const std::byte> bytes,
                                 mode_t mode = kDefaultFileMode, Durability durability = Durability::kSynced);

// Creates the directory and those above it, not writable by others whatever the umask.
Result<void> CreateDirectories(const std::filesystem::path& path);
// A new directory in $TMPDIR (/tmp), for this user only, that goes with the object and with all that is in it.
class TemporaryDirectory {
 public:
  static Result<TemporaryDirectory> Make();
  TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryDirectory& operator=(TemporaryDirectory&&) = delete;
  ~TemporaryDirectory();
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit TemporaryDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

// The names in a directory but for "." and "..", ascending.
Result<std::vector<std::string>> ListDirectory(const std::filesystem::path& path);
// Makes a rename in `directory` durable.
Result<void> SyncDirectory(const std::filesystem::path& directory);

// kUntrusted unless root or this process's user owns it and neither group nor others may write to it. Of what belongs
// to the trusted group (SetTrustedGroup() of guardc/module.h) any user may be the owner, and the group may write.
Result<void> CheckNotWritableByOthers(const struct stat& st, const std::filesystem::path& path);

// The group whose members may write the cache as well as we; what is made below is theirs, too.
void TrustGroup(std::optional<gid_t> group);
std::optional<gid_t> TrustedGroup();
// For the trusted group, if there is one: its group, and the group's permissions those of the owner. Where the system
// refuses, the file stays ours alone.
void ShareWithTrustedGroup(int fd);
// mkdir, 0755 or as above whatever the umask; errno as it leaves it.
bool MakeDirectory(const std::filesystem::path& path);

// An exclusive lock on the file `path`, which is created if absent. The kernel drops it when its holder closes it or
// dies, however it dies. Threads of one process exclude each other, too.
class FileLock {
 public:
  // Waits for it.
  static Result<FileLock> Acquire(const std::filesystem::path& path);
  // Empty where somebody else holds it.
  static Result<std::optional<FileLock>> TryAcquire(const std::filesystem::path& path);

  FileLock(FileLock&&) noexcept = default;
  FileLock& operator=(FileLock&&) noexcept = default;
  ~FileLock() { Release(); }
  // Removes the file, too: those who waited notice, and lock a new one.
  void Release();

 private:
  FileLock(Fd fd, std::filesystem::path path) : fd_(std::move(fd)), path_(std::move(path)) {}
  static Result<std::optional<FileLock>> Lock(const std::filesystem::path& path, bool wait);
  Fd fd_;
  std::filesystem::path path_;
};

}  // namespace guardc
