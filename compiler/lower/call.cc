// Calls (core specification 4.4.8, tail-call proposal).
//
// A tail call is a jump (musttail) only where the callee runs in our own context. A foreign context would have to be
// put into the context's register (r13, x20), which is callee-saved: the jump would leave it clobbered for our caller.
// So calls to other instances and to the host are ordinary calls followed by a return, and only a cycle of tail calls
// through several instances uses stack.
#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>

#include <cstddef>

#include "compiler/lower/lower_function.h"

namespace guardc::compiler {

void FunctionLowering::Call(uint32_t func) {
  const Values arguments = PopN(m_.wasm.TypeOfFunc(func).params.size());
  Values results;
  e_.CallFunction(func, arguments, results);
  for (llvm::Value* result : results) Push(result);
}

// Everything in a static table is code of this artifact that runs in our own context, so an entry is the code's offset
// and its type, and both are read-only data.
FunctionLowering::Callee FunctionLowering::ResolveStatic(uint32_t type_index, uint32_t table, llvm::Value* index) {
  llvm::GlobalVariable* contents = m_.StaticTable(table);
  llvm::Value* size = llvm::ConstantInt::get(index->getType(), m_.wasm.table_types[table].limits.min);
  e_.TrapIf(b_.CreateICmpUGE(index, size), TrapCode::kUndefinedElement);
  constexpr uint32_t kEntrySize = 8, kTypeOffset = 4;
  llvm::Value* entry = b_.CreatePtrAdd(contents, b_.CreateMul(Wide(index), e_.I64(kEntrySize)));
  llvm::Value* offset = e_.LoadInvariant(m_.i32, entry, 0);
  llvm::Value* type = e_.LoadInvariant(m_.i32, entry, kTypeOffset);

  llvm::BasicBlock* mismatch = e_.NewBlock();
  llvm::BasicBlock* match = e_.NewBlock();
  e_.BranchUnlikely(b_.CreateICmpNE(type, e_.I32(m_.layout.canonical_type[type_index])), mismatch, match);
  e_.StartBlock(mismatch);  // a null entry has no type either
  b_.CreateCondBr(b_.CreateICmpEQ(offset, e_.I32(0)), e_.TrapBlock(TrapCode::kUninitializedElement),
                  e_.TrapBlock(TrapCode::kIndirectCallTypeMismatch));
  e_.StartBlock(match);
  return {b_.CreatePtrAdd(contents, b_.CreateSExt(offset, m_.i64)), nullptr, nullptr};
}

FunctionLowering::Callee FunctionLowering::ResolveDynamic(uint32_t type_index, uint32_t table, llvm::Value* index) {
  llvm::Value* element = TableElementPtr(table, index, TrapCode::kUndefinedElement);
  llvm::Value* funcref = b_.CreateAlignedLoad(m_.ptr, element, llvm::Align(8));
  e_.TrapIf(b_.CreateIsNull(funcref), TrapCode::kUninitializedElement);
  // Plain loads: whoever owns the funcref may give its memory to another one between two calls.
  auto field = [&](llvm::Type* type, size_t offset, size_t alignment) {
    return b_.CreateAlignedLoad(type, b_.CreatePtrAdd(funcref, e_.I64(offset)), llvm::Align(alignment));
  };
  llvm::Value* type_id = field(m_.i32, offsetof(abi::VmFuncRef, type_id), 4);
  const uint32_t canonical = m_.layout.canonical_type[type_index];
  llvm::Value* expected =
      e_.LoadInvariant(m_.i32, e_.context, static_cast<uint32_t>(m_.layout.type_ids + canonical * sizeof(uint32_t)));
  e_.TrapIf(b_.CreateICmpNE(type_id, expected), TrapCode::kIndirectCallTypeMismatch);
  llvm::Value* code = field(m_.ptr, offsetof(abi::VmFuncRef, code), 8);
  return {code, field(m_.ptr, offsetof(abi::VmFuncRef, context), 8), funcref};
}

FunctionLowering::Callee FunctionLowering::ResolveIndirect(uint32_t type_index, uint32_t table) {
  llvm::Value* index = Pop(TableIndexType(table));
  return m_.layout.table_is_static[table] ? ResolveStatic(type_index, table, index)
                                          : ResolveDynamic(type_index, table, index);
}

void FunctionLowering::CallIndirect(uint32_t type_index, uint32_t table) {
  const Callee callee = ResolveIndirect(type_index, table);
  const Values arguments = PopN(m_.wasm.types[type_index].params.size());
  Values results;
  if (callee.context) {
    e_.CallShared(type_index, callee.code, callee.context, arguments, results);
  } else {
    e_.CallOwn(type_index, callee.code, arguments, results);
  }
  for (llvm::Value* result : results) Push(result);
}

void FunctionLowering::TailCall(uint32_t type_index, llvm::Value* code, llvm::ArrayRef<llvm::Value*> arguments) {
  e_.RequireTypes(arguments, m_.wasm.types[type_index].params, "arguments are of the callee's parameter types");
  Require(m_.wasm.types[type_index].results == type_.results, "a tail call returns what its function returns");
  llvm::SmallVector<llvm::Value*, 16> operands{e_.context};
  operands.append(arguments.begin(), arguments.end());
  if (results_memory_) operands.push_back(results_memory_);
  llvm::CallInst* call = b_.CreateCall(m_.Signature(type_index), code, operands);
  call->setCallingConv(llvm::CallingConv::Tail);
  call->setAttributes(m_.GuestCallAttributes());
  call->setTailCallKind(llvm::CallInst::TCK_MustTail);
  if (call->getType()->isVoidTy()) {
    b_.CreateRetVoid();
  } else {
    b_.CreateRet(call);
  }
}

// After a call that stands for a tail call. Results that go through memory are there already.
void FunctionLowering::ReturnCalled(llvm::ArrayRef<llvm::Value*> results) {
  if (results_memory_) {
    b_.CreateRetVoid();
  } else {
    e_.Return(type_, results, nullptr);
  }
}

void FunctionLowering::ReturnCall(uint32_t func) {
  const Values arguments = PopN(m_.wasm.TypeOfFunc(func).params.size());
  if (func >= m_.wasm.num_imported_funcs) {
    TailCall(m_.wasm.func_types[func], m_.DefinedFunction(func), arguments);
  } else {
    Values results;
    e_.CallFunction(func, arguments, results, results_memory_);
    ReturnCalled(results);
  }
  SetUnreachable();
}

void FunctionLowering::ReturnCallIndirect(uint32_t type_index, uint32_t table) {
  const Callee callee = ResolveIndirect(type_index, table);
  const Values arguments = PopN(m_.wasm.types[type_index].params.size());
  llvm::Value* code = callee.code;
  if (callee.context) {
    llvm::BasicBlock* ours = e_.NewBlock();
    llvm::BasicBlock* foreign = e_.NewBlock();
    b_.CreateCondBr(b_.CreateICmpEQ(callee.context, e_.context), ours, foreign);
    e_.StartBlock(foreign);
    Values results;
    e_.CallShared(type_index, callee.code, callee.context, arguments, results, results_memory_);
    ReturnCalled(results);
    e_.StartBlock(ours);
    // What a funcref holds for everybody is in the C convention; ours has the function itself beside it.
    llvm::Value* field = b_.CreatePtrAdd(callee.funcref, e_.I64(offsetof(abi::VmFuncRef, tail_offset)));
    code = b_.CreatePtrAdd(code, b_.CreateSExt(b_.CreateAlignedLoad(m_.i32, field, llvm::Align(4)), m_.i64));
  }
  TailCall(type_index, code, arguments);
  SetUnreachable();
}

bool FunctionLowering::LowerCall(const Instr& instr) {
  const auto low = static_cast<uint32_t>(instr.imm);
  const auto high = static_cast<uint32_t>(instr.imm >> 32);
  switch (instr.op) {
    case Op::kCall:  // call
      Call(low);
      return true;
    case Op::kCallIndirect:  // call_indirect
      CallIndirect(low, high);
      return true;
    case Op::kReturnCall:  // return_call
      ReturnCall(low);
      return true;
    case Op::kReturnCallIndirect:  // return_call_indirect
      ReturnCallIndirect(low, high);
      return true;
    default:
      return false;
  }
}

}  // namespace guardc::compiler
