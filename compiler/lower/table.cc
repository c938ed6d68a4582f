// Table and reference instructions (core specification 4.4.2, 4.4.6). Those that move many elements or grow are calls
// to the runtime, which does the bounds checks; the runtime's answer is a trap or nothing.
#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>

#include <cstddef>

#include "compiler/lower/lower_function.h"

namespace guardc::compiler {

llvm::Value* FunctionLowering::Wide(llvm::Value* index) { return b_.CreateZExt(index, m_.i64); }

llvm::Type* FunctionLowering::TableIndexType(uint32_t table) const {
  return m_.wasm.table_types[table].limits.is_64 ? m_.i64 : m_.i32;
}

llvm::Value* FunctionLowering::TableSize(uint32_t table) {
  if (m_.layout.table_is_static[table]) return e_.I64(m_.wasm.table_types[table].limits.min);
  llvm::Value* field = b_.CreatePtrAdd(e_.TableRecord(table), e_.I64(offsetof(abi::VmTable, size)));
  return b_.CreateAlignedLoad(m_.i64, field, llvm::Align(8));
}

// Not for static tables, whose elements are no funcrefs.
llvm::Value* FunctionLowering::TableElementPtr(uint32_t table, llvm::Value* index, TrapCode code) {
  llvm::Value* wide = Wide(index);
  e_.TrapIf(b_.CreateICmpUGE(wide, TableSize(table)), code);
  static_assert(offsetof(abi::VmTable, elements) == 0);
  llvm::Value* elements = b_.CreateAlignedLoad(m_.ptr, e_.TableRecord(table), llvm::Align(8));
  return b_.CreatePtrAdd(elements, b_.CreateMul(wide, e_.I64(sizeof(void*))));
}

bool FunctionLowering::LowerTable(const Instr& instr) {
  const auto low = static_cast<uint32_t>(instr.imm);
  const auto high = static_cast<uint32_t>(instr.imm >> 32);
  switch (instr.op) {
    case Op::kTableGet: {  // table.get
      llvm::Value* element = TableElementPtr(low, Pop(TableIndexType(low)), TrapCode::kTableOutOfBounds);
      Push(b_.CreateAlignedLoad(m_.ptr, element, llvm::Align(8)));
      return true;
    }
    case Op::kTableSet: {  // table.set
      llvm::Value* value = Pop(m_.ptr);
      llvm::Value* element = TableElementPtr(low, Pop(TableIndexType(low)), TrapCode::kTableOutOfBounds);
      e_.StoreState(value, element, llvm::Align(8));
      return true;
    }
    case Op::kTableSize:  // table.size
      Push(b_.CreateTrunc(TableSize(low), TableIndexType(low)));
      return true;
    case Op::kTableGrow: {  // table.grow
      llvm::Value* count = Wide(Pop(TableIndexType(low)));
      llvm::Value* initial = Pop(m_.ptr);
      llvm::Value* values = e_.CallBuiltin(Builtin::kTableGrow, {e_.I64(low), initial, count});
      llvm::Value* old = b_.CreateAlignedLoad(m_.i64, values, llvm::Align(16));
      Push(b_.CreateTrunc(old, TableIndexType(low)));
      return true;
    }
    case Op::kTableFill: {  // table.fill
      llvm::Value* count = Wide(Pop(TableIndexType(low)));
      llvm::Value* value = Pop(m_.ptr);
      llvm::Value* start = Wide(Pop(TableIndexType(low)));
      e_.CallBuiltin(Builtin::kTableFill, {e_.I64(low), start, value, count});
      return true;
    }
    case Op::kTableCopy: {  // table.copy
      llvm::Value* count = Wide(Pop(m_.i32));
      llvm::Value* from = Wide(Pop(TableIndexType(high)));
      llvm::Value* to = Wide(Pop(TableIndexType(low)));
      e_.CallBuiltin(Builtin::kTableCopy, {e_.I64(low), e_.I64(high), to, from, count});
      return true;
    }
    case Op::kTableInit: {  // table.init
      llvm::Value* count = Wide(Pop(m_.i32));
      llvm::Value* from = Wide(Pop(m_.i32));
      llvm::Value* to = Wide(Pop(TableIndexType(high)));
      e_.CallBuiltin(Builtin::kTableInit, {e_.I64(high), e_.I64(low), to, from, count});
      return true;
    }
    case Op::kElemDrop:  // elem.drop
      e_.StoreState(e_.I64(0), e_.ElemSizePtr(low), llvm::Align(8));
      return true;
    case Op::kRefNull:  // ref.null
      Push(llvm::ConstantPointerNull::get(m_.ptr));
      return true;
    case Op::kRefIsNull:  // ref.is_null
      Push(b_.CreateZExt(b_.CreateIsNull(Pop(m_.ptr)), m_.i32));
      return true;
    case Op::kRefFunc:  // ref.func
      Push(e_.FuncRef(low));
      return true;
    default:
      return false;
  }
}

}  // namespace guardc::compiler
