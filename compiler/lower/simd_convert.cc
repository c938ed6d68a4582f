// SIMD conversions between integers and floats, and between floats.
#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/IntrinsicsX86.h>

#include "compiler/lower/lower_function.h"

namespace guardc::compiler {

// cvttps2dq and cvttpd2dq give 0x80000000 for whatever does not fit: right below the range; above it and for NaNs the
// operand or the answer is mended here. The generic intrinsic would take the vector apart.
llvm::Value* FunctionLowering::TruncSatF32x4(llvm::Value* x, bool is_signed) {
  if (m_.options.is_aarch64) {
    const auto intrinsic = is_signed ? llvm::Intrinsic::fptosi_sat : llvm::Intrinsic::fptoui_sat;
    return b_.CreateIntrinsic(intrinsic, {m_.i32x4, m_.f32x4}, {x});
  }
  auto truncate = [this](llvm::Value* value) {
    return b_.CreateIntrinsic(llvm::Intrinsic::x86_sse2_cvttps2dq, {}, {value});
  };
  llvm::Value* zero = llvm::Constant::getNullValue(m_.f32x4);
  llvm::Value* limit = llvm::ConstantFP::get(m_.f32x4, 2147483648.0);
  if (is_signed) {
    llvm::Value* number = b_.CreateSelect(b_.CreateFCmpORD(x, x), x, zero);
    llvm::Value* too_big = b_.CreateSExt(b_.CreateFCmpOGE(x, limit), m_.i32x4);
    return b_.CreateXor(truncate(number), too_big);  // 0x80000000 becomes 0x7fffffff
  }
  // The part below 2^31, and what exceeds it, saturated; they add up.
  llvm::Value* positive = b_.CreateSelect(b_.CreateFCmpOGT(x, zero), x, zero);
  llvm::Value* excess = b_.CreateFSub(positive, limit);
  llvm::Value* too_big = b_.CreateSExt(b_.CreateFCmpOGE(excess, limit), m_.i32x4);
  llvm::Value* upper = b_.CreateXor(truncate(excess), too_big);
  upper = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smax, upper, llvm::Constant::getNullValue(m_.i32x4));
  return b_.CreateAdd(truncate(positive), upper);
}

// <2 x double> -> <4 x i32>, the upper lanes 0. Every limit is a number of f64, so clamping first is exact.
llvm::Value* FunctionLowering::TruncSatF64x2(llvm::Value* x, bool is_signed) {
  if (m_.options.is_aarch64) {
    const auto intrinsic = is_signed ? llvm::Intrinsic::fptosi_sat : llvm::Intrinsic::fptoui_sat;
    auto* pair = llvm::FixedVectorType::get(m_.i32, 2);
    llvm::Value* low = b_.CreateIntrinsic(intrinsic, {pair, m_.f64x2}, {x});
    return b_.CreateShuffleVector(low, llvm::Constant::getNullValue(pair), {0, 1, 2, 3});
  }
  llvm::Value* zero = llvm::Constant::getNullValue(m_.f64x2);
  if (is_signed) {
    llvm::Value* highest = llvm::ConstantFP::get(m_.f64x2, 2147483647.0);
    llvm::Value* number = b_.CreateSelect(b_.CreateFCmpORD(x, x), x, zero);
    llvm::Value* clamped = b_.CreateSelect(b_.CreateFCmpOLT(number, highest), number, highest);
    return b_.CreateIntrinsic(llvm::Intrinsic::x86_sse2_cvttpd2dq, {}, {clamped});
  }
  // A whole number below 2^32 added to 2^52 stands in the low half of the sum's bits.
  llvm::Value* highest = llvm::ConstantFP::get(m_.f64x2, 4294967295.0);
  llvm::Value* positive = b_.CreateSelect(b_.CreateFCmpOGT(x, zero), x, zero);
  llvm::Value* clamped = b_.CreateSelect(b_.CreateFCmpOLT(positive, highest), positive, highest);
  llvm::Value* whole = b_.CreateUnaryIntrinsic(llvm::Intrinsic::trunc, clamped);
  llvm::Value* shifted = b_.CreateFAdd(whole, llvm::ConstantFP::get(m_.f64x2, 4503599627370496.0));
  llvm::Value* lanes = b_.CreateBitCast(shifted, m_.i32x4);
  return b_.CreateShuffleVector(lanes, llvm::Constant::getNullValue(m_.i32x4), {0, 2, 4, 5});
}

bool FunctionLowering::LowerSimdConvert(const Instr& instr) {
  switch (instr.op) {
    case Op::kI32X4TruncSatF32X4S:  // i32x4.trunc_sat_f32x4_s
      PushV(TruncSatF32x4(PopV(m_.f32x4), true));
      return true;
    case Op::kI32X4TruncSatF32X4U:  // i32x4.trunc_sat_f32x4_u
      PushV(TruncSatF32x4(PopV(m_.f32x4), false));
      return true;
    case Op::kI32X4TruncSatF64X2SZero:  // i32x4.trunc_sat_f64x2_s_zero
      PushV(TruncSatF64x2(PopV(m_.f64x2), true));
      return true;
    case Op::kI32X4TruncSatF64X2UZero:  // i32x4.trunc_sat_f64x2_u_zero
      PushV(TruncSatF64x2(PopV(m_.f64x2), false));
      return true;
    case Op::kF32X4ConvertI32X4S:  // f32x4.convert_i32x4_s
      PushV(b_.CreateSIToFP(PopV(m_.i32x4), m_.f32x4));
      return true;
    case Op::kF32X4ConvertI32X4U:  // f32x4.convert_i32x4_u
      PushV(b_.CreateUIToFP(PopV(m_.i32x4), m_.f32x4));
      return true;
    case Op::kF64X2ConvertLowI32X4S:  // f64x2.convert_low_i32x4_s
      PushV(b_.CreateSIToFP(Half(PopV(m_.i32x4), false), m_.f64x2));
      return true;
    case Op::kF64X2ConvertLowI32X4U:  // f64x2.convert_low_i32x4_u
      PushV(b_.CreateUIToFP(Half(PopV(m_.i32x4), false), m_.f64x2));
      return true;
    case Op::kF32X4DemoteF64X2Zero: {  // f32x4.demote_f64x2_zero
      auto* pair = llvm::FixedVectorType::get(m_.f32, 2);
      llvm::Value* low = Canonical(b_.CreateFPTrunc(PopV(m_.f64x2), pair));
      PushV(b_.CreateShuffleVector(low, llvm::Constant::getNullValue(pair), {0, 1, 2, 3}));
      return true;
    }
    case Op::kF64X2PromoteLowF32X4:  // f64x2.promote_low_f32x4
      PushV(Canonical(b_.CreateFPExt(Half(PopV(m_.f32x4), false), m_.f64x2)));
      return true;
    default:
      return false;
  }
}

}  // namespace guardc::compiler
