// Compiled parts of modules, kept in the cache so that compiling a module again after a change makes only the changed
// parts anew: <root>/v1/chunks/<key>, under the hash of all that decides what a part is (compiler/incremental.h). As
// trusted as the cache's artifacts and held to the same owner and permissions; its contents are checked against their
// hash at every use. Losing any of it costs nothing but time. docs/artifact-format.md, "Chunks".
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "artifact/cache_store.h"
#include "guardc/result.h"

namespace guardc::artifact {

// Thread-safe; any number of processes may use one store at a time.
class ChunkStore {
 public:
  // What a store may take, in bytes: hundreds of guards.
  static constexpr uint64_t kMaxSize = uint64_t{256} << 20;

  // Creates the directory if absent. kUntrusted where others may write to it, kIo where we may not.
  static Result<ChunkStore> OpenForWriting(const CacheStore& cache);

  // What was put under the key, unchanged; empty where it is absent or damaged. Counts as a use.
  std::optional<std::vector<std::byte>> Find(std::string_view key) const;
  // Best effort: where it cannot be written, it is not kept.
  void Put(std::string_view key, std::span<const std::byte> bytes) const;
  // Removes the least recently used until the rest fits, and what writers that died left behind.
  void Trim(uint64_t max_size = kMaxSize) const;

 private:
  explicit ChunkStore(std::filesystem::path directory) : directory_(std::move(directory)) {}
  std::filesystem::path directory_;
};

struct ChunkInfo {
  std::filesystem::path path;
  uint64_t size = 0;  // bytes
  std::chrono::system_clock::time_point last_used;
};

// All chunks of a cache, the least recently used first; none where it keeps none.
std::vector<ChunkInfo> ListChunks(const CacheStore& cache);

// Whether it holds what was put there.
bool VerifyChunk(const std::filesystem::path& path);

}  // namespace guardc::artifact
