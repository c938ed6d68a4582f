// See chunk_store.h. A file is the SHA-256 of its key and its bytes, then the bytes.
#include "artifact/chunk_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "artifact/cache_layout.h"
#include "base/file.h"
#include "base/hash.h"

namespace guardc::artifact {
namespace {

using std::chrono::system_clock;

constexpr uint64_t kMaxChunk = uint64_t{1} << 30;  // bytes
constexpr std::string_view kTemporaryMark = ".tmp-";
constexpr auto kAbandoned = std::chrono::hours(1);  // no compile takes so long between two calls of the kernel

std::filesystem::path ChunksDirectory(const CacheStore& cache) {
  return cache.root() / layout::kVersionDirectory / layout::kChunksDirectory;
}

Sha256Digest DigestOf(std::string_view key, std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.Update(key);
  hash.Update(bytes);
  return hash.Finish();
}

Result<void> CheckDirectory(const std::filesystem::path& path) {
  struct stat st;
  if (lstat(path.c_str(), &st) != 0) return FailErrno("open", path, errno);
  if (!S_ISDIR(st.st_mode)) return Fail(ErrorKind::kIo, path.string() + " is not a directory");
  return CheckNotWritableByOthers(st, path);
}

// The bytes after the hash, if they are what was put.
std::optional<std::vector<std::byte>> ReadChecked(const std::filesystem::path& path, bool is_use) {
  Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat st;
  if (!fd || fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode) || !CheckNotWritableByOthers(st, path)) return {};
  const auto text = ReadAll(fd.get(), path, kMaxChunk);
  constexpr size_t kHashSize = sizeof(Sha256Digest::bytes);
  if (!text || text->size() < kHashSize) return {};
  const auto bytes = std::as_bytes(std::span<const char>(*text)).subspan(kHashSize);
  const Sha256Digest digest = DigestOf(path.filename().native(), bytes);
  if (std::memcmp(text->data(), digest.bytes.data(), kHashSize) != 0) return {};
  if (is_use) futimens(fd.get(), nullptr);
  return std::vector<std::byte>(bytes.begin(), bytes.end());
}

std::vector<ChunkInfo> ListDirectoryOf(const std::filesystem::path& directory, bool temporaries) {
  std::vector<ChunkInfo> chunks;
  const auto names = ListDirectory(directory);
  if (!names) return chunks;
  for (const std::string& name : *names) {
    const bool is_temporary = name.starts_with(kTemporaryMark);
    struct stat st;
    if ((!is_temporary && !IsSha256Hex(name)) || is_temporary != temporaries) continue;
    if (lstat((directory / name).c_str(), &st) != 0) continue;  // another process may have removed it meanwhile
    const auto time = std::chrono::seconds(st.st_mtim.tv_sec) + std::chrono::nanoseconds(st.st_mtim.tv_nsec);
    chunks.push_back({.path = directory / name,
                      .size = static_cast<uint64_t>(st.st_size),
                      .last_used = system_clock::time_point(std::chrono::duration_cast<system_clock::duration>(time))});
  }
  std::ranges::sort(chunks, [](const ChunkInfo& a, const ChunkInfo& b) {
    return a.last_used != b.last_used ? a.last_used < b.last_used : a.path < b.path;
  });
  return chunks;
}

}  // namespace

Result<ChunkStore> ChunkStore::OpenForWriting(const CacheStore& cache) {
  const std::filesystem::path directory = ChunksDirectory(cache);
  GUARDC_CHECK(CreateDirectories(directory));
  GUARDC_CHECK(CheckDirectory(directory.parent_path()));
  GUARDC_CHECK(CheckDirectory(directory));
  return ChunkStore(directory);
}

std::optional<std::vector<std::byte>> ChunkStore::Find(std::string_view key) const {
  return ReadChecked(directory_ / key, /*is_use=*/true);
}

void ChunkStore::Put(std::string_view key, std::span<const std::byte> bytes) const {
  const Sha256Digest digest = DigestOf(key, bytes);
  std::vector<std::byte> contents(sizeof(digest.bytes) + bytes.size());
  std::memcpy(contents.data(), digest.bytes.data(), sizeof(digest.bytes));
  std::ranges::copy(bytes, contents.begin() + sizeof(digest.bytes));
  // Not synced: what a crash of the system tears does not have its hash.
  [[maybe_unused]] const auto kept =
      WriteFileAtomically(directory_ / key, contents, kDefaultFileMode, Durability::kNone);
}

void ChunkStore::Trim(uint64_t max_size) const {
  for (const ChunkInfo& left : ListDirectoryOf(directory_, /*temporaries=*/true)) {
    if (system_clock::now() - left.last_used > kAbandoned) unlink(left.path.c_str());
  }
  const std::vector<ChunkInfo> chunks = ListDirectoryOf(directory_, /*temporaries=*/false);
  uint64_t total = 0;
  for (const ChunkInfo& chunk : chunks) total += chunk.size;
  for (const ChunkInfo& chunk : chunks) {
    if (total <= max_size) return;
    if (unlink(chunk.path.c_str()) == 0) total -= chunk.size;
  }
}

std::vector<ChunkInfo> ListChunks(const CacheStore& cache) {
  return ListDirectoryOf(ChunksDirectory(cache), /*temporaries=*/false);
}

bool VerifyChunk(const std::filesystem::path& path) { return ReadChecked(path, /*is_use=*/false).has_value(); }

}  // namespace guardc::artifact
