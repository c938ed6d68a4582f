// SIMD integer instructions whose lanes change width: extensions, products, pairwise sums, narrowing.
#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/IntrinsicsAArch64.h>
#include <llvm/IR/IntrinsicsX86.h>

#include "compiler/lower/lower_function.h"

namespace guardc::compiler {

llvm::Value* FunctionLowering::Half(llvm::Value* vector, bool high) {
  const unsigned half = llvm::cast<llvm::FixedVectorType>(vector->getType())->getNumElements() / 2;
  llvm::SmallVector<int, 8> mask;
  for (unsigned i = 0; i < half; ++i) mask.push_back(static_cast<int>(high ? half + i : i));
  return b_.CreateShuffleVector(vector, mask);
}

llvm::Value* FunctionLowering::EveryOther(llvm::Value* vector, bool odd) {
  const unsigned count = llvm::cast<llvm::FixedVectorType>(vector->getType())->getNumElements();
  llvm::SmallVector<int, 8> mask;
  for (unsigned i = odd ? 1 : 0; i < count; i += 2) mask.push_back(static_cast<int>(i));
  return b_.CreateShuffleVector(vector, mask);
}

llvm::Value* FunctionLowering::Widened(llvm::Value* vector, bool is_signed) {
  auto* type = llvm::VectorType::getExtendedElementVectorType(llvm::cast<llvm::VectorType>(vector->getType()));
  return b_.CreateIntCast(vector, type, is_signed);
}

// Both operands' lanes are signed; `is_signed` is about the saturation. Both back ends know clamp-and-truncate.
void FunctionLowering::Narrow(llvm::FixedVectorType* from, bool is_signed) {
  llvm::Value* y = PopV(from);
  llvm::Value* x = PopV(from);
  const unsigned bits = from->getScalarSizeInBits() / 2;
  const auto low = is_signed ? llvm::APInt::getSignedMinValue(bits).sext(bits * 2) : llvm::APInt(bits * 2, 0);
  const auto high =
      is_signed ? llvm::APInt::getSignedMaxValue(bits).sext(bits * 2) : llvm::APInt::getMaxValue(bits).zext(bits * 2);
  llvm::SmallVector<int, 16> all;
  for (unsigned i = 0; i < from->getNumElements() * 2; ++i) all.push_back(static_cast<int>(i));
  llvm::Value* both = b_.CreateShuffleVector(x, y, all);
  llvm::Type* type = both->getType();
  both = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smax, both, llvm::ConstantInt::get(type, low));
  both = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, both, llvm::ConstantInt::get(type, high));
  PushV(b_.CreateTrunc(both, type->getWithNewBitWidth(bits)));
}

void FunctionLowering::Extend(llvm::FixedVectorType* from, bool high, bool is_signed) {
  PushV(Widened(Half(PopV(from), high), is_signed));
}

void FunctionLowering::ExtendedMultiply(llvm::FixedVectorType* from, bool high, bool is_signed) {
  llvm::Value* y = Widened(Half(PopV(from), high), is_signed);
  llvm::Value* x = Widened(Half(PopV(from), high), is_signed);
  PushV(b_.CreateMul(x, y));
}

// Neighbours added at twice the width.
llvm::Value* FunctionLowering::AddPairs(llvm::Value* vector, bool is_signed) {
  return b_.CreateAdd(Widened(EveryOther(vector, false), is_signed), Widened(EveryOther(vector, true), is_signed));
}

void FunctionLowering::PairwiseAdd(llvm::FixedVectorType* from, bool is_signed) {
  PushV(AddPairs(PopV(from), is_signed));
}

// <8 x i16> -> <4 x i32>: products of the signed lanes, neighbours added modulo 2^32.
llvm::Value* FunctionLowering::DotI16(llvm::Value* x, llvm::Value* y) {
  if (!m_.options.is_aarch64) return b_.CreateIntrinsic(llvm::Intrinsic::x86_sse2_pmadd_wd, {}, {x, y});
  llvm::Value* even = b_.CreateMul(Widened(EveryOther(x, false), true), Widened(EveryOther(y, false), true));
  llvm::Value* odd = b_.CreateMul(Widened(EveryOther(x, true), true), Widened(EveryOther(y, true), true));
  return b_.CreateAdd(even, odd);
}

// (x * y + 0x4000) >> 15, saturated. Only -1 * -1 overflows; there pmulhrsw wraps to -1, which the relaxed form allows.
void FunctionLowering::RoundingMultiplyQ15(bool is_relaxed) {
  llvm::Value* y = PopV(m_.i16x8);
  llvm::Value* x = PopV(m_.i16x8);
  if (m_.options.is_aarch64) {
    PushV(b_.CreateIntrinsic(llvm::Intrinsic::aarch64_neon_sqrdmulh, {m_.i16x8}, {x, y}));
    return;
  }
  llvm::Value* product = b_.CreateIntrinsic(llvm::Intrinsic::x86_ssse3_pmul_hr_sw_128, {}, {x, y});
  if (!is_relaxed) {
    llvm::Value* lowest = llvm::ConstantInt::get(m_.i16x8, 0x8000);
    product = b_.CreateXor(product, b_.CreateSExt(b_.CreateICmpEQ(product, lowest), m_.i16x8));
  }
  PushV(product);
}

bool FunctionLowering::LowerSimdWiden(const Instr& instr) {
  switch (instr.op) {
    case Op::kI16X8ExtendLowI8X16S:  // i16x8.extend_low_i8x16_s
      Extend(m_.i8x16, false, true);
      return true;
    case Op::kI16X8ExtendLowI8X16U:  // i16x8.extend_low_i8x16_u
      Extend(m_.i8x16, false, false);
      return true;
    case Op::kI16X8ExtendHighI8X16S:  // i16x8.extend_high_i8x16_s
      Extend(m_.i8x16, true, true);
      return true;
    case Op::kI16X8ExtendHighI8X16U:  // i16x8.extend_high_i8x16_u
      Extend(m_.i8x16, true, false);
      return true;
    case Op::kI16X8ExtmulLowI8X16S:  // i16x8.extmul_low_i8x16_s
      ExtendedMultiply(m_.i8x16, false, true);
      return true;
    case Op::kI16X8ExtmulLowI8X16U:  // i16x8.extmul_low_i8x16_u
      ExtendedMultiply(m_.i8x16, false, false);
      return true;
    case Op::kI16X8ExtmulHighI8X16S:  // i16x8.extmul_high_i8x16_s
      ExtendedMultiply(m_.i8x16, true, true);
      return true;
    case Op::kI16X8ExtmulHighI8X16U:  // i16x8.extmul_high_i8x16_u
      ExtendedMultiply(m_.i8x16, true, false);
      return true;
    case Op::kI16X8ExtaddPairwiseI8X16S:  // i16x8.extadd_pairwise_i8x16_s
      PairwiseAdd(m_.i8x16, true);
      return true;
    case Op::kI8X16NarrowI16X8S:  // i8x16.narrow_i16x8_s
      Narrow(m_.i16x8, true);
      return true;
    case Op::kI16X8ExtaddPairwiseI8X16U:  // i16x8.extadd_pairwise_i8x16_u
      PairwiseAdd(m_.i8x16, false);
      return true;
    case Op::kI8X16NarrowI16X8U:  // i8x16.narrow_i16x8_u
      Narrow(m_.i16x8, false);
      return true;
    case Op::kI32X4ExtendLowI16X8S:  // i32x4.extend_low_i16x8_s
      Extend(m_.i16x8, false, true);
      return true;
    case Op::kI32X4ExtendLowI16X8U:  // i32x4.extend_low_i16x8_u
      Extend(m_.i16x8, false, false);
      return true;
    case Op::kI32X4ExtendHighI16X8S:  // i32x4.extend_high_i16x8_s
      Extend(m_.i16x8, true, true);
      return true;
    case Op::kI32X4ExtendHighI16X8U:  // i32x4.extend_high_i16x8_u
      Extend(m_.i16x8, true, false);
      return true;
    case Op::kI32X4ExtmulLowI16X8S:  // i32x4.extmul_low_i16x8_s
      ExtendedMultiply(m_.i16x8, false, true);
      return true;
    case Op::kI32X4ExtmulLowI16X8U:  // i32x4.extmul_low_i16x8_u
      ExtendedMultiply(m_.i16x8, false, false);
      return true;
    case Op::kI32X4ExtmulHighI16X8S:  // i32x4.extmul_high_i16x8_s
      ExtendedMultiply(m_.i16x8, true, true);
      return true;
    case Op::kI32X4ExtmulHighI16X8U:  // i32x4.extmul_high_i16x8_u
      ExtendedMultiply(m_.i16x8, true, false);
      return true;
    case Op::kI32X4ExtaddPairwiseI16X8S:  // i32x4.extadd_pairwise_i16x8_s
      PairwiseAdd(m_.i16x8, true);
      return true;
    case Op::kI16X8NarrowI32X4S:  // i16x8.narrow_i32x4_s
      Narrow(m_.i32x4, true);
      return true;
    case Op::kI32X4ExtaddPairwiseI16X8U:  // i32x4.extadd_pairwise_i16x8_u
      PairwiseAdd(m_.i16x8, false);
      return true;
    case Op::kI16X8NarrowI32X4U:  // i16x8.narrow_i32x4_u
      Narrow(m_.i32x4, false);
      return true;
    case Op::kI64X2ExtendLowI32X4S:  // i64x2.extend_low_i32x4_s
      Extend(m_.i32x4, false, true);
      return true;
    case Op::kI64X2ExtendLowI32X4U:  // i64x2.extend_low_i32x4_u
      Extend(m_.i32x4, false, false);
      return true;
    case Op::kI64X2ExtendHighI32X4S:  // i64x2.extend_high_i32x4_s
      Extend(m_.i32x4, true, true);
      return true;
    case Op::kI64X2ExtendHighI32X4U:  // i64x2.extend_high_i32x4_u
      Extend(m_.i32x4, true, false);
      return true;
    case Op::kI64X2ExtmulLowI32X4S:  // i64x2.extmul_low_i32x4_s
      ExtendedMultiply(m_.i32x4, false, true);
      return true;
    case Op::kI64X2ExtmulLowI32X4U:  // i64x2.extmul_low_i32x4_u
      ExtendedMultiply(m_.i32x4, false, false);
      return true;
    case Op::kI64X2ExtmulHighI32X4S:  // i64x2.extmul_high_i32x4_s
      ExtendedMultiply(m_.i32x4, true, true);
      return true;
    case Op::kI64X2ExtmulHighI32X4U:  // i64x2.extmul_high_i32x4_u
      ExtendedMultiply(m_.i32x4, true, false);
      return true;
    case Op::kI32X4DotI16X8S: {  // i32x4.dot_i16x8_s
      llvm::Value* y = PopV(m_.i16x8);
      PushV(DotI16(PopV(m_.i16x8), y));
      return true;
    }
    case Op::kI16X8Q15mulrSatS:  // i16x8.q15mulr_sat_s
      RoundingMultiplyQ15(false);
      return true;
    default:
      return false;
  }
}

}  // namespace guardc::compiler
