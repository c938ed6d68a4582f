// Floating point instructions (core specification 4.3.3), scalar; vectors share min, max and the NaN rules.
//
// No fast-math flags and no contraction, ever. NaNs: arithmetic gives a quiet NaN, canonical where its operands are;
// x86 and aarch64 do so in hardware, and finish_function.h says where LLVM would not. abs, neg and copysign only touch
// the sign bit.
#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Intrinsics.h>

#include "compiler/lower/lower_function.h"
#include "compiler/lower/quiet_nan.h"

namespace guardc::compiler {

llvm::Value* FunctionLowering::Canonical(llvm::Value* value) {
  return m_.options.canonical_nans ? CanonicalNan(b_, value) : value;
}

void FunctionLowering::FloatUnary(unsigned intrinsic) { Push(Canonical(b_.CreateUnaryIntrinsic(intrinsic, Pop()))); }

// aarch64 has exactly these. On x86 LLVM's llvm.minimum is longer and hands a signalling NaN through; there, minps
// gives its second operand for NaNs and for zeros of either sign, so min in both orders, merged, gets the zeros right
// (or: -0 wins; and: +0 wins), and x + y is the quiet NaN.
llvm::Value* FunctionLowering::FloatMinMax(llvm::Value* x, llvm::Value* y, bool is_min) {
  if (m_.options.is_aarch64) {
    return Canonical(b_.CreateBinaryIntrinsic(is_min ? llvm::Intrinsic::minimum : llvm::Intrinsic::maximum, x, y));
  }
  llvm::Type* type = x->getType();
  llvm::Type* bits_type = type->getWithNewType(b_.getIntNTy(type->getScalarSizeInBits()));
  const auto predicate = is_min ? llvm::CmpInst::FCMP_OLT : llvm::CmpInst::FCMP_OGT;
  llvm::Value* one = b_.CreateBitCast(b_.CreateSelect(b_.CreateFCmp(predicate, x, y), x, y), bits_type);
  llvm::Value* other = b_.CreateBitCast(b_.CreateSelect(b_.CreateFCmp(predicate, y, x), y, x), bits_type);
  llvm::Value* merged = b_.CreateBitCast(is_min ? b_.CreateOr(one, other) : b_.CreateAnd(one, other), type);
  return Canonical(b_.CreateSelect(b_.CreateFCmpUNO(x, y), b_.CreateFAdd(x, y), merged));
}

bool FunctionLowering::LowerFloating(const Instr& instr) {
  auto unary = [this](unsigned intrinsic) {
    FloatUnary(intrinsic);
    return true;
  };
  auto binary = [this](llvm::Instruction::BinaryOps op) {
    llvm::Value* y = Pop();
    llvm::Value* x = Pop();
    Push(Canonical(b_.CreateBinOp(op, x, y)));
    return true;
  };
  auto compare = [this](llvm::CmpInst::Predicate predicate) {
    Compare(predicate);
    return true;
  };
  auto min_max = [this](bool is_min) {
    llvm::Value* y = Pop();
    llvm::Value* x = Pop();
    Push(FloatMinMax(x, y, is_min));
    return true;
  };
  auto constant = [&](ValType type) {
    V128 bytes{};
    for (size_t i = 0; i < 8; ++i) bytes[i] = static_cast<uint8_t>(instr.imm >> (8 * i));
    Push(m_.ConstantOf(type, bytes));
    return true;
  };
  switch (instr.op) {
    case Op::kF32Const:  // f32.const
      return constant(ValType::kF32);
    case Op::kF64Const:  // f64.const
      return constant(ValType::kF64);

    case Op::kF32Eq:  // f32.eq
    case Op::kF64Eq:  // f64.eq
      return compare(llvm::CmpInst::FCMP_OEQ);
    case Op::kF32Ne:  // f32.ne
    case Op::kF64Ne:  // f64.ne
      return compare(llvm::CmpInst::FCMP_UNE);
    case Op::kF32Lt:  // f32.lt
    case Op::kF64Lt:  // f64.lt
      return compare(llvm::CmpInst::FCMP_OLT);
    case Op::kF32Gt:  // f32.gt
    case Op::kF64Gt:  // f64.gt
      return compare(llvm::CmpInst::FCMP_OGT);
    case Op::kF32Le:  // f32.le
    case Op::kF64Le:  // f64.le
      return compare(llvm::CmpInst::FCMP_OLE);
    case Op::kF32Ge:  // f32.ge
    case Op::kF64Ge:  // f64.ge
      return compare(llvm::CmpInst::FCMP_OGE);

    case Op::kF32Abs:  // f32.abs
    case Op::kF64Abs:  // f64.abs
      Push(b_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, Pop()));
      return true;
    case Op::kF32Neg:  // f32.neg
    case Op::kF64Neg:  // f64.neg
      Push(b_.CreateFNeg(Pop()));
      return true;
    case Op::kF32Copysign:    // f32.copysign
    case Op::kF64Copysign: {  // f64.copysign
      llvm::Value* sign = Pop();
      Push(b_.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, Pop(), sign));
      return true;
    }
    case Op::kF32Ceil:  // f32.ceil
    case Op::kF64Ceil:  // f64.ceil
      return unary(llvm::Intrinsic::ceil);
    case Op::kF32Floor:  // f32.floor
    case Op::kF64Floor:  // f64.floor
      return unary(llvm::Intrinsic::floor);
    case Op::kF32Trunc:  // f32.trunc
    case Op::kF64Trunc:  // f64.trunc
      return unary(llvm::Intrinsic::trunc);
    case Op::kF32Nearest:  // f32.nearest
    case Op::kF64Nearest:  // f64.nearest
      return unary(llvm::Intrinsic::roundeven);
    case Op::kF32Sqrt:  // f32.sqrt
    case Op::kF64Sqrt:  // f64.sqrt
      return unary(llvm::Intrinsic::sqrt);

    case Op::kF32Add:  // f32.add
    case Op::kF64Add:  // f64.add
      return binary(llvm::Instruction::FAdd);
    case Op::kF32Sub:  // f32.sub
    case Op::kF64Sub:  // f64.sub
      return binary(llvm::Instruction::FSub);
    case Op::kF32Mul:  // f32.mul
    case Op::kF64Mul:  // f64.mul
      return binary(llvm::Instruction::FMul);
    case Op::kF32Div:  // f32.div
    case Op::kF64Div:  // f64.div
      return binary(llvm::Instruction::FDiv);
    case Op::kF32Min:  // f32.min
    case Op::kF64Min:  // f64.min
      return min_max(true);
    case Op::kF32Max:  // f32.max
    case Op::kF64Max:  // f64.max
      return min_max(false);
    default:
      return false;
  }
}

}  // namespace guardc::compiler
