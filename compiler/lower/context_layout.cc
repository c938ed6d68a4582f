// Lays out the variable parts of the context. What generated code touches most comes first, where a displacement of one
// byte reaches it.
#include "compiler/lower/context_layout.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>

#include "artifact/abi.h"
#include "compiler/lower/static_table.h"

namespace guardc::compiler {
namespace {

// Far above what a real module needs; keeps every field and memory 0's base within a 32-bit displacement.
constexpr uint64_t kMaxContextSize = uint64_t{1} << 28;

struct TypeLess {
  bool operator()(const FuncType* a, const FuncType* b) const {
    if (a->params != b->params) return a->params < b->params;
    return a->results < b->results;
  }
};

std::vector<uint32_t> CanonicalTypes(const std::vector<FuncType>& types) {
  std::map<const FuncType*, uint32_t, TypeLess> first;
  std::vector<uint32_t> canonical;
  canonical.reserve(types.size());
  for (const FuncType& type : types) {
    canonical.push_back(first.try_emplace(&type, static_cast<uint32_t>(canonical.size())).first->second);
  }
  return canonical;
}

// Marks the functions that somebody may hold a reference to.
class EscapeFinder {
 public:
  explicit EscapeFinder(const Module& module) : escapes_(module.func_types.size()) {}

  void Add(uint32_t func) { escapes_[func] = true; }
  void Add(const std::vector<Instr>& body) {
    for (const Instr& instr : body) {
      if (instr.op == Op::kRefFunc) Add(static_cast<uint32_t>(instr.imm));
    }
  }
  bool Escapes(uint32_t func) const { return escapes_[func]; }

 private:
  std::vector<bool> escapes_;
};

void FindFuncRefs(const Module& module, ContextLayout& layout) {
  EscapeFinder finder(module);
  for (const Export& exported : module.exports) {
    if (exported.kind == ExternKind::kFunc) finder.Add(exported.index);
  }
  for (const Global& global : module.globals) finder.Add(global.init.body);
  for (const Function& function : module.functions) finder.Add(function.body);
  for (uint32_t i = 0; i < module.elem_segments.size(); ++i) {
    const ElemSegment& segment = module.elem_segments[i];
    if (segment.mode == SegmentMode::kDeclared || ElemSegmentInStaticTable(module, layout, i)) continue;
    for (const ConstExpr& item : segment.items) finder.Add(item.body);
  }
  for (uint32_t i = 0; i < module.func_types.size(); ++i) {
    if (i < module.num_imported_funcs) {
      layout.funcref_slot.emplace(i, i);
    } else if (finder.Escapes(i)) {
      const auto position = static_cast<uint32_t>(layout.escaping_funcs.size());
      layout.funcref_slot.emplace(i, module.num_imported_funcs + position);
      layout.escaping_funcs.push_back(i);
    }
  }
}

bool HasTailCalls(const Module& module) {
  return std::ranges::any_of(module.functions, [](const Function& function) {
    return std::ranges::any_of(function.body, [](const Instr& instr) {
      return instr.op == Op::kReturnCall || instr.op == Op::kReturnCallIndirect;
    });
  });
}

// Are values of 8 bytes mostly loaded to be stored again?
bool MovesWords(const Module& module) {
  size_t loads = 0, copies = 0;
  for (const Function& function : module.functions) {
    bool is_after_load = false;
    for (const Instr& instr : function.body) {
      loads += instr.op == Op::kI64Load;
      copies += is_after_load && instr.op == Op::kI64Store;
      is_after_load = instr.op == Op::kI64Load;
    }
  }
  return copies > loads / 2;
}

// Hands out aligned pieces of the context.
class Cursor {
 public:
  uint32_t Take(size_t count, size_t size, size_t alignment) {
    at_ = (at_ + alignment - 1) / alignment * alignment;
    const uint64_t offset = at_;
    at_ += uint64_t{count} * size;
    return static_cast<uint32_t>(offset);
  }
  uint64_t at() const { return at_; }

 private:
  uint64_t at_ = sizeof(abi::VmContext);
};

}  // namespace

Result<ContextLayout> ComputeContextLayout(const Module& module, uint32_t page_size) {
  ContextLayout layout;
  layout.table_is_static = FindStaticTables(module);
  layout.canonical_type = CanonicalTypes(module.types);
  FindFuncRefs(module, layout);
  layout.has_tail_calls = HasTailCalls(module);
  layout.moves_words = MovesWords(module);

  Cursor cursor;
  layout.memories = cursor.Take(module.memory_types.size() - module.num_imported_memories, sizeof(abi::VmMemory), 16);
  layout.tables = cursor.Take(module.table_types.size() - module.num_imported_tables, sizeof(abi::VmTable), 16);
  layout.globals = cursor.Take(module.globals.size(), sizeof(abi::Value), alignof(abi::Value));
  layout.imported_memories = cursor.Take(module.num_imported_memories, sizeof(void*), 8);
  layout.imported_tables = cursor.Take(module.num_imported_tables, sizeof(void*), 8);
  layout.imported_globals = cursor.Take(module.num_imported_globals, sizeof(void*), 8);
  layout.data_sizes = cursor.Take(module.data_segments.size(), sizeof(uint32_t), 4);
  layout.type_ids = cursor.Take(module.types.size(), sizeof(uint32_t), 4);
  layout.elem_segments = cursor.Take(module.elem_segments.size(), sizeof(abi::VmElemSegment), 8);
  layout.funcrefs = cursor.Take(layout.funcref_slot.size(), sizeof(abi::VmFuncRef), 8);

  const uint64_t size = (cursor.at() + page_size - 1) / page_size * page_size;
  if (size > kMaxContextSize) {
    return Fail(ErrorKind::kLimit, "the module's globals, types, references and segments need a context of " +
                                       std::to_string(size) + " bytes, limit " + std::to_string(kMaxContextSize));
  }
  layout.context_size = static_cast<uint32_t>(size);
  return layout;
}

}  // namespace guardc::compiler
