// What all functions of one llvm::Module share while they are lowered: types, declarations, attributes.
#pragma once

#include <llvm/IR/CallingConv.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/frontend/wasm_module.h"
#include "compiler/lower/context_layout.h"
#include "compiler/lower/lower.h"

namespace llvm {
class AttributeList;
class Constant;
class DICompileUnit;
class DILocation;
class Function;
class FunctionType;
class GlobalVariable;
class LLVMContext;
class Module;
class Type;
class FixedVectorType;
class IntegerType;
class PointerType;
class StructType;
}  // namespace llvm

namespace guardc::compiler {

class ModuleContext {
 public:
  ModuleContext(llvm::Module& llvm_module, const Module& wasm_module, const ContextLayout& context_layout,
                const LowerOptions& lower_options);
  ModuleContext(const ModuleContext&) = delete;
  ModuleContext& operator=(const ModuleContext&) = delete;

  llvm::Module& target;
  llvm::LLVMContext& llvm;
  const Module& wasm;
  const ContextLayout& layout;
  const LowerOptions& options;

  llvm::Type* void_type;
  llvm::IntegerType* i1;
  llvm::IntegerType* i8;
  llvm::IntegerType* i16;
  llvm::IntegerType* i32;
  llvm::IntegerType* i64;
  llvm::Type* f32;
  llvm::Type* f64;
  llvm::PointerType* ptr;
  llvm::FixedVectorType* i8x16;
  llvm::FixedVectorType* i16x8;
  llvm::FixedVectorType* i32x4;
  llvm::FixedVectorType* i64x2;  // also what a v128 is between instructions
  llvm::FixedVectorType* f32x4;
  llvm::FixedVectorType* f64x2;

  llvm::Type* TypeOf(ValType type) const;
  // The signature of a wasm function type (abi.h).
  llvm::FunctionType* Signature(uint32_t type_index);
  // void(ptr context, ptr code, ptr values): EntryFn, and init.
  llvm::FunctionType* EntrySignature() const;
  // More results than fit registers go through an array of Value.
  static bool ReturnsInMemory(const FuncType& type) { return type.results.size() > 2; }

  // The code of a defined function, declared on first use.
  llvm::Function* DefinedFunction(uint32_t func);
  // The symbol that a static table holds for an imported function.
  llvm::Function* ImportStub(uint32_t func);
  // Contents of a static table: an array of {i32 offset, i32 type}.
  llvm::GlobalVariable* StaticTable(uint32_t table);
  llvm::StructType* StaticTableEntry() const;
  llvm::GlobalVariable* DataBytes(uint32_t segment);

  // A function of ours with the attributes that all of them carry, hidden, in the C calling convention.
  llvm::Function* CreateFunction(llvm::FunctionType* type, const std::string& name);
  // One that takes its context in the context's register, as all code of wasm types does (abi.h).
  llvm::Function* CreateGuestFunction(uint32_t type_index, const std::string& name, llvm::CallingConv::ID convention);
  // Gives a defined function a scope, by which its instructions are known wherever they are inlined
  // (codegen/inline_table.h): the scope's line is the function's index. All of its instructions have this one place.
  llvm::DILocation* MarkScope(llvm::Function& function, uint32_t func);
  // Attributes of a call to a guest function.
  llvm::AttributeList GuestCallAttributes() const;
  // Among the module's own functions. Whatever a funcref holds is called in the C convention.
  llvm::CallingConv::ID own_convention() const {
    return layout.has_tail_calls ? llvm::CallingConv::Tail : llvm::CallingConv::C;
  }

  // The value of an immutable defined global, if the compiler knows it.
  llvm::Constant* ConstantGlobal(uint32_t global) const;
  // From bits as they stand in Value.
  llvm::Constant* ConstantOf(ValType type, const V128& bytes) const;

  uint32_t CanonicalTypeOfFunc(uint32_t func) const { return layout.canonical_type[wasm.func_types[func]]; }

 private:
  llvm::DICompileUnit* scopes_ = nullptr;           // on demand
  std::vector<llvm::FunctionType*> signatures_;     // per type index, on demand
  std::vector<llvm::Function*> defined_functions_;  // per defined function, on demand
};

}  // namespace guardc::compiler
