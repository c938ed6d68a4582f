// Loads, stores and memory.size (core specification 4.4.7).
//
// TRAP-4: accesses are plain and of alignment 1, so that LLVM may combine and vectorise them; a load that is dead in
// the fresh IR becomes volatile when the function is complete (finish_function.h). LLVM may drop, move or merge stores
// before a fault: a trapped instance is not looked at again. With strict_traps everything is volatile.
#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>

#include "compiler/lower/heap_address.h"
#include "compiler/lower/lower_function.h"

namespace guardc::compiler {

llvm::Type* FunctionLowering::IndexType(uint32_t memory) const {
  return m_.wasm.memory_types[memory].limits.is_64 ? m_.i64 : m_.i32;
}

llvm::LoadInst* FunctionLowering::GuestLoad(llvm::Type* type, const Instr& instr) {
  const auto width = static_cast<uint32_t>(type->getPrimitiveSizeInBits().getFixedValue() / 8);
  llvm::Value* address = HeapAddress(e_, instr.aux, Pop(IndexType(instr.aux)), instr.imm, width);
  llvm::LoadInst* load = b_.CreateAlignedLoad(type, address, llvm::Align(1), m_.options.strict_traps);
  guest_loads_.push_back(load);
  return load;
}

void FunctionLowering::GuestStore(llvm::Value* value, const Instr& instr) {
  const auto width = static_cast<uint32_t>(value->getType()->getPrimitiveSizeInBits().getFixedValue() / 8);
  llvm::Value* address = HeapAddress(e_, instr.aux, Pop(IndexType(instr.aux)), instr.imm, width);
  b_.CreateAlignedStore(value, address, llvm::Align(1), m_.options.strict_traps);
}

void FunctionLowering::Load(llvm::Type* type, const Instr& instr) { Push(GuestLoad(type, instr)); }

void FunctionLowering::LoadExtend(llvm::Type* narrow, llvm::Type* wide, bool is_signed, const Instr& instr) {
  Push(b_.CreateIntCast(GuestLoad(narrow, instr), wide, is_signed));
}

void FunctionLowering::Store(llvm::Type* type, const Instr& instr) { GuestStore(Pop(type), instr); }

void FunctionLowering::StoreNarrow(llvm::Type* narrow, llvm::Type* wide, const Instr& instr) {
  GuestStore(b_.CreateTrunc(Pop(wide), narrow), instr);
}

bool FunctionLowering::LowerMemory(const Instr& instr) {
  switch (instr.op) {
    case Op::kI32Load:  // i32.load
      Load(m_.i32, instr);
      return true;
    case Op::kI64Load:  // i64.load
      Load(m_.i64, instr);
      return true;
    case Op::kF32Load:  // f32.load
      Load(m_.f32, instr);
      return true;
    case Op::kF64Load:  // f64.load
      Load(m_.f64, instr);
      return true;
    case Op::kI32Load8S:  // i32.load8_s
      LoadExtend(m_.i8, m_.i32, true, instr);
      return true;
    case Op::kI32Load8U:  // i32.load8_u
      LoadExtend(m_.i8, m_.i32, false, instr);
      return true;
    case Op::kI32Load16S:  // i32.load16_s
      LoadExtend(m_.i16, m_.i32, true, instr);
      return true;
    case Op::kI32Load16U:  // i32.load16_u
      LoadExtend(m_.i16, m_.i32, false, instr);
      return true;
    case Op::kI64Load8S:  // i64.load8_s
      LoadExtend(m_.i8, m_.i64, true, instr);
      return true;
    case Op::kI64Load8U:  // i64.load8_u
      LoadExtend(m_.i8, m_.i64, false, instr);
      return true;
    case Op::kI64Load16S:  // i64.load16_s
      LoadExtend(m_.i16, m_.i64, true, instr);
      return true;
    case Op::kI64Load16U:  // i64.load16_u
      LoadExtend(m_.i16, m_.i64, false, instr);
      return true;
    case Op::kI64Load32S:  // i64.load32_s
      LoadExtend(m_.i32, m_.i64, true, instr);
      return true;
    case Op::kI64Load32U:  // i64.load32_u
      LoadExtend(m_.i32, m_.i64, false, instr);
      return true;
    case Op::kI32Store:  // i32.store
      Store(m_.i32, instr);
      return true;
    case Op::kI64Store:  // i64.store
      Store(m_.i64, instr);
      return true;
    case Op::kF32Store:  // f32.store
      Store(m_.f32, instr);
      return true;
    case Op::kF64Store:  // f64.store
      Store(m_.f64, instr);
      return true;
    case Op::kI32Store8:  // i32.store8
      StoreNarrow(m_.i8, m_.i32, instr);
      return true;
    case Op::kI64Store8:  // i64.store8
      StoreNarrow(m_.i8, m_.i64, instr);
      return true;
    case Op::kI32Store16:  // i32.store16
      StoreNarrow(m_.i16, m_.i32, instr);
      return true;
    case Op::kI64Store16:  // i64.store16
      StoreNarrow(m_.i16, m_.i64, instr);
      return true;
    case Op::kI64Store32:  // i64.store32
      StoreNarrow(m_.i32, m_.i64, instr);
      return true;
    case Op::kMemorySize: {  // memory.size
      const auto memory = static_cast<uint32_t>(instr.imm);
      constexpr uint64_t kPageBits = 16;
      llvm::Value* pages = b_.CreateLShr(e_.MemorySize(memory), e_.I64(kPageBits));
      Push(b_.CreateTrunc(pages, IndexType(memory)));
      return true;
    }
    default:
      return false;
  }
}

}  // namespace guardc::compiler
