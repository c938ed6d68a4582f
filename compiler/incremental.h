// Reuse of chunks that a change of the module left alone (chunks.h, artifact/chunk_store.h). The key is a hash of the
// lowered IR before any pass, order of uses included, with all that a compile depends on besides: nothing about a
// module can change its code without changing the key. So a reused chunk is the very bytes that compiling would give.
#pragma once

#include <atomic>
#include <cstddef>
#include <optional>
#include <string>

#include "artifact/chunk_store.h"
#include "artifact/manifest.h"
#include "compiler/chunks.h"

namespace llvm {
class Module;
}  // namespace llvm

namespace guardc::compiler {

// Thread-safe. The identity and the store must outlive it.
class ChunkReuse {
 public:
  // `identity`: what the artifact's key is made of. Without `finds`, chunks are kept for later, but none is looked up.
  ChunkReuse(const artifact::ChunkStore& store, const artifact::Identity& identity, bool finds)
      : store_(store), identity_(identity), finds_(finds) {}

  // Of a chunk that is lowered and not optimised.
  std::string KeyOf(const llvm::Module& lowered, int opt_level) const;
  std::optional<CodeChunk> Find(const std::string& key);
  void Keep(const std::string& key, const CodeChunk& chunk);
  // After the last chunk.
  void Finish() const;

  size_t reused() const { return reused_; }

 private:
  const artifact::ChunkStore& store_;
  const artifact::Identity& identity_;
  const bool finds_;
  std::atomic<size_t> reused_ = 0;
  std::atomic<size_t> kept_ = 0;
};

}  // namespace guardc::compiler
