// Atomic instructions (threads proposal). An instance is used by one thread at a time, yet an embedder may look at a
// guest's memory from another thread, so these are real atomic operations. An unaligned address traps before anything
// else; wait on a memory that is not shared always traps.
#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>

#include "compiler/lower/heap_address.h"
#include "compiler/lower/lower_function.h"

namespace guardc::compiler {
namespace {

constexpr auto kOrder = llvm::AtomicOrdering::SequentiallyConsistent;

uint32_t WidthOf(llvm::Type* type) { return type->getIntegerBitWidth() / 8; }

}  // namespace

void FunctionLowering::CheckAligned(llvm::Value* index, const Instr& instr, uint32_t width) {
  if (width == 1) return;
  llvm::Value* low_bits = b_.CreateAnd(EffectiveAddress(e_, index, instr.imm), e_.I64(width - 1));
  e_.TrapIf(b_.CreateICmpNE(low_bits, e_.I64(0)), TrapCode::kUnalignedAtomic);
}

llvm::Value* FunctionLowering::AtomicAddress(llvm::Value* index, const Instr& instr, uint32_t width) {
  CheckAligned(index, instr, width);
  return HeapAddress(e_, instr.aux, index, instr.imm, width);
}

void FunctionLowering::AtomicLoad(llvm::Type* narrow, llvm::Type* wide, const Instr& instr) {
  const uint32_t width = WidthOf(narrow);
  llvm::LoadInst* load =
      b_.CreateAlignedLoad(narrow, AtomicAddress(Pop(IndexType(instr.aux)), instr, width), llvm::Align(width));
  load->setAtomic(kOrder);
  Push(b_.CreateZExt(load, wide));
}

void FunctionLowering::AtomicStore(llvm::Type* narrow, llvm::Type* wide, const Instr& instr) {
  const uint32_t width = WidthOf(narrow);
  llvm::Value* value = b_.CreateTrunc(Pop(wide), narrow);
  llvm::Value* address = AtomicAddress(Pop(IndexType(instr.aux)), instr, width);
  b_.CreateAlignedStore(value, address, llvm::Align(width))->setAtomic(kOrder);
}

void FunctionLowering::AtomicRmw(llvm::AtomicRMWInst::BinOp op, llvm::Type* narrow, llvm::Type* wide,
                                 const Instr& instr) {
  const uint32_t width = WidthOf(narrow);
  llvm::Value* operand = b_.CreateTrunc(Pop(wide), narrow);
  llvm::Value* address = AtomicAddress(Pop(IndexType(instr.aux)), instr, width);
  Push(b_.CreateZExt(b_.CreateAtomicRMW(op, address, operand, llvm::MaybeAlign(width), kOrder), wide));
}

void FunctionLowering::AtomicCompareExchange(llvm::Type* narrow, llvm::Type* wide, const Instr& instr) {
  const uint32_t width = WidthOf(narrow);
  // A narrow form wraps what it expects before it compares.
  llvm::Value* replacement = b_.CreateTrunc(Pop(wide), narrow);
  llvm::Value* expected = b_.CreateTrunc(Pop(wide), narrow);
  llvm::Value* address = AtomicAddress(Pop(IndexType(instr.aux)), instr, width);
  llvm::Value* pair = b_.CreateAtomicCmpXchg(address, expected, replacement, llvm::MaybeAlign(width), kOrder, kOrder);
  Push(b_.CreateZExt(b_.CreateExtractValue(pair, 0), wide));
}

void FunctionLowering::AtomicNotify(const Instr& instr) {
  constexpr uint32_t kWidth = 4;
  llvm::Value* count = Pop(m_.i32);
  llvm::Value* index = Pop(IndexType(instr.aux));
  CheckAligned(index, instr, kWidth);
  CheckInside(e_, instr.aux, index, instr.imm, kWidth);
  if (!m_.wasm.memory_types[instr.aux].limits.is_shared) {
    Push(e_.I32(0));  // nobody can wait
    return;
  }
  llvm::Value* values =
      e_.CallBuiltin(Builtin::kAtomicNotify, {e_.I64(instr.aux), EffectiveAddress(e_, index, instr.imm), count});
  Push(b_.CreateAlignedLoad(m_.i32, values, llvm::Align(16)));
}

void FunctionLowering::AtomicWait(uint32_t width, const Instr& instr) {
  llvm::Value* timeout = Pop(m_.i64);
  llvm::Value* expected = Pop(width == 4 ? m_.i32 : m_.i64);
  llvm::Value* index = Pop(IndexType(instr.aux));
  if (!m_.wasm.memory_types[instr.aux].limits.is_shared) {
    e_.Trap(TrapCode::kExpectedSharedMemory);
    SetUnreachable();
    return;
  }
  CheckAligned(index, instr, width);
  CheckInside(e_, instr.aux, index, instr.imm, width);
  llvm::Value* values = e_.CallBuiltin(Builtin::kAtomicWait, {e_.I64(instr.aux), EffectiveAddress(e_, index, instr.imm),
                                                              Wide(expected), timeout, e_.I64(width)});
  Push(b_.CreateAlignedLoad(m_.i32, values, llvm::Align(16)));
}

bool FunctionLowering::LowerAtomic(const Instr& instr) {
  switch (instr.op) {
    case Op::kAtomicFence:  // atomic.fence
      b_.CreateFence(kOrder);
      return true;
    case Op::kMemoryAtomicNotify:  // memory.atomic.notify
      AtomicNotify(instr);
      return true;
    case Op::kMemoryAtomicWait32:  // memory.atomic.wait32
      AtomicWait(4, instr);
      return true;
    case Op::kMemoryAtomicWait64:  // memory.atomic.wait64
      AtomicWait(8, instr);
      return true;
    default:
      return LowerAtomicAccess(instr) || LowerAtomicRmw(instr);
  }
}

bool FunctionLowering::LowerAtomicAccess(const Instr& instr) {
  switch (instr.op) {
    case Op::kI32AtomicLoad:  // i32.atomic.load
      AtomicLoad(m_.i32, m_.i32, instr);
      return true;
    case Op::kI64AtomicLoad:  // i64.atomic.load
      AtomicLoad(m_.i64, m_.i64, instr);
      return true;
    case Op::kI32AtomicLoad8U:  // i32.atomic.load8_u
      AtomicLoad(m_.i8, m_.i32, instr);
      return true;
    case Op::kI32AtomicLoad16U:  // i32.atomic.load16_u
      AtomicLoad(m_.i16, m_.i32, instr);
      return true;
    case Op::kI64AtomicLoad8U:  // i64.atomic.load8_u
      AtomicLoad(m_.i8, m_.i64, instr);
      return true;
    case Op::kI64AtomicLoad16U:  // i64.atomic.load16_u
      AtomicLoad(m_.i16, m_.i64, instr);
      return true;
    case Op::kI64AtomicLoad32U:  // i64.atomic.load32_u
      AtomicLoad(m_.i32, m_.i64, instr);
      return true;
    case Op::kI32AtomicStore:  // i32.atomic.store
      AtomicStore(m_.i32, m_.i32, instr);
      return true;
    case Op::kI64AtomicStore32:  // i64.atomic.store32
      AtomicStore(m_.i32, m_.i64, instr);
      return true;
    case Op::kI64AtomicStore:  // i64.atomic.store
      AtomicStore(m_.i64, m_.i64, instr);
      return true;
    case Op::kI32AtomicStore8:  // i32.atomic.store8
      AtomicStore(m_.i8, m_.i32, instr);
      return true;
    case Op::kI64AtomicStore8:  // i64.atomic.store8
      AtomicStore(m_.i8, m_.i64, instr);
      return true;
    case Op::kI32AtomicStore16:  // i32.atomic.store16
      AtomicStore(m_.i16, m_.i32, instr);
      return true;
    case Op::kI64AtomicStore16:  // i64.atomic.store16
      AtomicStore(m_.i16, m_.i64, instr);
      return true;
    default:
      return false;
  }
}

bool FunctionLowering::LowerAtomicRmw(const Instr& instr) {
  using Rmw = llvm::AtomicRMWInst::BinOp;
  auto rmw = [&](Rmw op, llvm::Type* narrow, llvm::Type* wide) {
    AtomicRmw(op, narrow, wide, instr);
    return true;
  };
  auto exchange = [&](llvm::Type* narrow, llvm::Type* wide) {
    AtomicCompareExchange(narrow, wide, instr);
    return true;
  };
  switch (instr.op) {
    case Op::kI32AtomicRmwAdd:  // i32.atomic.rmw.add
      return rmw(Rmw::Add, m_.i32, m_.i32);
    case Op::kI64AtomicRmwAdd:  // i64.atomic.rmw.add
      return rmw(Rmw::Add, m_.i64, m_.i64);
    case Op::kI32AtomicRmw8AddU:  // i32.atomic.rmw8.add_u
      return rmw(Rmw::Add, m_.i8, m_.i32);
    case Op::kI32AtomicRmw16AddU:  // i32.atomic.rmw16.add_u
      return rmw(Rmw::Add, m_.i16, m_.i32);
    case Op::kI64AtomicRmw8AddU:  // i64.atomic.rmw8.add_u
      return rmw(Rmw::Add, m_.i8, m_.i64);
    case Op::kI64AtomicRmw16AddU:  // i64.atomic.rmw16.add_u
      return rmw(Rmw::Add, m_.i16, m_.i64);
    case Op::kI64AtomicRmw32AddU:  // i64.atomic.rmw32.add_u
      return rmw(Rmw::Add, m_.i32, m_.i64);
    case Op::kI32AtomicRmwSub:  // i32.atomic.rmw.sub
      return rmw(Rmw::Sub, m_.i32, m_.i32);
    case Op::kI64AtomicRmwSub:  // i64.atomic.rmw.sub
      return rmw(Rmw::Sub, m_.i64, m_.i64);
    case Op::kI32AtomicRmw8SubU:  // i32.atomic.rmw8.sub_u
      return rmw(Rmw::Sub, m_.i8, m_.i32);
    case Op::kI32AtomicRmw16SubU:  // i32.atomic.rmw16.sub_u
      return rmw(Rmw::Sub, m_.i16, m_.i32);
    case Op::kI64AtomicRmw8SubU:  // i64.atomic.rmw8.sub_u
      return rmw(Rmw::Sub, m_.i8, m_.i64);
    case Op::kI64AtomicRmw16SubU:  // i64.atomic.rmw16.sub_u
      return rmw(Rmw::Sub, m_.i16, m_.i64);
    case Op::kI64AtomicRmw32SubU:  // i64.atomic.rmw32.sub_u
      return rmw(Rmw::Sub, m_.i32, m_.i64);
    case Op::kI32AtomicRmwAnd:  // i32.atomic.rmw.and
      return rmw(Rmw::And, m_.i32, m_.i32);
    case Op::kI64AtomicRmwAnd:  // i64.atomic.rmw.and
      return rmw(Rmw::And, m_.i64, m_.i64);
    case Op::kI32AtomicRmw8AndU:  // i32.atomic.rmw8.and_u
      return rmw(Rmw::And, m_.i8, m_.i32);
    case Op::kI32AtomicRmw16AndU:  // i32.atomic.rmw16.and_u
      return rmw(Rmw::And, m_.i16, m_.i32);
    case Op::kI64AtomicRmw8AndU:  // i64.atomic.rmw8.and_u
      return rmw(Rmw::And, m_.i8, m_.i64);
    case Op::kI64AtomicRmw16AndU:  // i64.atomic.rmw16.and_u
      return rmw(Rmw::And, m_.i16, m_.i64);
    case Op::kI64AtomicRmw32AndU:  // i64.atomic.rmw32.and_u
      return rmw(Rmw::And, m_.i32, m_.i64);
    case Op::kI32AtomicRmwOr:  // i32.atomic.rmw.or
      return rmw(Rmw::Or, m_.i32, m_.i32);
    case Op::kI64AtomicRmwOr:  // i64.atomic.rmw.or
      return rmw(Rmw::Or, m_.i64, m_.i64);
    case Op::kI32AtomicRmw8OrU:  // i32.atomic.rmw8.or_u
      return rmw(Rmw::Or, m_.i8, m_.i32);
    case Op::kI32AtomicRmw16OrU:  // i32.atomic.rmw16.or_u
      return rmw(Rmw::Or, m_.i16, m_.i32);
    case Op::kI64AtomicRmw8OrU:  // i64.atomic.rmw8.or_u
      return rmw(Rmw::Or, m_.i8, m_.i64);
    case Op::kI64AtomicRmw16OrU:  // i64.atomic.rmw16.or_u
      return rmw(Rmw::Or, m_.i16, m_.i64);
    case Op::kI64AtomicRmw32OrU:  // i64.atomic.rmw32.or_u
      return rmw(Rmw::Or, m_.i32, m_.i64);
    case Op::kI32AtomicRmwXor:  // i32.atomic.rmw.xor
      return rmw(Rmw::Xor, m_.i32, m_.i32);
    case Op::kI64AtomicRmwXor:  // i64.atomic.rmw.xor
      return rmw(Rmw::Xor, m_.i64, m_.i64);
    case Op::kI32AtomicRmw8XorU:  // i32.atomic.rmw8.xor_u
      return rmw(Rmw::Xor, m_.i8, m_.i32);
    case Op::kI32AtomicRmw16XorU:  // i32.atomic.rmw16.xor_u
      return rmw(Rmw::Xor, m_.i16, m_.i32);
    case Op::kI64AtomicRmw8XorU:  // i64.atomic.rmw8.xor_u
      return rmw(Rmw::Xor, m_.i8, m_.i64);
    case Op::kI64AtomicRmw16XorU:  // i64.atomic.rmw16.xor_u
      return rmw(Rmw::Xor, m_.i16, m_.i64);
    case Op::kI64AtomicRmw32XorU:  // i64.atomic.rmw32.xor_u
      return rmw(Rmw::Xor, m_.i32, m_.i64);
    case Op::kI32AtomicRmwXchg:  // i32.atomic.rmw.xchg
      return rmw(Rmw::Xchg, m_.i32, m_.i32);
    case Op::kI64AtomicRmwXchg:  // i64.atomic.rmw.xchg
      return rmw(Rmw::Xchg, m_.i64, m_.i64);
    case Op::kI32AtomicRmw8XchgU:  // i32.atomic.rmw8.xchg_u
      return rmw(Rmw::Xchg, m_.i8, m_.i32);
    case Op::kI32AtomicRmw16XchgU:  // i32.atomic.rmw16.xchg_u
      return rmw(Rmw::Xchg, m_.i16, m_.i32);
    case Op::kI64AtomicRmw8XchgU:  // i64.atomic.rmw8.xchg_u
      return rmw(Rmw::Xchg, m_.i8, m_.i64);
    case Op::kI64AtomicRmw16XchgU:  // i64.atomic.rmw16.xchg_u
      return rmw(Rmw::Xchg, m_.i16, m_.i64);
    case Op::kI64AtomicRmw32XchgU:  // i64.atomic.rmw32.xchg_u
      return rmw(Rmw::Xchg, m_.i32, m_.i64);
    case Op::kI32AtomicRmwCmpxchg:  // i32.atomic.rmw.cmpxchg
      return exchange(m_.i32, m_.i32);
    case Op::kI64AtomicRmwCmpxchg:  // i64.atomic.rmw.cmpxchg
      return exchange(m_.i64, m_.i64);
    case Op::kI32AtomicRmw8CmpxchgU:  // i32.atomic.rmw8.cmpxchg_u
      return exchange(m_.i8, m_.i32);
    case Op::kI32AtomicRmw16CmpxchgU:  // i32.atomic.rmw16.cmpxchg_u
      return exchange(m_.i16, m_.i32);
    case Op::kI64AtomicRmw8CmpxchgU:  // i64.atomic.rmw8.cmpxchg_u
      return exchange(m_.i8, m_.i64);
    case Op::kI64AtomicRmw16CmpxchgU:  // i64.atomic.rmw16.cmpxchg_u
      return exchange(m_.i16, m_.i64);
    case Op::kI64AtomicRmw32CmpxchgU:  // i64.atomic.rmw32.cmpxchg_u
      return exchange(m_.i32, m_.i64);
    default:
      return false;
  }
}

}  // namespace guardc::compiler
