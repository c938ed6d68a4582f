// Constant expressions as IR, for guardc.init. The stack is explicit: extended-const lets them grow long.
#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>

#include <vector>

#include "compiler/lower/const_expr.h"
#include "compiler/lower/emitter.h"

namespace guardc::compiler {
namespace {

V128 BytesOf(uint64_t bits) {
  V128 bytes{};
  for (size_t i = 0; i < 8; ++i) bytes[i] = static_cast<uint8_t>(bits >> (8 * i));
  return bytes;
}

// The instruction's value if it takes no operands, else null.
llvm::Value* Leaf(Emitter& e, const ConstExpr& expr, const Instr& instr) {
  switch (instr.op) {
    case Op::kI32Const:  // i32.const
      return e.m.ConstantOf(ValType::kI32, BytesOf(instr.imm));
    case Op::kI64Const:  // i64.const
      return e.m.ConstantOf(ValType::kI64, BytesOf(instr.imm));
    case Op::kF32Const:  // f32.const
      return e.m.ConstantOf(ValType::kF32, BytesOf(instr.imm));
    case Op::kF64Const:  // f64.const
      return e.m.ConstantOf(ValType::kF64, BytesOf(instr.imm));
    case Op::kV128Const:  // v128.const
      return e.m.ConstantOf(ValType::kV128, expr.v128s[instr.imm]);
    case Op::kRefNull:  // ref.null
      return llvm::ConstantPointerNull::get(e.m.ptr);
    case Op::kRefFunc:  // ref.func
      return e.FuncRef(static_cast<uint32_t>(instr.imm));
    case Op::kGlobalGet:  // global.get
      return e.ReadGlobal(static_cast<uint32_t>(instr.imm));
    default:
      return nullptr;
  }
}

llvm::Value* Combine(Emitter& e, Op op, llvm::Value* x, llvm::Value* y) {
  switch (op) {
    case Op::kI32Add:  // i32.add
    case Op::kI64Add:  // i64.add
      return e.b.CreateAdd(x, y);
    case Op::kI32Sub:  // i32.sub
    case Op::kI64Sub:  // i64.sub
      return e.b.CreateSub(x, y);
    case Op::kI32Mul:  // i32.mul
    case Op::kI64Mul:  // i64.mul
      return e.b.CreateMul(x, y);
    default:
      return nullptr;
  }
}

}  // namespace

llvm::Value* Emitter::ConstantExpression(const ConstExpr& expr) {
  std::vector<llvm::Value*> stack;
  for (const Instr& instr : expr.body) {
    if (llvm::Value* leaf = Leaf(*this, expr, instr)) {
      stack.push_back(leaf);
      continue;
    }
    if (stack.size() < 2) return nullptr;
    llvm::Value* y = stack.back();
    stack.pop_back();
    stack.back() = Combine(*this, instr.op, stack.back(), y);
    if (!stack.back()) return nullptr;
  }
  return stack.size() == 1 ? stack[0] : nullptr;
}

}  // namespace guardc::compiler
