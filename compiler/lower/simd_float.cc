// SIMD floating point arithmetic; the rules are those of floating.cc, lane by lane.
#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Intrinsics.h>

#include "compiler/lower/lower_function.h"

namespace guardc::compiler {

void FunctionLowering::VectorFloatUnary(llvm::FixedVectorType* type, unsigned intrinsic) {
  PushV(Canonical(b_.CreateUnaryIntrinsic(intrinsic, PopV(type))));
}

void FunctionLowering::VectorFloatBinary(llvm::FixedVectorType* type, llvm::Instruction::BinaryOps op) {
  llvm::Value* y = PopV(type);
  llvm::Value* x = PopV(type);
  PushV(Canonical(b_.CreateBinOp(op, x, y)));
}

void FunctionLowering::VectorFloatMinMax(llvm::FixedVectorType* type, bool is_min) {
  llvm::Value* y = PopV(type);
  llvm::Value* x = PopV(type);
  PushV(FloatMinMax(x, y, is_min));
}

// y < x ? y : x, and x < y ? y : x: one operand as it is, NaNs included.
void FunctionLowering::PseudoMinMax(llvm::FixedVectorType* type, bool is_min) {
  llvm::Value* y = PopV(type);
  llvm::Value* x = PopV(type);
  llvm::Value* take_y = is_min ? b_.CreateFCmpOLT(y, x) : b_.CreateFCmpOLT(x, y);
  PushV(b_.CreateSelect(take_y, y, x));
}

bool FunctionLowering::LowerSimdFloat(const Instr& instr) {
  using llvm::CmpInst;
  switch (instr.op) {
    case Op::kF32X4Eq:  // f32x4.eq
      VectorCompare(m_.f32x4, CmpInst::FCMP_OEQ);
      return true;
    case Op::kF32X4Ne:  // f32x4.ne
      VectorCompare(m_.f32x4, CmpInst::FCMP_UNE);
      return true;
    case Op::kF32X4Lt:  // f32x4.lt
      VectorCompare(m_.f32x4, CmpInst::FCMP_OLT);
      return true;
    case Op::kF32X4Gt:  // f32x4.gt
      VectorCompare(m_.f32x4, CmpInst::FCMP_OGT);
      return true;
    case Op::kF32X4Le:  // f32x4.le
      VectorCompare(m_.f32x4, CmpInst::FCMP_OLE);
      return true;
    case Op::kF32X4Ge:  // f32x4.ge
      VectorCompare(m_.f32x4, CmpInst::FCMP_OGE);
      return true;
    case Op::kF32X4Abs:  // f32x4.abs
      PushV(b_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, PopV(m_.f32x4)));
      return true;
    case Op::kF32X4Neg:  // f32x4.neg
      PushV(b_.CreateFNeg(PopV(m_.f32x4)));
      return true;
    case Op::kF32X4Ceil:  // f32x4.ceil
      VectorFloatUnary(m_.f32x4, llvm::Intrinsic::ceil);
      return true;
    case Op::kF32X4Floor:  // f32x4.floor
      VectorFloatUnary(m_.f32x4, llvm::Intrinsic::floor);
      return true;
    case Op::kF32X4Trunc:  // f32x4.trunc
      VectorFloatUnary(m_.f32x4, llvm::Intrinsic::trunc);
      return true;
    case Op::kF32X4Nearest:  // f32x4.nearest
      VectorFloatUnary(m_.f32x4, llvm::Intrinsic::roundeven);
      return true;
    case Op::kF32X4Sqrt:  // f32x4.sqrt
      VectorFloatUnary(m_.f32x4, llvm::Intrinsic::sqrt);
      return true;
    case Op::kF32X4Add:  // f32x4.add
      VectorFloatBinary(m_.f32x4, llvm::Instruction::FAdd);
      return true;
    case Op::kF32X4Sub:  // f32x4.sub
      VectorFloatBinary(m_.f32x4, llvm::Instruction::FSub);
      return true;
    case Op::kF32X4Mul:  // f32x4.mul
      VectorFloatBinary(m_.f32x4, llvm::Instruction::FMul);
      return true;
    case Op::kF32X4Div:  // f32x4.div
      VectorFloatBinary(m_.f32x4, llvm::Instruction::FDiv);
      return true;
    case Op::kF32X4Min:  // f32x4.min
      VectorFloatMinMax(m_.f32x4, true);
      return true;
    case Op::kF32X4PMin:  // f32x4.pmin
      PseudoMinMax(m_.f32x4, true);
      return true;
    case Op::kF32X4Max:  // f32x4.max
      VectorFloatMinMax(m_.f32x4, false);
      return true;
    case Op::kF32X4PMax:  // f32x4.pmax
      PseudoMinMax(m_.f32x4, false);
      return true;
    case Op::kF64X2Eq:  // f64x2.eq
      VectorCompare(m_.f64x2, CmpInst::FCMP_OEQ);
      return true;
    case Op::kF64X2Ne:  // f64x2.ne
      VectorCompare(m_.f64x2, CmpInst::FCMP_UNE);
      return true;
    case Op::kF64X2Lt:  // f64x2.lt
      VectorCompare(m_.f64x2, CmpInst::FCMP_OLT);
      return true;
    case Op::kF64X2Gt:  // f64x2.gt
      VectorCompare(m_.f64x2, CmpInst::FCMP_OGT);
      return true;
    case Op::kF64X2Le:  // f64x2.le
      VectorCompare(m_.f64x2, CmpInst::FCMP_OLE);
      return true;
    case Op::kF64X2Ge:  // f64x2.ge
      VectorCompare(m_.f64x2, CmpInst::FCMP_OGE);
      return true;
    case Op::kF64X2Abs:  // f64x2.abs
      PushV(b_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, PopV(m_.f64x2)));
      return true;
    case Op::kF64X2Neg:  // f64x2.neg
      PushV(b_.CreateFNeg(PopV(m_.f64x2)));
      return true;
    case Op::kF64X2Ceil:  // f64x2.ceil
      VectorFloatUnary(m_.f64x2, llvm::Intrinsic::ceil);
      return true;
    case Op::kF64X2Floor:  // f64x2.floor
      VectorFloatUnary(m_.f64x2, llvm::Intrinsic::floor);
      return true;
    case Op::kF64X2Trunc:  // f64x2.trunc
      VectorFloatUnary(m_.f64x2, llvm::Intrinsic::trunc);
      return true;
    case Op::kF64X2Nearest:  // f64x2.nearest
      VectorFloatUnary(m_.f64x2, llvm::Intrinsic::roundeven);
      return true;
    case Op::kF64X2Sqrt:  // f64x2.sqrt
      VectorFloatUnary(m_.f64x2, llvm::Intrinsic::sqrt);
      return true;
    case Op::kF64X2Add:  // f64x2.add
      VectorFloatBinary(m_.f64x2, llvm::Instruction::FAdd);
      return true;
    case Op::kF64X2Sub:  // f64x2.sub
      VectorFloatBinary(m_.f64x2, llvm::Instruction::FSub);
      return true;
    case Op::kF64X2Mul:  // f64x2.mul
      VectorFloatBinary(m_.f64x2, llvm::Instruction::FMul);
      return true;
    case Op::kF64X2Div:  // f64x2.div
      VectorFloatBinary(m_.f64x2, llvm::Instruction::FDiv);
      return true;
    case Op::kF64X2Min:  // f64x2.min
      VectorFloatMinMax(m_.f64x2, true);
      return true;
    case Op::kF64X2PMin:  // f64x2.pmin
      PseudoMinMax(m_.f64x2, true);
      return true;
    case Op::kF64X2Max:  // f64x2.max
      VectorFloatMinMax(m_.f64x2, false);
      return true;
    case Op::kF64X2PMax:  // f64x2.pmax
      PseudoMinMax(m_.f64x2, false);
      return true;
    default:
      return false;
  }
}

}  // namespace guardc::compiler
