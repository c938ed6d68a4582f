// A module's functions in chunks, each taken from wasm to an object in one go, on any thread: only the chunks that
// threads work on take memory as LLVM modules. What goes into which chunk depends on the module alone, never on the
// number of threads, so that the output does not either.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "compiler/codegen/target.h"
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
    // Of both: never inlined. Each of a chain of small functions would take all that follow it along, with a place for
    // each call in between.
    std::vector<uint32_t> apart;
    size_t size = 0;         // instructions of `defined`
    bool is_simple = false;  // compiled in the simple way (effort.h); nothing is copied
  };
  std::vector<Chunk> chunks;
};

// `simple` per defined function (effort.h); empty: none is.
ChunkPlan PlanChunks(const Module& module, std::vector<bool> simple = {});

// One chunk's code. The last chunk holds what belongs to the module as a whole, and the support functions.
struct CodeChunk {
  struct Definition {
    std::string name;
    std::vector<std::string> references;  // global values that it names
  };

  std::vector<char> code;  // an object, or optimised bitcode
  std::vector<Definition> definitions;
};

enum class ChunkForm : uint8_t { kObject, kBitcode };

class ChunkReuse;

struct CodeOptions {
  const CompileTarget& target;
  int opt_level;
  unsigned jobs;
  LowerOptions lower;
  std::optional<std::chrono::steady_clock::time_point> deadline;
  ChunkReuse* reuse = nullptr;                                      // null: every chunk is made anew, and none is kept
  std::function<void(size_t done, size_t count)> on_progress = {};  // CompileOptions::on_progress
};

// Compiles every chunk. References are kept; they must outlive the result's use.
Result<std::vector<CodeChunk>> CompileChunks(const Module& module, const ContextLayout& layout,
                                             const std::vector<bool>& in_image, const CodeOptions& options,
                                             ChunkForm form);

// The symbols of all chunks that are reached from the symbols `roots`; the others were inlined everywhere, mostly, and
// the linker drops them.
std::unordered_set<std::string> FindLive(const std::vector<CodeChunk>& chunks, const std::vector<std::string>& roots);

// What is live of all chunks, which are bitcode, as one module in `context`: for output as text.
Result<std::unique_ptr<llvm::Module>> MergeChunks(const std::vector<CodeChunk>& chunks,
                                                  const std::unordered_set<std::string>& live,
                                                  llvm::LLVMContext& context);

}  // namespace guardc::compiler
