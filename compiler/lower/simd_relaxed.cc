// Relaxed SIMD: where the specification leaves a choice, the fastest answer that is the same at every optimisation
// level and on every CPU of an architecture.
#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/IntrinsicsX86.h>

#include "compiler/lower/lower_function.h"

namespace guardc::compiler {

// Fused on aarch64; on x86 in two steps, since the baseline has no fused form and an answer must not depend on the CPU.
void FunctionLowering::MultiplyAdd(llvm::FixedVectorType* type, bool is_negated) {
  llvm::Value* z = PopV(type);
  llvm::Value* y = PopV(type);
  llvm::Value* x = PopV(type);
  if (is_negated) x = b_.CreateFNeg(x);
  if (m_.options.is_aarch64) {
    PushV(Canonical(b_.CreateIntrinsic(llvm::Intrinsic::fma, {type}, {x, y, z})));
  } else {
    PushV(Canonical(b_.CreateFAdd(b_.CreateFMul(x, y), z)));
  }
}

// pmaddubsw takes unsigned by signed bytes and saturates: allowed where a byte of y has its top bit set.
llvm::Value* FunctionLowering::RelaxedDotI8(llvm::Value* x, llvm::Value* y) {
  if (!m_.options.is_aarch64) return b_.CreateIntrinsic(llvm::Intrinsic::x86_ssse3_pmadd_ub_sw_128, {}, {y, x});
  llvm::Value* even = b_.CreateMul(Widened(EveryOther(x, false), true), Widened(EveryOther(y, false), true));
  llvm::Value* odd = b_.CreateMul(Widened(EveryOther(x, true), true), Widened(EveryOther(y, true), true));
  return b_.CreateAdd(even, odd);
}

bool FunctionLowering::LowerSimdRelaxed(const Instr& instr) {
  switch (instr.op) {
    case Op::kI8X16RelaxedSwizzle:  // i8x16.relaxed_swizzle
      Swizzle(true);
      return true;
    case Op::kI32X4RelaxedTruncF32X4S:  // i32x4.relaxed_trunc_f32x4_s
      if (m_.options.is_aarch64) {
        PushV(TruncSatF32x4(PopV(m_.f32x4), true));
      } else {
        PushV(b_.CreateIntrinsic(llvm::Intrinsic::x86_sse2_cvttps2dq, {}, {PopV(m_.f32x4)}));
      }
      return true;
    case Op::kI32X4RelaxedTruncF32X4U:  // i32x4.relaxed_trunc_f32x4_u
      PushV(TruncSatF32x4(PopV(m_.f32x4), false));
      return true;
    case Op::kI32X4RelaxedTruncF64X2SZero:  // i32x4.relaxed_trunc_f64x2_s_zero
      if (m_.options.is_aarch64) {
        PushV(TruncSatF64x2(PopV(m_.f64x2), true));
      } else {
        PushV(b_.CreateIntrinsic(llvm::Intrinsic::x86_sse2_cvttpd2dq, {}, {PopV(m_.f64x2)}));
      }
      return true;
    case Op::kI32X4RelaxedTruncF64X2UZero:  // i32x4.relaxed_trunc_f64x2_u_zero
      PushV(TruncSatF64x2(PopV(m_.f64x2), false));
      return true;
    case Op::kF32X4RelaxedMadd:  // f32x4.relaxed_madd
      MultiplyAdd(m_.f32x4, false);
      return true;
    case Op::kF32X4RelaxedNmadd:  // f32x4.relaxed_nmadd
      MultiplyAdd(m_.f32x4, true);
      return true;
    case Op::kF64X2RelaxedMadd:  // f64x2.relaxed_madd
      MultiplyAdd(m_.f64x2, false);
      return true;
    case Op::kF64X2RelaxedNmadd:  // f64x2.relaxed_nmadd
      MultiplyAdd(m_.f64x2, true);
      return true;
    case Op::kI8X16RelaxedLaneSelect:  // i8x16.relaxed_laneselect
    case Op::kI16X8RelaxedLaneSelect:  // i16x8.relaxed_laneselect
    case Op::kI32X4RelaxedLaneSelect:  // i32x4.relaxed_laneselect
    case Op::kI64X2RelaxedLaneSelect:  // i64x2.relaxed_laneselect
      BitSelect();
      return true;
    case Op::kF32X4RelaxedMin:  // f32x4.relaxed_min
      PseudoMinMax(m_.f32x4, true);
      return true;
    case Op::kF32X4RelaxedMax:  // f32x4.relaxed_max
      PseudoMinMax(m_.f32x4, false);
      return true;
    case Op::kF64X2RelaxedMin:  // f64x2.relaxed_min
      PseudoMinMax(m_.f64x2, true);
      return true;
    case Op::kF64X2RelaxedMax:  // f64x2.relaxed_max
      PseudoMinMax(m_.f64x2, false);
      return true;
    case Op::kI16X8RelaxedQ15mulrS:  // i16x8.relaxed_q15mulr_s
      RoundingMultiplyQ15(true);
      return true;
    case Op::kI16X8DotI8X16I7X16S: {  // i16x8.relaxed_dot_i8x16_i7x16_s
      llvm::Value* y = PopV(m_.i8x16);
      PushV(RelaxedDotI8(PopV(m_.i8x16), y));
      return true;
    }
    case Op::kI32X4DotI8X16I7X16AddS: {  // i32x4.relaxed_dot_i8x16_i7x16_add_s
      llvm::Value* sum = PopV(m_.i32x4);
      llvm::Value* y = PopV(m_.i8x16);
      llvm::Value* products = RelaxedDotI8(PopV(m_.i8x16), y);
      llvm::Value* pairs = DotI16(products, llvm::ConstantInt::get(m_.i16x8, 1));
      PushV(b_.CreateAdd(pairs, sum));
      return true;
    }
    default:
      return false;
  }
}

}  // namespace guardc::compiler
