// SIMD integer arithmetic and comparisons within lanes of one width.
#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Intrinsics.h>

#include "compiler/lower/lower_function.h"

namespace guardc::compiler {

void FunctionLowering::VectorBinary(llvm::FixedVectorType* type, llvm::Instruction::BinaryOps op) {
  llvm::Value* y = PopV(type);
  llvm::Value* x = PopV(type);
  PushV(b_.CreateBinOp(op, x, y));
}

void FunctionLowering::VectorIntrinsic(llvm::FixedVectorType* type, unsigned intrinsic) {
  llvm::Value* y = PopV(type);
  llvm::Value* x = PopV(type);
  PushV(b_.CreateBinaryIntrinsic(intrinsic, x, y));
}

void FunctionLowering::VectorCompare(llvm::FixedVectorType* type, llvm::CmpInst::Predicate predicate) {
  llvm::Value* y = PopV(type);
  llvm::Value* x = PopV(type);
  llvm::Type* result = type->getWithNewType(b_.getIntNTy(type->getScalarSizeInBits()));
  PushV(b_.CreateSExt(b_.CreateCmp(predicate, x, y), result));
}

void FunctionLowering::VectorShift(llvm::FixedVectorType* type, llvm::Instruction::BinaryOps op) {
  llvm::Value* count = b_.CreateAnd(Pop(m_.i32), e_.I32(type->getScalarSizeInBits() - 1));
  count = b_.CreateIntCast(count, type->getElementType(), false);
  llvm::Value* x = PopV(type);
  PushV(b_.CreateBinOp(op, x, b_.CreateVectorSplat(type->getNumElements(), count)));
}

void FunctionLowering::VectorAbs(llvm::FixedVectorType* type) {
  PushV(b_.CreateBinaryIntrinsic(llvm::Intrinsic::abs, PopV(type), b_.getFalse()));
}

void FunctionLowering::VectorNegate(llvm::FixedVectorType* type) { PushV(b_.CreateNeg(PopV(type))); }

void FunctionLowering::AllTrue(llvm::FixedVectorType* type) {
  llvm::Value* lanes = b_.CreateICmpNE(PopV(type), llvm::Constant::getNullValue(type));
  Push(b_.CreateZExt(b_.CreateAndReduce(lanes), m_.i32));
}

void FunctionLowering::Bitmask(llvm::FixedVectorType* type) {
  llvm::Value* signs = b_.CreateICmpSLT(PopV(type), llvm::Constant::getNullValue(type));
  Push(b_.CreateZExt(b_.CreateBitCast(signs, b_.getIntNTy(type->getNumElements())), m_.i32));
}

// (x + y + 1) / 2 without overflow; both back ends know the pattern.
void FunctionLowering::Average(llvm::FixedVectorType* type) {
  auto* wide = llvm::VectorType::getExtendedElementVectorType(type);
  llvm::Value* y = b_.CreateZExt(PopV(type), wide);
  llvm::Value* x = b_.CreateZExt(PopV(type), wide);
  llvm::Value* one = llvm::ConstantInt::get(wide, 1);
  llvm::Value* sum = b_.CreateAdd(b_.CreateAdd(x, y), one);
  PushV(b_.CreateTrunc(b_.CreateLShr(sum, one), type));
}

bool FunctionLowering::LowerSimdInteger(const Instr& instr) {
  using llvm::CmpInst;
  switch (instr.op) {
    case Op::kI8X16Eq:  // i8x16.eq
      VectorCompare(m_.i8x16, CmpInst::ICMP_EQ);
      return true;
    case Op::kI8X16Ne:  // i8x16.ne
      VectorCompare(m_.i8x16, CmpInst::ICMP_NE);
      return true;
    case Op::kI8X16LtS:  // i8x16.lt_s
      VectorCompare(m_.i8x16, CmpInst::ICMP_SLT);
      return true;
    case Op::kI8X16LtU:  // i8x16.lt_u
      VectorCompare(m_.i8x16, CmpInst::ICMP_ULT);
      return true;
    case Op::kI8X16GtS:  // i8x16.gt_s
      VectorCompare(m_.i8x16, CmpInst::ICMP_SGT);
      return true;
    case Op::kI8X16GtU:  // i8x16.gt_u
      VectorCompare(m_.i8x16, CmpInst::ICMP_UGT);
      return true;
    case Op::kI8X16LeS:  // i8x16.le_s
      VectorCompare(m_.i8x16, CmpInst::ICMP_SLE);
      return true;
    case Op::kI8X16LeU:  // i8x16.le_u
      VectorCompare(m_.i8x16, CmpInst::ICMP_ULE);
      return true;
    case Op::kI8X16GeS:  // i8x16.ge_s
      VectorCompare(m_.i8x16, CmpInst::ICMP_SGE);
      return true;
    case Op::kI8X16GeU:  // i8x16.ge_u
      VectorCompare(m_.i8x16, CmpInst::ICMP_UGE);
      return true;
    case Op::kI16X8Eq:  // i16x8.eq
      VectorCompare(m_.i16x8, CmpInst::ICMP_EQ);
      return true;
    case Op::kI16X8Ne:  // i16x8.ne
      VectorCompare(m_.i16x8, CmpInst::ICMP_NE);
      return true;
    case Op::kI16X8LtS:  // i16x8.lt_s
      VectorCompare(m_.i16x8, CmpInst::ICMP_SLT);
      return true;
    case Op::kI16X8LtU:  // i16x8.lt_u
      VectorCompare(m_.i16x8, CmpInst::ICMP_ULT);
      return true;
    case Op::kI16X8GtS:  // i16x8.gt_s
      VectorCompare(m_.i16x8, CmpInst::ICMP_SGT);
      return true;
    case Op::kI16X8GtU:  // i16x8.gt_u
      VectorCompare(m_.i16x8, CmpInst::ICMP_UGT);
      return true;
    case Op::kI16X8LeS:  // i16x8.le_s
      VectorCompare(m_.i16x8, CmpInst::ICMP_SLE);
      return true;
    case Op::kI16X8LeU:  // i16x8.le_u
      VectorCompare(m_.i16x8, CmpInst::ICMP_ULE);
      return true;
    case Op::kI16X8GeS:  // i16x8.ge_s
      VectorCompare(m_.i16x8, CmpInst::ICMP_SGE);
      return true;
    case Op::kI16X8GeU:  // i16x8.ge_u
      VectorCompare(m_.i16x8, CmpInst::ICMP_UGE);
      return true;
    case Op::kI32X4Eq:  // i32x4.eq
      VectorCompare(m_.i32x4, CmpInst::ICMP_EQ);
      return true;
    case Op::kI32X4Ne:  // i32x4.ne
      VectorCompare(m_.i32x4, CmpInst::ICMP_NE);
      return true;
    case Op::kI32X4LtS:  // i32x4.lt_s
      VectorCompare(m_.i32x4, CmpInst::ICMP_SLT);
      return true;
    case Op::kI32X4LtU:  // i32x4.lt_u
      VectorCompare(m_.i32x4, CmpInst::ICMP_ULT);
      return true;
    case Op::kI32X4GtS:  // i32x4.gt_s
      VectorCompare(m_.i32x4, CmpInst::ICMP_SGT);
      return true;
    case Op::kI32X4GtU:  // i32x4.gt_u
      VectorCompare(m_.i32x4, CmpInst::ICMP_UGT);
      return true;
    case Op::kI32X4LeS:  // i32x4.le_s
      VectorCompare(m_.i32x4, CmpInst::ICMP_SLE);
      return true;
    case Op::kI32X4LeU:  // i32x4.le_u
      VectorCompare(m_.i32x4, CmpInst::ICMP_ULE);
      return true;
    case Op::kI32X4GeS:  // i32x4.ge_s
      VectorCompare(m_.i32x4, CmpInst::ICMP_SGE);
      return true;
    case Op::kI32X4GeU:  // i32x4.ge_u
      VectorCompare(m_.i32x4, CmpInst::ICMP_UGE);
      return true;
    case Op::kI64X2Eq:  // i64x2.eq
      VectorCompare(m_.i64x2, CmpInst::ICMP_EQ);
      return true;
    case Op::kI64X2Ne:  // i64x2.ne
      VectorCompare(m_.i64x2, CmpInst::ICMP_NE);
      return true;
    case Op::kI64X2LtS:  // i64x2.lt_s
      VectorCompare(m_.i64x2, CmpInst::ICMP_SLT);
      return true;
    case Op::kI64X2GtS:  // i64x2.gt_s
      VectorCompare(m_.i64x2, CmpInst::ICMP_SGT);
      return true;
    case Op::kI64X2LeS:  // i64x2.le_s
      VectorCompare(m_.i64x2, CmpInst::ICMP_SLE);
      return true;
    case Op::kI64X2GeS:  // i64x2.ge_s
      VectorCompare(m_.i64x2, CmpInst::ICMP_SGE);
      return true;

    case Op::kI8X16Abs:  // i8x16.abs
      VectorAbs(m_.i8x16);
      return true;
    case Op::kI8X16Neg:  // i8x16.neg
      VectorNegate(m_.i8x16);
      return true;
    case Op::kI8X16AllTrue:  // i8x16.all_true
      AllTrue(m_.i8x16);
      return true;
    case Op::kI8X16Bitmask:  // i8x16.bitmask
      Bitmask(m_.i8x16);
      return true;
    case Op::kI8X16Shl:  // i8x16.shl
      VectorShift(m_.i8x16, llvm::Instruction::Shl);
      return true;
    case Op::kI8X16ShrS:  // i8x16.shr_s
      VectorShift(m_.i8x16, llvm::Instruction::AShr);
      return true;
    case Op::kI8X16ShrU:  // i8x16.shr_u
      VectorShift(m_.i8x16, llvm::Instruction::LShr);
      return true;
    case Op::kI8X16Add:  // i8x16.add
      VectorBinary(m_.i8x16, llvm::Instruction::Add);
      return true;
    case Op::kI8X16Sub:  // i8x16.sub
      VectorBinary(m_.i8x16, llvm::Instruction::Sub);
      return true;
    case Op::kI8X16MinS:  // i8x16.min_s
      VectorIntrinsic(m_.i8x16, llvm::Intrinsic::smin);
      return true;
    case Op::kI8X16MinU:  // i8x16.min_u
      VectorIntrinsic(m_.i8x16, llvm::Intrinsic::umin);
      return true;
    case Op::kI8X16MaxS:  // i8x16.max_s
      VectorIntrinsic(m_.i8x16, llvm::Intrinsic::smax);
      return true;
    case Op::kI8X16MaxU:  // i8x16.max_u
      VectorIntrinsic(m_.i8x16, llvm::Intrinsic::umax);
      return true;
    case Op::kI8X16AddSatS:  // i8x16.add_sat_s
      VectorIntrinsic(m_.i8x16, llvm::Intrinsic::sadd_sat);
      return true;
    case Op::kI8X16AddSatU:  // i8x16.add_sat_u
      VectorIntrinsic(m_.i8x16, llvm::Intrinsic::uadd_sat);
      return true;
    case Op::kI8X16SubSatS:  // i8x16.sub_sat_s
      VectorIntrinsic(m_.i8x16, llvm::Intrinsic::ssub_sat);
      return true;
    case Op::kI8X16SubSatU:  // i8x16.sub_sat_u
      VectorIntrinsic(m_.i8x16, llvm::Intrinsic::usub_sat);
      return true;
    case Op::kI8X16AvgrU:  // i8x16.avgr_u
      Average(m_.i8x16);
      return true;
    case Op::kI16X8Abs:  // i16x8.abs
      VectorAbs(m_.i16x8);
      return true;
    case Op::kI16X8Neg:  // i16x8.neg
      VectorNegate(m_.i16x8);
      return true;
    case Op::kI16X8AllTrue:  // i16x8.all_true
      AllTrue(m_.i16x8);
      return true;
    case Op::kI16X8Bitmask:  // i16x8.bitmask
      Bitmask(m_.i16x8);
      return true;
    case Op::kI16X8Shl:  // i16x8.shl
      VectorShift(m_.i16x8, llvm::Instruction::Shl);
      return true;
    case Op::kI16X8ShrS:  // i16x8.shr_s
      VectorShift(m_.i16x8, llvm::Instruction::AShr);
      return true;
    case Op::kI16X8ShrU:  // i16x8.shr_u
      VectorShift(m_.i16x8, llvm::Instruction::LShr);
      return true;
    case Op::kI16X8Add:  // i16x8.add
      VectorBinary(m_.i16x8, llvm::Instruction::Add);
      return true;
    case Op::kI16X8Sub:  // i16x8.sub
      VectorBinary(m_.i16x8, llvm::Instruction::Sub);
      return true;
    case Op::kI16X8Mul:  // i16x8.mul
      VectorBinary(m_.i16x8, llvm::Instruction::Mul);
      return true;
    case Op::kI16X8MinS:  // i16x8.min_s
      VectorIntrinsic(m_.i16x8, llvm::Intrinsic::smin);
      return true;
    case Op::kI16X8MinU:  // i16x8.min_u
      VectorIntrinsic(m_.i16x8, llvm::Intrinsic::umin);
      return true;
    case Op::kI16X8MaxS:  // i16x8.max_s
      VectorIntrinsic(m_.i16x8, llvm::Intrinsic::smax);
      return true;
    case Op::kI16X8MaxU:  // i16x8.max_u
      VectorIntrinsic(m_.i16x8, llvm::Intrinsic::umax);
      return true;
    case Op::kI16X8AddSatS:  // i16x8.add_sat_s
      VectorIntrinsic(m_.i16x8, llvm::Intrinsic::sadd_sat);
      return true;
    case Op::kI16X8AddSatU:  // i16x8.add_sat_u
      VectorIntrinsic(m_.i16x8, llvm::Intrinsic::uadd_sat);
      return true;
    case Op::kI16X8SubSatS:  // i16x8.sub_sat_s
      VectorIntrinsic(m_.i16x8, llvm::Intrinsic::ssub_sat);
      return true;
    case Op::kI16X8SubSatU:  // i16x8.sub_sat_u
      VectorIntrinsic(m_.i16x8, llvm::Intrinsic::usub_sat);
      return true;
    case Op::kI16X8AvgrU:  // i16x8.avgr_u
      Average(m_.i16x8);
      return true;
    case Op::kI32X4Abs:  // i32x4.abs
      VectorAbs(m_.i32x4);
      return true;
    case Op::kI32X4Neg:  // i32x4.neg
      VectorNegate(m_.i32x4);
      return true;
    case Op::kI32X4AllTrue:  // i32x4.all_true
      AllTrue(m_.i32x4);
      return true;
    case Op::kI32X4Bitmask:  // i32x4.bitmask
      Bitmask(m_.i32x4);
      return true;
    case Op::kI32X4Shl:  // i32x4.shl
      VectorShift(m_.i32x4, llvm::Instruction::Shl);
      return true;
    case Op::kI32X4ShrS:  // i32x4.shr_s
      VectorShift(m_.i32x4, llvm::Instruction::AShr);
      return true;
    case Op::kI32X4ShrU:  // i32x4.shr_u
      VectorShift(m_.i32x4, llvm::Instruction::LShr);
      return true;
    case Op::kI32X4Add:  // i32x4.add
      VectorBinary(m_.i32x4, llvm::Instruction::Add);
      return true;
    case Op::kI32X4Sub:  // i32x4.sub
      VectorBinary(m_.i32x4, llvm::Instruction::Sub);
      return true;
    case Op::kI32X4Mul:  // i32x4.mul
      VectorBinary(m_.i32x4, llvm::Instruction::Mul);
      return true;
    case Op::kI32X4MinS:  // i32x4.min_s
      VectorIntrinsic(m_.i32x4, llvm::Intrinsic::smin);
      return true;
    case Op::kI32X4MinU:  // i32x4.min_u
      VectorIntrinsic(m_.i32x4, llvm::Intrinsic::umin);
      return true;
    case Op::kI32X4MaxS:  // i32x4.max_s
      VectorIntrinsic(m_.i32x4, llvm::Intrinsic::smax);
      return true;
    case Op::kI32X4MaxU:  // i32x4.max_u
      VectorIntrinsic(m_.i32x4, llvm::Intrinsic::umax);
      return true;
    case Op::kI64X2Abs:  // i64x2.abs
      VectorAbs(m_.i64x2);
      return true;
    case Op::kI64X2Neg:  // i64x2.neg
      VectorNegate(m_.i64x2);
      return true;
    case Op::kI64X2AllTrue:  // i64x2.all_true
      AllTrue(m_.i64x2);
      return true;
    case Op::kI64X2Bitmask:  // i64x2.bitmask
      Bitmask(m_.i64x2);
      return true;
    case Op::kI64X2Shl:  // i64x2.shl
      VectorShift(m_.i64x2, llvm::Instruction::Shl);
      return true;
    case Op::kI64X2ShrS:  // i64x2.shr_s
      VectorShift(m_.i64x2, llvm::Instruction::AShr);
      return true;
    case Op::kI64X2ShrU:  // i64x2.shr_u
      VectorShift(m_.i64x2, llvm::Instruction::LShr);
      return true;
    case Op::kI64X2Add:  // i64x2.add
      VectorBinary(m_.i64x2, llvm::Instruction::Add);
      return true;
    case Op::kI64X2Sub:  // i64x2.sub
      VectorBinary(m_.i64x2, llvm::Instruction::Sub);
      return true;
    case Op::kI64X2Mul:  // i64x2.mul
      VectorBinary(m_.i64x2, llvm::Instruction::Mul);
      return true;
    case Op::kI8X16Popcnt:  // i8x16.popcnt
      PushV(b_.CreateUnaryIntrinsic(llvm::Intrinsic::ctpop, PopV(m_.i8x16)));
      return true;
    default:
      return false;
  }
}

}  // namespace guardc::compiler
