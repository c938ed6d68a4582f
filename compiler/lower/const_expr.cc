#include "compiler/lower/const_expr.h"

#include <cstddef>
#include <vector>

namespace guardc::compiler {
namespace {

// i32 arithmetic happens in 64 bits and is cut to 32: add, sub and mul agree modulo 2^32.
bool Apply(Op op, std::vector<uint64_t>& stack) {
  const uint64_t b = stack.back();
  stack.pop_back();
  uint64_t& a = stack.back();
  switch (op) {
    case Op::kI32Add:  // i32.add
      a = static_cast<uint32_t>(a + b);
      return true;
    case Op::kI32Sub:  // i32.sub
      a = static_cast<uint32_t>(a - b);
      return true;
    case Op::kI32Mul:  // i32.mul
      a = static_cast<uint32_t>(a * b);
      return true;
    case Op::kI64Add:  // i64.add
      a += b;
      return true;
    case Op::kI64Sub:  // i64.sub
      a -= b;
      return true;
    case Op::kI64Mul:  // i64.mul
      a *= b;
      return true;
    default:
      return false;
  }
}

}  // namespace

std::optional<uint64_t> EvaluateInteger(const ConstExpr& expr) {
  std::vector<uint64_t> stack;
  for (const Instr& instr : expr.body) {
    if (instr.op == Op::kI32Const || instr.op == Op::kI64Const) {
      stack.push_back(instr.imm);
    } else if (stack.size() < 2 || !Apply(instr.op, stack)) {
      return std::nullopt;
    }
  }
  if (stack.size() != 1) return std::nullopt;
  return stack[0];
}

std::optional<V128> EvaluateBytes(const ConstExpr& expr) {
  if (expr.body.size() == 1 && expr.body[0].op == Op::kV128Const) return expr.v128s[expr.body[0].imm];
  std::optional<uint64_t> bits;
  if (expr.body.size() == 1 && (expr.body[0].op == Op::kF32Const || expr.body[0].op == Op::kF64Const)) {
    bits = expr.body[0].imm;
  } else {
    bits = EvaluateInteger(expr);
  }
  if (!bits) return std::nullopt;
  V128 bytes{};
  for (size_t i = 0; i < 8; ++i) bytes[i] = static_cast<uint8_t>(*bits >> (8 * i));
  return bytes;
}

std::optional<V128> EvaluateGlobal(const Module& module, uint32_t global) {
  if (global < module.num_imported_globals) return std::nullopt;
  const Global& definition = module.globals[global - module.num_imported_globals];
  if (definition.type.is_mutable || IsReference(definition.type.type)) return std::nullopt;
  return EvaluateBytes(definition.init);
}

}  // namespace guardc::compiler
