// Files without a name, for bytes that are handed to the kernel (to be mapped, or to a child) and that nobody else may
// reach.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <utility>

#include "base/file.h"
#include "guardc/result.h"

namespace guardc {

// A file in memory (memfd_create). Where the system refuses those, a file that was never in a directory and cannot get
// into one, of /dev/shm or $TMPDIR (/tmp): nobody but this user, and root, can reach it either.
class MemoryFile {
 public:
  // Code may be mapped from kCode, where the system lets anybody have such a file.
  enum class Use : uint8_t { kData, kCode };

  // `name` is for errors and for /proc. kIo names what was refused, what was tried in its place, and what mends it.
  static Result<MemoryFile> Create(const std::string& name, Use use);

  int fd() const { return fd_.get(); }
  // Where it lies, if it is not in memory; else "".
  const std::filesystem::path& directory() const { return directory_; }

  // Adds bytes at its end. Under a QuietWrites of the caller's.
  Result<void> Append(std::span<const std::byte> bytes);
  // No byte changes any more, by whoever: a file in memory is sealed. One in a directory becomes one that only who may
  // change its permissions, this user or root, could still change; this process lets go of writing.
  Result<Fd> Seal() &&;

 private:
  MemoryFile(Fd fd, std::string name, std::filesystem::path directory)
      : fd_(std::move(fd)), name_(std::move(name)), directory_(std::move(directory)) {}

  Fd fd_;
  std::string name_;
  std::filesystem::path directory_;
};

// For the end of a message about what goes by /proc/self/fd: ": /proc is not mounted, ..."; "" where it is.
std::string ProcNote();

}  // namespace guardc
