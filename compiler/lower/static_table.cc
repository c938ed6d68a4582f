#include "compiler/lower/static_table.h"

#include <cstddef>
#include <optional>

#include "compiler/lower/const_expr.h"

namespace guardc::compiler {
namespace {

// Of all static tables together. Larger ones would only bloat the artifact; they go the dynamic way.
constexpr uint64_t kMaxElements = uint64_t{1} << 18;
constexpr uint64_t kMaxStaticTables = 1000;

constexpr uint32_t Low(uint64_t imm) { return static_cast<uint32_t>(imm); }
constexpr uint32_t High(uint64_t imm) { return static_cast<uint32_t>(imm >> 32); }

// Clears what an instruction reads or writes as a whole table.
void Disqualify(const Instr& instr, std::vector<bool>& is_static) {
  switch (instr.op) {
    case Op::kTableGet:
    case Op::kTableSet:
    case Op::kTableGrow:
    case Op::kTableFill:
      is_static[Low(instr.imm)] = false;
      break;
    case Op::kTableInit:
      is_static[High(instr.imm)] = false;
      break;
    case Op::kTableCopy:
      is_static[Low(instr.imm)] = false;
      is_static[High(instr.imm)] = false;
      break;
    default:
      break;
  }
}

bool FitsStaticTable(const Module& module, const ElemSegment& segment) {
  const Limits& limits = module.table_types[segment.table].limits;
  const std::optional<uint64_t> offset = EvaluateInteger(segment.offset);
  if (!offset || *offset > limits.min || segment.items.size() > limits.min - *offset) return false;
  for (const ConstExpr& item : segment.items) {
    if (item.body.size() != 1) return false;
    if (item.body[0].op != Op::kRefFunc && item.body[0].op != Op::kRefNull) return false;
  }
  return true;
}

}  // namespace

std::vector<bool> FindStaticTables(const Module& module) {
  std::vector<bool> is_static(module.table_types.size());
  uint64_t tables = 0, elements = 0;
  for (size_t i = module.num_imported_tables; i < is_static.size(); ++i) {
    const TableType& type = module.table_types[i];
    is_static[i] =
        type.element == ValType::kFuncRef && tables < kMaxStaticTables && type.limits.min <= kMaxElements - elements;
    if (!is_static[i]) continue;
    ++tables;
    elements += type.limits.min;
  }
  for (const Export& exported : module.exports) {
    if (exported.kind == ExternKind::kTable) is_static[exported.index] = false;
  }
  for (const ElemSegment& segment : module.elem_segments) {
    if (segment.mode != SegmentMode::kActive || !is_static[segment.table]) continue;
    if (!FitsStaticTable(module, segment)) is_static[segment.table] = false;
  }
  for (const Function& function : module.functions) {
    for (const Instr& instr : function.body) Disqualify(instr, is_static);
  }
  return is_static;
}

bool ElemSegmentInStaticTable(const Module& module, const ContextLayout& layout, uint32_t segment) {
  const ElemSegment& s = module.elem_segments[segment];
  return s.mode == SegmentMode::kActive && layout.table_is_static[s.table];
}

std::vector<std::vector<uint32_t>> StaticTableContents(const Module& module, const std::vector<bool>& is_static) {
  std::vector<std::vector<uint32_t>> contents(module.table_types.size());
  for (size_t i = 0; i < contents.size(); ++i) {
    if (is_static[i]) contents[i].assign(module.table_types[i].limits.min, kNoFunction);
  }
  for (const ElemSegment& segment : module.elem_segments) {
    if (segment.mode != SegmentMode::kActive || !is_static[segment.table]) continue;
    size_t at = *EvaluateInteger(segment.offset);
    for (const ConstExpr& item : segment.items) {
      const Instr& instr = item.body[0];
      contents[segment.table][at++] = instr.op == Op::kRefFunc ? Low(instr.imm) : kNoFunction;
    }
  }
  return contents;
}

}  // namespace guardc::compiler
