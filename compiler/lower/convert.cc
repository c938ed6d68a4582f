// Conversions between scalar types (core specification 4.3.4).
#include <llvm/ADT/APFloat.h>
#include <llvm/ADT/APInt.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Intrinsics.h>

#include <cmath>

#include "compiler/lower/lower_function.h"

namespace guardc::compiler {
namespace {

// The values that truncate to an integer of the type lie strictly between these two. Where the lower one is no number
// of the float type, `lowest` itself is still inside.
struct TruncationRange {
  double above;
  double below;
  bool includes_lowest;
};

TruncationRange RangeOf(unsigned bits, bool is_signed, bool from_f32) {
  if (!is_signed) return {-1.0, std::ldexp(1.0, static_cast<int>(bits)), false};
  const double limit = std::ldexp(1.0, static_cast<int>(bits) - 1);
  // -2^(bits-1) - 1 needs one bit more than -2^(bits-1): only i32 from f64 has it.
  if (bits == 32 && !from_f32) return {-limit - 1.0, limit, false};
  return {-limit, limit, true};
}

}  // namespace

void FunctionLowering::Truncate(llvm::Type* type, bool is_signed) {
  llvm::Value* x = Pop();
  llvm::Type* from = x->getType();
  const TruncationRange range = RangeOf(type->getIntegerBitWidth(), is_signed, from->isFloatTy());
  llvm::Value* low = llvm::ConstantFP::get(from, range.above);
  llvm::Value* high = llvm::ConstantFP::get(from, range.below);
  llvm::Value* above = range.includes_lowest ? b_.CreateFCmpOGE(x, low) : b_.CreateFCmpOGT(x, low);
  llvm::Value* outside = b_.CreateNot(b_.CreateAnd(above, b_.CreateFCmpOLT(x, high)));

  llvm::BasicBlock* bad = e_.NewBlock();
  llvm::BasicBlock* good = e_.NewBlock();
  e_.BranchUnlikely(outside, bad, good);
  e_.StartBlock(bad);
  b_.CreateCondBr(b_.CreateFCmpUNO(x, x), e_.TrapBlock(TrapCode::kInvalidConversion),
                  e_.TrapBlock(TrapCode::kIntegerOverflow));
  e_.StartBlock(good);
  Push(is_signed ? b_.CreateFPToSI(x, type) : b_.CreateFPToUI(x, type));
}

void FunctionLowering::TruncateSaturating(llvm::Type* type, bool is_signed) {
  llvm::Value* x = Pop();
  const auto intrinsic = is_signed ? llvm::Intrinsic::fptosi_sat : llvm::Intrinsic::fptoui_sat;
  Push(b_.CreateIntrinsic(intrinsic, {type, x->getType()}, {x}));
}

void FunctionLowering::ConvertInteger(llvm::Type* type, bool is_signed) {
  llvm::Value* x = Pop();
  Push(is_signed ? b_.CreateSIToFP(x, type) : b_.CreateUIToFP(x, type));
}

void FunctionLowering::SignExtend(llvm::Type* narrow) {
  llvm::Value* x = Pop();
  Push(b_.CreateSExt(b_.CreateTrunc(x, narrow), x->getType()));
}

bool FunctionLowering::LowerConvert(const Instr& instr) {
  switch (instr.op) {
    case Op::kI32WrapI64:  // i32.wrap_i64
      Push(b_.CreateTrunc(Pop(), m_.i32));
      return true;
    case Op::kI64ExtendI32S:  // i64.extend_i32_s
      Push(b_.CreateSExt(Pop(), m_.i64));
      return true;
    case Op::kI64ExtendI32U:  // i64.extend_i32_u
      Push(b_.CreateZExt(Pop(), m_.i64));
      return true;
    case Op::kI32Extend8S:  // i32.extend8_s
    case Op::kI64Extend8S:  // i64.extend8_s
      SignExtend(m_.i8);
      return true;
    case Op::kI32Extend16S:  // i32.extend16_s
    case Op::kI64Extend16S:  // i64.extend16_s
      SignExtend(m_.i16);
      return true;
    case Op::kI64Extend32S:  // i64.extend32_s
      SignExtend(m_.i32);
      return true;

    case Op::kI32TruncF32S:  // i32.trunc_f32_s
    case Op::kI32TruncF64S:  // i32.trunc_f64_s
      Truncate(m_.i32, true);
      return true;
    case Op::kI32TruncF32U:  // i32.trunc_f32_u
    case Op::kI32TruncF64U:  // i32.trunc_f64_u
      Truncate(m_.i32, false);
      return true;
    case Op::kI64TruncF32S:  // i64.trunc_f32_s
    case Op::kI64TruncF64S:  // i64.trunc_f64_s
      Truncate(m_.i64, true);
      return true;
    case Op::kI64TruncF32U:  // i64.trunc_f32_u
    case Op::kI64TruncF64U:  // i64.trunc_f64_u
      Truncate(m_.i64, false);
      return true;

    case Op::kI32TruncSatF32S:  // i32.trunc_sat_f32_s
    case Op::kI32TruncSatF64S:  // i32.trunc_sat_f64_s
      TruncateSaturating(m_.i32, true);
      return true;
    case Op::kI32TruncSatF32U:  // i32.trunc_sat_f32_u
    case Op::kI32TruncSatF64U:  // i32.trunc_sat_f64_u
      TruncateSaturating(m_.i32, false);
      return true;
    case Op::kI64TruncSatF32S:  // i64.trunc_sat_f32_s
    case Op::kI64TruncSatF64S:  // i64.trunc_sat_f64_s
      TruncateSaturating(m_.i64, true);
      return true;
    case Op::kI64TruncSatF32U:  // i64.trunc_sat_f32_u
    case Op::kI64TruncSatF64U:  // i64.trunc_sat_f64_u
      TruncateSaturating(m_.i64, false);
      return true;

    case Op::kF32ConvertI32S:  // f32.convert_i32_s
    case Op::kF32ConvertI64S:  // f32.convert_i64_s
      ConvertInteger(m_.f32, true);
      return true;
    case Op::kF32ConvertI32U:  // f32.convert_i32_u
    case Op::kF32ConvertI64U:  // f32.convert_i64_u
      ConvertInteger(m_.f32, false);
      return true;
    case Op::kF64ConvertI32S:  // f64.convert_i32_s
    case Op::kF64ConvertI64S:  // f64.convert_i64_s
      ConvertInteger(m_.f64, true);
      return true;
    case Op::kF64ConvertI32U:  // f64.convert_i32_u
    case Op::kF64ConvertI64U:  // f64.convert_i64_u
      ConvertInteger(m_.f64, false);
      return true;

    case Op::kF32DemoteF64:  // f32.demote_f64
      Push(Canonical(b_.CreateFPTrunc(Pop(), m_.f32)));
      return true;
    case Op::kF64PromoteF32:  // f64.promote_f32
      Push(Canonical(b_.CreateFPExt(Pop(), m_.f64)));
      return true;

    case Op::kI32ReinterpretF32:  // i32.reinterpret_f32
      Push(b_.CreateBitCast(Pop(), m_.i32));
      return true;
    case Op::kI64ReinterpretF64:  // i64.reinterpret_f64
      Push(b_.CreateBitCast(Pop(), m_.i64));
      return true;
    case Op::kF32ReinterpretI32:  // f32.reinterpret_i32
      Push(b_.CreateBitCast(Pop(), m_.f32));
      return true;
    case Op::kF64ReinterpretI64:  // f64.reinterpret_i64
      Push(b_.CreateBitCast(Pop(), m_.f64));
      return true;
    default:
      return false;
  }
}

}  // namespace guardc::compiler
