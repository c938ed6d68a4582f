// SIMD (core specification 4.3.5, 4.4.3): what concerns all vectors. Between instructions a v128 is <2 x i64>; each
// instruction casts to its own shape, which costs nothing.
#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Intrinsics.h>

#include "compiler/lower/lower_function.h"

namespace guardc::compiler {

llvm::Value* FunctionLowering::PopV(llvm::Type* type) { return b_.CreateBitCast(Pop(m_.i64x2), type); }

void FunctionLowering::PushV(llvm::Value* value) { Push(b_.CreateBitCast(value, m_.i64x2)); }

void FunctionLowering::BitSelect() {
  llvm::Value* mask = Pop(m_.i64x2);
  llvm::Value* if_zero = Pop(m_.i64x2);
  llvm::Value* if_one = Pop(m_.i64x2);
  Push(b_.CreateOr(b_.CreateAnd(if_one, mask), b_.CreateAnd(if_zero, b_.CreateNot(mask))));
}

bool FunctionLowering::LowerSimd(const Instr& instr) {
  switch (instr.op) {
    case Op::kV128Const:  // v128.const
      Push(m_.ConstantOf(ValType::kV128, body_.v128s[instr.imm]));
      return true;
    case Op::kV128Not:  // v128.not
      Push(b_.CreateNot(Pop(m_.i64x2)));
      return true;
    case Op::kV128And:  // v128.and
      VectorBinary(m_.i64x2, llvm::Instruction::And);
      return true;
    case Op::kV128Or:  // v128.or
      VectorBinary(m_.i64x2, llvm::Instruction::Or);
      return true;
    case Op::kV128Xor:  // v128.xor
      VectorBinary(m_.i64x2, llvm::Instruction::Xor);
      return true;
    case Op::kV128Andnot:  // v128.andnot
      Push(b_.CreateNot(Pop(m_.i64x2)));
      VectorBinary(m_.i64x2, llvm::Instruction::And);
      return true;
    case Op::kV128BitSelect:  // v128.bitselect
      BitSelect();
      return true;
    case Op::kV128AnyTrue: {  // v128.any_true
      llvm::Value* bits = b_.CreateBitCast(Pop(m_.i64x2), b_.getInt128Ty());
      llvm::Value* any = b_.CreateICmpNE(bits, llvm::Constant::getNullValue(bits->getType()));
      Push(b_.CreateZExt(any, m_.i32));
      return true;
    }
    default:
      return LowerSimdMemory(instr) || LowerSimdLane(instr) || LowerSimdInteger(instr) || LowerSimdWiden(instr) ||
             LowerSimdFloat(instr) || LowerSimdConvert(instr) || LowerSimdRelaxed(instr);
  }
}

}  // namespace guardc::compiler
