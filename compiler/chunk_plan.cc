// Which function goes into which chunk (chunks.h).
#include <algorithm>
#include <bit>
#include <iterator>
#include <utility>

#include "compiler/chunks.h"

namespace guardc::compiler {
namespace {

// Instructions per chunk, at most, unless it is one function: small enough to keep several cores busy on a real guard
// (some 100,000 instructions), large enough that copies and start-up do not count.
constexpr size_t kChunkSize = 12'000;
// A function of at most so many instructions is copied into chunks that call it: one that is larger is seldom inlined
// (50 cost 6 % more time, for 0.1 % fewer instructions in label calls).
constexpr size_t kCopySize = 25;
// One with so many 64-bit products may be larger: a product of 128 bits (__multi3) becomes one multiplication.
constexpr size_t kProductCopySize = 100;
constexpr int kProducts = 4;
// Copies may add so much to a chunk, in instructions.
constexpr size_t kCopiesPerChunk = kChunkSize / 4;

// A function of more instructions is hardly inlined.
constexpr size_t kSmall = 100;
// Calls of small functions by small functions that may all be inlined into one.
constexpr uint32_t kLongestChain = 32;

constexpr uint32_t kNoChunk = 0xffffffff;
constexpr uint32_t kManyChunks = 0xfffffffe;

class Planner {
 public:
  Planner(const Module& module, std::vector<bool> simple)
      : module_(module),
        simple_(std::move(simple)),
        chunk_of_(module.func_types.size(), kNoChunk),
        user_(module.func_types.size(), kNoChunk) {
    simple_.resize(module.functions.size());
  }

  ChunkPlan Plan() {
    Divide();
    FindApart();
    for (uint32_t i = 0; i < plan_.chunks.size(); ++i) AddCopies(i);
    for (ChunkPlan::Chunk& chunk : plan_.chunks) {
      for (const auto* funcs : {&chunk.defined, &chunk.copied}) {
        std::ranges::copy_if(*funcs, std::back_inserter(chunk.apart), [&](uint32_t func) { return apart_[func]; });
      }
    }
    MarkReferences();
    for (uint32_t i = 0; i < plan_.chunks.size(); ++i) {
      for (const uint32_t func : plan_.chunks[i].defined) {
        if (user_[func] == i || user_[func] == kNoChunk) plan_.chunks[i].internal.push_back(func);
      }
    }
    return std::move(plan_);
  }

 private:
  const Function& Defined(uint32_t func) const { return module_.functions[func - module_.num_imported_funcs]; }
  bool IsImport(uint32_t func) const { return func < module_.num_imported_funcs; }

  static size_t CopySize(const Function& function) {
    if (function.body.size() > kProductCopySize) return kCopySize;
    const auto is_product = [](const Instr& instr) { return instr.op == Op::kI64Mul; };
    return std::ranges::count_if(function.body, is_product) >= kProducts ? kProductCopySize : kCopySize;
  }

  template <class Visit>
  void ForEachCallee(uint32_t func, Visit visit) const {
    for (const Instr& instr : Defined(func).body) {
      if (instr.op == Op::kCall || instr.op == Op::kReturnCall) visit(static_cast<uint32_t>(instr.imm));
    }
  }

  // In order of the index: compilers put what belongs together side by side. Halves of halves at fixed indices, so that
  // a function that grows moves no border but its own: what is elsewhere can be reused (chunks.h).
  void Divide() {
    sizes_.assign(module_.functions.size() + 1, 0);
    for (size_t i = 0; i < module_.functions.size(); ++i) {
      sizes_[i + 1] = sizes_[i] + module_.functions[i].body.size();
    }
    DivideRange(0, std::bit_ceil(module_.functions.size()));
  }

  // Of the defined functions; `end` may be beyond the last.
  void DivideRange(size_t begin, size_t end) {
    const size_t last = std::min(end, module_.functions.size());
    if (begin >= last) return;
    if (end - begin > 1 && sizes_[last] - sizes_[begin] > kChunkSize) {
      const size_t middle = begin + (end - begin) / 2;
      DivideRange(begin, middle);
      DivideRange(middle, end);
      return;
    }
    for (const bool is_simple : {false, true}) AddChunk(begin, last, is_simple);
  }

  // Of the functions of a range that are compiled in one way.
  void AddChunk(size_t begin, size_t end, bool is_simple) {
    ChunkPlan::Chunk chunk{.is_simple = is_simple};
    for (size_t i = begin; i < end; ++i) {
      if (simple_[i] != is_simple) continue;
      chunk.size += module_.functions[i].body.size();
      chunk.defined.push_back(static_cast<uint32_t>(module_.num_imported_funcs + i));
      chunk_of_[chunk.defined.back()] = static_cast<uint32_t>(plan_.chunks.size());
    }
    if (!chunk.defined.empty()) plan_.chunks.push_back(std::move(chunk));
  }

  // Every so many of a chain of calls from one small function to the next. Depth first, with a stack of its own.
  void FindApart() {
    apart_.assign(module_.func_types.size(), false);
    std::vector<uint32_t> height(module_.func_types.size());  // of the chain below; 0: not seen
    std::vector<std::pair<uint32_t, size_t>> open;            // a function, and its next instruction
    const auto enter = [&](uint32_t func) {
      if (IsImport(func) || height[func] != 0 || Defined(func).body.size() > kSmall) return;
      height[func] = 1;
      open.emplace_back(func, 0);
    };
    for (auto start = module_.num_imported_funcs; start < module_.func_types.size(); ++start) {
      enter(start);
      while (!open.empty()) {
        auto& [func, next] = open.back();
        const std::vector<Instr>& body = Defined(func).body;
        while (next < body.size() && body[next].op != Op::kCall && body[next].op != Op::kReturnCall) ++next;
        if (next < body.size()) {
          const auto callee = static_cast<uint32_t>(body[next++].imm);
          if (height[callee] > 0) height[func] = std::max(height[func], height[callee] + 1);
          enter(callee);
          continue;
        }
        const uint32_t done = func;
        open.pop_back();
        apart_[done] = height[done] >= kLongestChain;
        if (apart_[done]) height[done] = 1;
        if (!open.empty()) height[open.back().first] = std::max(height[open.back().first], height[done] + 1);
      }
    }
  }

  void AddCopies(uint32_t index) {
    ChunkPlan::Chunk& chunk = plan_.chunks[index];
    if (chunk.is_simple) return;
    std::vector<bool> taken(module_.func_types.size());
    size_t budget = kCopiesPerChunk;
    const auto visit = [&](uint32_t callee) {
      if (IsImport(callee) || chunk_of_[callee] == index || taken[callee]) return;
      if (simple_[callee - module_.num_imported_funcs]) return;
      const size_t size = Defined(callee).body.size();
      if (size > CopySize(Defined(callee)) || size > budget) return;
      taken[callee] = true;
      budget -= size;
      chunk.copied.push_back(callee);
    };
    for (const uint32_t func : chunk.defined) ForEachCallee(func, visit);
    // What copies call, in turn; the list grows meanwhile.
    for (size_t i = 0; i < chunk.copied.size(); ++i) ForEachCallee(chunk.copied[i], visit);
  }

  void Use(uint32_t func, uint32_t chunk) {
    if (user_[func] == kNoChunk) user_[func] = chunk;
    if (user_[func] != chunk) user_[func] = kManyChunks;
  }

  void MarkReferences() {
    for (uint32_t i = 0; i < plan_.chunks.size(); ++i) {
      const auto visit = [&](uint32_t callee) { Use(callee, i); };
      for (const uint32_t func : plan_.chunks[i].defined) ForEachCallee(func, visit);
      for (const uint32_t func : plan_.chunks[i].copied) ForEachCallee(func, visit);
    }
    for (const Export& exported : module_.exports) {
      if (exported.kind == ExternKind::kFunc) Use(exported.index, kManyChunks);
    }
    if (module_.start) Use(*module_.start, kManyChunks);
    const auto use_refs = [&](const std::vector<Instr>& body) {
      for (const Instr& instr : body) {
        if (instr.op == Op::kRefFunc) Use(static_cast<uint32_t>(instr.imm), kManyChunks);
      }
    };
    for (const Global& global : module_.globals) use_refs(global.init.body);
    for (const Function& function : module_.functions) use_refs(function.body);
    for (const ElemSegment& segment : module_.elem_segments) {
      for (const ConstExpr& item : segment.items) use_refs(item.body);
    }
  }

  const Module& module_;
  std::vector<bool> simple_;
  ChunkPlan plan_;
  std::vector<size_t> sizes_;  // instructions before each defined function
  std::vector<bool> apart_;    // see ChunkPlan::Chunk
  std::vector<uint32_t> chunk_of_;
  std::vector<uint32_t> user_;  // the chunk that names the function, or kNoChunk, or kManyChunks
};

}  // namespace

ChunkPlan PlanChunks(const Module& module, std::vector<bool> simple) {
  return Planner(module, std::move(simple)).Plan();
}

}  // namespace guardc::compiler
