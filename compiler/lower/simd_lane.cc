// SIMD lane access, splats and permutations.
#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/IntrinsicsAArch64.h>
#include <llvm/IR/IntrinsicsX86.h>

#include "compiler/lower/lower_function.h"

namespace guardc::compiler {

// What a lane of the vector is on the stack.
llvm::Type* FunctionLowering::ScalarOf(llvm::FixedVectorType* type) const {
  llvm::Type* element = type->getElementType();
  return element->isIntegerTy() && element != m_.i64 ? m_.i32 : element;
}

void FunctionLowering::RequireLane(llvm::FixedVectorType* type, const Instr& instr) {
  Require(instr.lane < type->getNumElements(), "a lane is one of the vector's");
}

void FunctionLowering::Splat(llvm::FixedVectorType* type) {
  llvm::Value* value = Pop(ScalarOf(type));
  if (type->getElementType()->isIntegerTy()) value = b_.CreateTrunc(value, type->getElementType());
  PushV(b_.CreateVectorSplat(type->getNumElements(), value));
}

void FunctionLowering::ExtractLane(llvm::FixedVectorType* type, bool is_signed, const Instr& instr) {
  RequireLane(type, instr);
  llvm::Value* lane = b_.CreateExtractElement(PopV(type), uint64_t{instr.lane});
  const bool is_narrow = lane->getType()->isIntegerTy(8) || lane->getType()->isIntegerTy(16);
  Push(is_narrow ? b_.CreateIntCast(lane, m_.i32, is_signed) : lane);
}

void FunctionLowering::ReplaceLane(llvm::FixedVectorType* type, const Instr& instr) {
  RequireLane(type, instr);
  llvm::Value* lane = Pop(ScalarOf(type));
  if (type->getElementType()->isIntegerTy()) lane = b_.CreateTrunc(lane, type->getElementType());
  PushV(b_.CreateInsertElement(PopV(type), lane, uint64_t{instr.lane}));
}

void FunctionLowering::Shuffle(const V128& lanes) {
  llvm::Value* y = PopV(m_.i8x16);
  llvm::Value* x = PopV(m_.i8x16);
  const llvm::SmallVector<int, 16> mask(lanes.begin(), lanes.end());
  for (const int lane : mask) Require(lane < 32, "a lane is one of the vector's");
  PushV(b_.CreateShuffleVector(x, y, mask));
}

// An index of 16 or more gives 0. aarch64's tbl does so; pshufb does for indexes with the top bit, so a saturating
// addition takes 16 to 0x80. The relaxed form leaves that out.
void FunctionLowering::Swizzle(bool is_relaxed) {
  llvm::Value* index = PopV(m_.i8x16);
  llvm::Value* x = PopV(m_.i8x16);
  if (m_.options.is_aarch64) {
    PushV(b_.CreateIntrinsic(llvm::Intrinsic::aarch64_neon_tbl1, {m_.i8x16}, {x, index}));
    return;
  }
  if (!is_relaxed) {
    constexpr uint64_t kToTopBit = 0x80 - 16;
    index = b_.CreateBinaryIntrinsic(llvm::Intrinsic::uadd_sat, index, llvm::ConstantInt::get(m_.i8x16, kToTopBit));
  }
  PushV(b_.CreateIntrinsic(llvm::Intrinsic::x86_ssse3_pshuf_b_128, {}, {x, index}));
}

bool FunctionLowering::LowerSimdLane(const Instr& instr) {
  switch (instr.op) {
    case Op::kI8X16Splat:  // i8x16.splat
      Splat(m_.i8x16);
      return true;
    case Op::kI16X8Splat:  // i16x8.splat
      Splat(m_.i16x8);
      return true;
    case Op::kI32X4Splat:  // i32x4.splat
      Splat(m_.i32x4);
      return true;
    case Op::kI64X2Splat:  // i64x2.splat
      Splat(m_.i64x2);
      return true;
    case Op::kF32X4Splat:  // f32x4.splat
      Splat(m_.f32x4);
      return true;
    case Op::kF64X2Splat:  // f64x2.splat
      Splat(m_.f64x2);
      return true;
    case Op::kI8X16ExtractLaneS:  // i8x16.extract_lane_s
      ExtractLane(m_.i8x16, true, instr);
      return true;
    case Op::kI8X16ExtractLaneU:  // i8x16.extract_lane_u
      ExtractLane(m_.i8x16, false, instr);
      return true;
    case Op::kI16X8ExtractLaneS:  // i16x8.extract_lane_s
      ExtractLane(m_.i16x8, true, instr);
      return true;
    case Op::kI16X8ExtractLaneU:  // i16x8.extract_lane_u
      ExtractLane(m_.i16x8, false, instr);
      return true;
    case Op::kI32X4ExtractLane:  // i32x4.extract_lane
      ExtractLane(m_.i32x4, false, instr);
      return true;
    case Op::kI64X2ExtractLane:  // i64x2.extract_lane
      ExtractLane(m_.i64x2, false, instr);
      return true;
    case Op::kF32X4ExtractLane:  // f32x4.extract_lane
      ExtractLane(m_.f32x4, false, instr);
      return true;
    case Op::kF64X2ExtractLane:  // f64x2.extract_lane
      ExtractLane(m_.f64x2, false, instr);
      return true;
    case Op::kI8X16ReplaceLane:  // i8x16.replace_lane
      ReplaceLane(m_.i8x16, instr);
      return true;
    case Op::kI16X8ReplaceLane:  // i16x8.replace_lane
      ReplaceLane(m_.i16x8, instr);
      return true;
    case Op::kI32X4ReplaceLane:  // i32x4.replace_lane
      ReplaceLane(m_.i32x4, instr);
      return true;
    case Op::kI64X2ReplaceLane:  // i64x2.replace_lane
      ReplaceLane(m_.i64x2, instr);
      return true;
    case Op::kF32X4ReplaceLane:  // f32x4.replace_lane
      ReplaceLane(m_.f32x4, instr);
      return true;
    case Op::kF64X2ReplaceLane:  // f64x2.replace_lane
      ReplaceLane(m_.f64x2, instr);
      return true;
    case Op::kI8X16Shuffle:  // i8x16.shuffle
      Shuffle(body_.v128s[instr.imm]);
      return true;
    case Op::kI8X16Swizzle:  // i8x16.swizzle
      Swizzle(false);
      return true;
    default:
      return false;
  }
}

}  // namespace guardc::compiler
