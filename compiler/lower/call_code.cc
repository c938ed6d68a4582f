// The calling convention of abi.h, from the caller's side and at the return.
#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>

#include <cstddef>

#include "compiler/lower/emitter.h"
#include "compiler/lower/require.h"

namespace guardc::compiler {

void Emitter::RequireTypes(llvm::ArrayRef<llvm::Value*> values, const std::vector<ValType>& types, const char* what) {
  Require(values.size() == types.size(), what);
  for (size_t i = 0; i < values.size(); ++i) Require(values[i]->getType() == m.TypeOf(types[i]), what);
}

void Emitter::CallOwn(uint32_t type_index, llvm::Value* code, llvm::ArrayRef<llvm::Value*> arguments, Values& results,
                      llvm::Value* memory) {
  CallCode(type_index, m.own_convention(), code, context, arguments, results, memory);
}

void Emitter::CallShared(uint32_t type_index, llvm::Value* code, llvm::Value* callee_context,
                         llvm::ArrayRef<llvm::Value*> arguments, Values& results, llvm::Value* memory) {
  CallCode(type_index, llvm::CallingConv::C, code, callee_context, arguments, results, memory);
}

void Emitter::CallCode(uint32_t type_index, llvm::CallingConv::ID convention, llvm::Value* code,
                       llvm::Value* callee_context, llvm::ArrayRef<llvm::Value*> arguments, Values& results,
                       llvm::Value* memory) {
  const FuncType& type = m.wasm.types[type_index];
  RequireTypes(arguments, type.params, "arguments are of the callee's parameter types");
  llvm::SmallVector<llvm::Value*, 16> operands{callee_context};
  operands.append(arguments.begin(), arguments.end());
  const bool in_memory = ModuleContext::ReturnsInMemory(type);
  if (in_memory) {
    if (!memory) memory = ValueArray(static_cast<uint32_t>(type.results.size()));
    operands.push_back(memory);
  }
  llvm::CallInst* call = b.CreateCall(m.Signature(type_index), code, operands);
  call->setCallingConv(convention);
  call->setAttributes(m.GuestCallAttributes());
  if (in_memory) {
    LoadValues(memory, type.results, results);
  } else if (type.results.size() == 1) {
    results.push_back(call);
  } else if (type.results.size() == 2) {
    results.push_back(b.CreateExtractValue(call, 0));
    results.push_back(b.CreateExtractValue(call, 1));
  }
}

void Emitter::CallFunction(uint32_t func, llvm::ArrayRef<llvm::Value*> arguments, Values& results,
                           llvm::Value* memory) {
  const uint32_t type = m.wasm.func_types[func];
  if (func >= m.wasm.num_imported_funcs) {
    CallOwn(type, m.DefinedFunction(func), arguments, results, memory);
    return;
  }
  const auto funcref = static_cast<uint32_t>(m.layout.funcrefs + func * sizeof(abi::VmFuncRef));
  llvm::Value* code = LoadInvariant(m.ptr, context, funcref + offsetof(abi::VmFuncRef, code));
  llvm::Value* callee_context = LoadInvariant(m.ptr, context, funcref + offsetof(abi::VmFuncRef, context));
  CallShared(type, code, callee_context, arguments, results, memory);
}

void Emitter::Return(const FuncType& type, llvm::ArrayRef<llvm::Value*> results, llvm::Value* memory) {
  RequireTypes(results, type.results, "a function returns values of its result types");
  if (ModuleContext::ReturnsInMemory(type)) {
    StoreValues(memory, results);
    b.CreateRetVoid();
  } else if (results.empty()) {
    b.CreateRetVoid();
  } else if (results.size() == 1) {
    b.CreateRet(results[0]);
  } else {
    llvm::Value* pair = llvm::PoisonValue::get(fn.getReturnType());
    pair = b.CreateInsertValue(pair, results[0], 0);
    b.CreateRet(b.CreateInsertValue(pair, results[1], 1));
  }
}

}  // namespace guardc::compiler
