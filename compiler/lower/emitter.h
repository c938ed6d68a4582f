// Builds the body of one function of the artifact, wasm or our own: an IRBuilder that knows the context, traps, and how
// guest functions are called. Everything that generated code knows of abi.h goes through here (abi_access.cc).
#pragma once

#include <llvm/ADT/ArrayRef.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/IRBuilder.h>

#include <array>
#include <cstdint>
#include <map>

#include "artifact/abi.h"
#include "compiler/lower/module_context.h"

namespace guardc::compiler {

using Values = llvm::SmallVector<llvm::Value*, 8>;

// In the order of abi::VmBuiltins.
enum class Builtin : uint8_t {
  kMemoryGrow,
  kTableGrow,
  kTableFill,
  kTableCopy,
  kTableInit,
  kAtomicWait,
  kAtomicNotify,
};

class Emitter {
 public:
  // The function must be empty; parameter 0 is its context.
  Emitter(ModuleContext& module, llvm::Function& function);

  ModuleContext& m;
  llvm::Function& fn;
  llvm::IRBuilder<> b;
  llvm::Value* const context;

  llvm::ConstantInt* I32(uint32_t value) { return b.getInt32(value); }
  llvm::ConstantInt* I64(uint64_t value) { return b.getInt64(value); }
  llvm::BasicBlock* NewBlock();  // not yet in the function
  void StartBlock(llvm::BasicBlock* block);
  // In the entry block, before everything else.
  llvm::AllocaInst* EntryAlloca(llvm::Type* type, uint64_t count = 1);

  // ---- trap.cc
  // The cold block of the function that traps with `code`.
  llvm::BasicBlock* TrapBlock(TrapCode code);
  void TrapIf(llvm::Value* condition, TrapCode code);
  void Trap(TrapCode code);  // ends the block
  // Conditional branch of which the true side is cold.
  void BranchUnlikely(llvm::Value* condition, llvm::BasicBlock* cold, llvm::BasicBlock* usual);

  // ---- abi_access.cc
  llvm::Value* ContextPtr(uint32_t offset);
  llvm::LoadInst* LoadContext(llvm::Type* type, uint32_t offset);
  // A field that never changes while the instance lives.
  llvm::LoadInst* LoadInvariant(llvm::Type* type, llvm::Value* base, uint32_t offset);

  // Address of the n-th Value of an array.
  llvm::Value* ValuePtr(llvm::Value* array, uint32_t index);
  // An array of Value on the guest's stack. The same memory every time: use it up before asking again.
  llvm::Value* ValueArray(uint32_t count);
  void StoreValues(llvm::Value* array, llvm::ArrayRef<llvm::Value*> values);
  void LoadValues(llvm::Value* array, const std::vector<ValType>& types, Values& out);

  // What other instances or later calls see: globals, tables, sizes of segments. Exact at every trap with strict traps.
  void StoreState(llvm::Value* value, llvm::Value* pointer, llvm::Align align);

  llvm::Value* GlobalPtr(uint32_t global);
  llvm::Value* ReadGlobal(uint32_t global);
  llvm::Value* FuncRef(uint32_t func);  // pointer to its VmFuncRef
  llvm::Value* MemoryRecord(uint32_t memory);
  llvm::Value* MemoryBase(uint32_t memory);
  llvm::Value* MemorySize(uint32_t memory);  // bytes, i64
  llvm::Value* TableRecord(uint32_t table);
  llvm::Value* DataSizePtr(uint32_t segment);
  llvm::Value* ElemSizePtr(uint32_t segment);
  // Calls a run-time service, which knows the arguments by the types that it expects (VmBuiltins); the result is the
  // array, whose first Value it may have overwritten.
  llvm::Value* CallBuiltin(Builtin builtin, llvm::ArrayRef<llvm::Value*> arguments);

  // ---- call_code.cc
  void RequireTypes(llvm::ArrayRef<llvm::Value*> values, const std::vector<ValType>& types, const char* what);
  // Calls code of the module itself, with our context. `results` gets the wasm results; `memory` is where more than two
  // of them go, or null for an array of our own.
  void CallOwn(uint32_t type_index, llvm::Value* code, llvm::ArrayRef<llvm::Value*> arguments, Values& results,
               llvm::Value* memory = nullptr);
  // Calls what a funcref holds, whoever defined it.
  void CallShared(uint32_t type_index, llvm::Value* code, llvm::Value* callee_context,
                  llvm::ArrayRef<llvm::Value*> arguments, Values& results, llvm::Value* memory = nullptr);
  // The same for a function by index, imported or not.
  void CallFunction(uint32_t func, llvm::ArrayRef<llvm::Value*> arguments, Values& results,
                    llvm::Value* memory = nullptr);
  // Leaves the function with these results; `memory` as above, for the caller's own results.
  void Return(const FuncType& type, llvm::ArrayRef<llvm::Value*> results, llvm::Value* memory);

  // ---- const_expr_ir.cc
  llvm::Value* ConstantExpression(const ConstExpr& expr);

 private:
  void CallCode(uint32_t type_index, llvm::CallingConv::ID convention, llvm::Value* code, llvm::Value* callee_context,
                llvm::ArrayRef<llvm::Value*> arguments, Values& results, llvm::Value* memory);

  llvm::IRBuilder<> entry_;  // at the end of the allocas
  std::array<llvm::BasicBlock*, 16> trap_blocks_{};
  std::map<uint32_t, llvm::Value*> value_arrays_;  // by count
};

// Bytes of an indexed reference: `index` and `count` are i32 (zero-extended here) or i64, `size` is i64. True where
// index + count > size, without overflow.
llvm::Value* RangeExceeds(Emitter& e, llvm::Value* index, llvm::Value* count, llvm::Value* size);

}  // namespace guardc::compiler
