// A module's functions in chunks, each lowered, optimised and emitted on its own thread. What goes into which chunk
// depends on the module alone, never on the number of threads, so that the output does not either.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "compiler/emit/target.h"
#include "compiler/frontend/wasm_module.h"
#include "compiler/lower/context_layout.h"
#include "compiler/lower/lower.h"
#include "guardc/result.h"

namespace llvm {
class LLVMContext;
class Module;
}  // namespace llvm

namespace guardc::compiler {

struct ChunkPlan {
  struct Chunk {
    std::vector<uint32_t> defined;  // function indices, ascending
    // Small functions of other chunks that are called from here, to be inlined.
    std::vector<uint32_t> copied;
    // Of `defined`: nothing outside the chunk names them, so that LLVM may drop them once they are inlined.
    std::vector<uint32_t> internal;
  };
  std::vector<Chunk> chunks;
};

ChunkPlan PlanChunks(const Module& module);

// One chunk's code. The last chunk holds what belongs to the module as a whole, and the support functions.
struct CodeChunk {
  CodeChunk();
  ~CodeChunk();
  CodeChunk(CodeChunk&&) noexcept;
  CodeChunk& operator=(CodeChunk&&) noexcept;

  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;
};

struct CodeOptions {
  const CompileTarget& target;
  int opt_level;
  unsigned jobs;
  LowerOptions lower;
};

// Lowers and optimises every chunk. References are kept; they must outlive the result's use.
Result<std::vector<CodeChunk>> LowerChunks(const Module& module, const ContextLayout& layout,
                                           const std::vector<bool>& in_image, const CodeOptions& options);

// Removes what nothing reaches from the symbols `roots` (functions inlined everywhere, mostly), and answers the symbols
// that are left, over all chunks.
std::unordered_set<std::string> DropUnreachable(std::vector<CodeChunk>& chunks, const std::vector<std::string>& roots);

// Objects of all chunks, in their order.
Result<std::vector<std::vector<char>>> EmitChunks(std::vector<CodeChunk>& chunks, const CodeOptions& options);

// All chunks as one module, in `context`: for output as text.
Result<std::unique_ptr<llvm::Module>> MergeChunks(std::vector<CodeChunk>& chunks, llvm::LLVMContext& context);

}  // namespace guardc::compiler
