// Integer instructions (core specification 4.3.2). Where LLVM has undefined behaviour (division, shifts past the
// width), the check or the mask stands here.
#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Intrinsics.h>

#include "compiler/lower/lower_function.h"

namespace guardc::compiler {

void FunctionLowering::Compare(llvm::CmpInst::Predicate predicate) {
  llvm::Value* y = Pop();
  llvm::Value* x = Pop();
  Push(b_.CreateZExt(b_.CreateCmp(predicate, x, y), m_.i32));
}

void FunctionLowering::Divide(bool is_signed) {
  llvm::Value* y = Pop();
  llvm::Value* x = Pop();
  llvm::Type* type = x->getType();
  e_.TrapIf(b_.CreateICmpEQ(y, llvm::ConstantInt::get(type, 0)), TrapCode::kIntegerDivideByZero);
  if (!is_signed) {
    Push(b_.CreateUDiv(x, y));
    return;
  }
  llvm::Value* lowest = llvm::ConstantInt::get(type, llvm::APInt::getSignedMinValue(type->getIntegerBitWidth()));
  llvm::Value* minus_one = llvm::Constant::getAllOnesValue(type);
  llvm::Value* divisor_is_minus_one = b_.CreateICmpEQ(y, minus_one);
  e_.TrapIf(b_.CreateAnd(divisor_is_minus_one, b_.CreateICmpEQ(x, lowest)), TrapCode::kIntegerOverflow);
  Push(b_.CreateSDiv(x, y));
}

void FunctionLowering::Remainder(bool is_signed) {
  llvm::Value* y = Pop();
  llvm::Value* x = Pop();
  llvm::Type* type = x->getType();
  e_.TrapIf(b_.CreateICmpEQ(y, llvm::ConstantInt::get(type, 0)), TrapCode::kIntegerDivideByZero);
  if (!is_signed) {
    Push(b_.CreateURem(x, y));
    return;
  }
  // Any x modulo -1 is 0, also the lowest one, where the division would overflow: so is x modulo 1.
  llvm::Value* is_minus_one = b_.CreateICmpEQ(y, llvm::Constant::getAllOnesValue(type));
  Push(b_.CreateSRem(x, b_.CreateSelect(is_minus_one, llvm::ConstantInt::get(type, 1), y)));
}

void FunctionLowering::Shift(llvm::Instruction::BinaryOps op) {
  llvm::Value* count = Pop();
  llvm::Value* x = Pop();
  llvm::Value* mask = llvm::ConstantInt::get(x->getType(), x->getType()->getIntegerBitWidth() - 1);
  Push(b_.CreateBinOp(op, x, b_.CreateAnd(count, mask)));
}

void FunctionLowering::Rotate(bool left) {
  llvm::Value* count = Pop();
  llvm::Value* x = Pop();
  Push(b_.CreateIntrinsic(left ? llvm::Intrinsic::fshl : llvm::Intrinsic::fshr, {x->getType()}, {x, x, count}));
}

void FunctionLowering::BitCount(unsigned intrinsic) {
  llvm::Value* x = Pop();
  if (intrinsic == llvm::Intrinsic::ctpop) {
    Push(b_.CreateUnaryIntrinsic(llvm::Intrinsic::ctpop, x));
  } else {
    Push(b_.CreateBinaryIntrinsic(intrinsic, x, b_.getFalse()));  // zero is defined
  }
}

bool FunctionLowering::LowerInteger(const Instr& instr) {
  auto binary = [this](llvm::Instruction::BinaryOps op) {
    llvm::Value* y = Pop();
    llvm::Value* x = Pop();
    Push(b_.CreateBinOp(op, x, y));
    return true;
  };
  auto compare = [this](llvm::CmpInst::Predicate predicate) {
    Compare(predicate);
    return true;
  };
  switch (instr.op) {
    case Op::kI32Const:  // i32.const
      Push(e_.I32(static_cast<uint32_t>(instr.imm)));
      return true;
    case Op::kI64Const:  // i64.const
      Push(e_.I64(instr.imm));
      return true;

    case Op::kI32Eqz:  // i32.eqz
    case Op::kI64Eqz:  // i64.eqz
      Push(llvm::Constant::getNullValue(stack_.back()->getType()));
      return compare(llvm::CmpInst::ICMP_EQ);
    case Op::kI32Eq:  // i32.eq
    case Op::kI64Eq:  // i64.eq
      return compare(llvm::CmpInst::ICMP_EQ);
    case Op::kI32Ne:  // i32.ne
    case Op::kI64Ne:  // i64.ne
      return compare(llvm::CmpInst::ICMP_NE);
    case Op::kI32LtS:  // i32.lt_s
    case Op::kI64LtS:  // i64.lt_s
      return compare(llvm::CmpInst::ICMP_SLT);
    case Op::kI32LtU:  // i32.lt_u
    case Op::kI64LtU:  // i64.lt_u
      return compare(llvm::CmpInst::ICMP_ULT);
    case Op::kI32GtS:  // i32.gt_s
    case Op::kI64GtS:  // i64.gt_s
      return compare(llvm::CmpInst::ICMP_SGT);
    case Op::kI32GtU:  // i32.gt_u
    case Op::kI64GtU:  // i64.gt_u
      return compare(llvm::CmpInst::ICMP_UGT);
    case Op::kI32LeS:  // i32.le_s
    case Op::kI64LeS:  // i64.le_s
      return compare(llvm::CmpInst::ICMP_SLE);
    case Op::kI32LeU:  // i32.le_u
    case Op::kI64LeU:  // i64.le_u
      return compare(llvm::CmpInst::ICMP_ULE);
    case Op::kI32GeS:  // i32.ge_s
    case Op::kI64GeS:  // i64.ge_s
      return compare(llvm::CmpInst::ICMP_SGE);
    case Op::kI32GeU:  // i32.ge_u
    case Op::kI64GeU:  // i64.ge_u
      return compare(llvm::CmpInst::ICMP_UGE);

    case Op::kI32Clz:  // i32.clz
    case Op::kI64Clz:  // i64.clz
      BitCount(llvm::Intrinsic::ctlz);
      return true;
    case Op::kI32Ctz:  // i32.ctz
    case Op::kI64Ctz:  // i64.ctz
      BitCount(llvm::Intrinsic::cttz);
      return true;
    case Op::kI32Popcnt:  // i32.popcnt
    case Op::kI64Popcnt:  // i64.popcnt
      BitCount(llvm::Intrinsic::ctpop);
      return true;

    case Op::kI32Add:  // i32.add
    case Op::kI64Add:  // i64.add
      return binary(llvm::Instruction::Add);
    case Op::kI32Sub:  // i32.sub
    case Op::kI64Sub:  // i64.sub
      return binary(llvm::Instruction::Sub);
    case Op::kI32Mul:  // i32.mul
    case Op::kI64Mul:  // i64.mul
      return binary(llvm::Instruction::Mul);
    case Op::kI32DivS:  // i32.div_s
    case Op::kI64DivS:  // i64.div_s
      Divide(true);
      return true;
    case Op::kI32DivU:  // i32.div_u
    case Op::kI64DivU:  // i64.div_u
      Divide(false);
      return true;
    case Op::kI32RemS:  // i32.rem_s
    case Op::kI64RemS:  // i64.rem_s
      Remainder(true);
      return true;
    case Op::kI32RemU:  // i32.rem_u
    case Op::kI64RemU:  // i64.rem_u
      Remainder(false);
      return true;

    case Op::kI32And:  // i32.and
    case Op::kI64And:  // i64.and
      return binary(llvm::Instruction::And);
    case Op::kI32Or:  // i32.or
    case Op::kI64Or:  // i64.or
      return binary(llvm::Instruction::Or);
    case Op::kI32Xor:  // i32.xor
    case Op::kI64Xor:  // i64.xor
      return binary(llvm::Instruction::Xor);
    case Op::kI32Shl:  // i32.shl
    case Op::kI64Shl:  // i64.shl
      Shift(llvm::Instruction::Shl);
      return true;
    case Op::kI32ShrS:  // i32.shr_s
    case Op::kI64ShrS:  // i64.shr_s
      Shift(llvm::Instruction::AShr);
      return true;
    case Op::kI32ShrU:  // i32.shr_u
    case Op::kI64ShrU:  // i64.shr_u
      Shift(llvm::Instruction::LShr);
      return true;
    case Op::kI32Rotl:  // i32.rotl
    case Op::kI64Rotl:  // i64.rotl
      Rotate(true);
      return true;
    case Op::kI32Rotr:  // i32.rotr
    case Op::kI64Rotr:  // i64.rotr
      Rotate(false);
      return true;
    default:
      return false;
  }
}

}  // namespace guardc::compiler
