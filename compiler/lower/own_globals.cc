#include "compiler/lower/own_globals.h"

#include <cstring>
#include <optional>
#include <vector>

#include "compiler/lower/const_expr.h"

namespace guardc::compiler {
namespace {

// One instruction that gives a global's value; `vector` is that of a v128.const.
struct Value {
  Instr instr;
  V128 vector{};
};

std::optional<Value> ValueOf(const Global& global) {
  if (global.type.is_mutable) return std::nullopt;
  const ConstExpr& init = global.init;
  if (init.body.size() == 1) {
    Value value{.instr = init.body[0]};
    if (value.instr.op == Op::kV128Const) value.vector = init.v128s[value.instr.imm];
    return value;
  }
  const std::optional<uint64_t> integer = EvaluateInteger(init);
  if (!integer) return std::nullopt;
  const Op op = global.type.type == ValType::kI32 ? Op::kI32Const : Op::kI64Const;
  return Value{.instr = {.op = op, .imm = *integer}};
}

class Folder {
 public:
  explicit Folder(Module& module) : module_(module) {}

  void Run() {
    // A global names only those before it.
    for (Global& global : module_.globals) {
      Fold(global.init);
      values_.push_back(ValueOf(global));
    }
    for (ElemSegment& segment : module_.elem_segments) {
      Fold(segment.offset);
      for (ConstExpr& item : segment.items) Fold(item);
    }
    for (DataSegment& segment : module_.data_segments) Fold(segment.offset);
  }

 private:
  void Fold(ConstExpr& expr) {
    for (Instr& instr : expr.body) {
      if (instr.op != Op::kGlobalGet || instr.imm < module_.num_imported_globals) continue;
      const std::optional<Value>& value = values_[instr.imm - module_.num_imported_globals];
      if (!value) continue;
      const uint32_t offset = instr.offset;
      instr = value->instr;
      instr.offset = offset;
      if (instr.op != Op::kV128Const) continue;
      instr.imm = expr.v128s.size();
      expr.v128s.push_back(value->vector);
    }
  }

  Module& module_;
  std::vector<std::optional<Value>> values_;
};

}  // namespace

void FoldOwnGlobals(Module& module) { Folder(module).Run(); }

}  // namespace guardc::compiler
