#include "compiler/incremental.h"

#include <llvm/ADT/SmallVector.h>
#include <llvm/Bitcode/BitcodeWriter.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/raw_ostream.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "artifact/cache_key.h"
#include "base/hash.h"

namespace guardc::compiler {
namespace {

// A kept chunk: its definitions, then its object. Counts and sizes are 8 bytes each, in the machine's order; raised
// with any change to this or to what the key does not tell.
constexpr std::string_view kFormat = "guardc chunk 8";

class Writer {
 public:
  void Number(uint64_t value) { Append(&value, sizeof(value)); }
  void Text(std::string_view text) {
    Number(text.size());
    Append(text.data(), text.size());
  }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  void Append(const void* data, size_t size) {
    const auto* begin = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), begin, begin + size);
  }

  std::vector<std::byte> bytes_;
};

// Answers zeros and nothing after the end; at_end() tells at last.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  uint64_t Number() {
    uint64_t value = 0;
    const auto bytes = Take(sizeof(value));
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), sizeof(value));
    return value;
  }
  std::string_view Text() {
    const auto bytes = Take(Number());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && bytes_.empty(); }

 private:
  std::span<const std::byte> Take(uint64_t size) {
    ok_ = ok_ && size <= bytes_.size();
    if (!ok_) return {};
    const auto taken = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    return taken;
  }

  std::span<const std::byte> bytes_;
  bool ok_ = true;
};

std::optional<CodeChunk> Parse(std::span<const std::byte> bytes) {
  Reader reader(bytes);
  CodeChunk chunk;
  for (uint64_t i = 0, count = reader.Number(); i < count && reader.ok(); ++i) {
    CodeChunk::Definition& definition = chunk.definitions.emplace_back();
    definition.name = reader.Text();
    for (uint64_t k = 0, references = reader.Number(); k < references && reader.ok(); ++k) {
      definition.references.emplace_back(reader.Text());
    }
  }
  const std::string_view code = reader.Text();
  if (!reader.at_end()) return std::nullopt;
  chunk.code.assign(code.begin(), code.end());
  return chunk;
}

}  // namespace

std::string ChunkReuse::KeyOf(const llvm::Module& lowered, int opt_level) const {
  llvm::SmallVector<char, 0> bitcode;
  llvm::raw_svector_ostream out(bitcode);
  llvm::WriteBitcodeToFile(lowered, out, /*ShouldPreserveUseListOrder=*/true);
  Sha256 hash;
  hash.Update(kFormat);
  hash.Update(std::string_view(bitcode.data(), bitcode.size()));
  // The artifact's key, with the chunk's code instead of the whole module's.
  artifact::Identity identity = identity_;
  identity.wasm_sha256 = hash.Finish().Hex();
  identity.options.opt_level = opt_level;
  return artifact::CacheKey(identity);
}

std::optional<CodeChunk> ChunkReuse::Find(const std::string& key) {
  if (!finds_) return std::nullopt;
  const auto bytes = store_.Find(key);
  auto chunk = bytes ? Parse(*bytes) : std::nullopt;
  if (chunk) ++reused_;
  return chunk;
}

void ChunkReuse::Keep(const std::string& key, const CodeChunk& chunk) {
  Writer writer;
  writer.Number(chunk.definitions.size());
  for (const CodeChunk::Definition& definition : chunk.definitions) {
    writer.Text(definition.name);
    writer.Number(definition.references.size());
    for (const std::string& reference : definition.references) writer.Text(reference);
  }
  writer.Text({chunk.code.data(), chunk.code.size()});
  store_.Put(key, writer.bytes());
  ++kept_;
}

void ChunkReuse::Finish() const {
  if (kept_ > 0) store_.Trim();
}

}  // namespace guardc::compiler
