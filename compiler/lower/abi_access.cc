// The only place where offsets of abi.h and of the context's layout become IR.
#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Metadata.h>

#include <array>
#include <cstddef>
#include <string_view>

#include "compiler/lower/emitter.h"
#include "compiler/lower/require.h"

namespace guardc::compiler {
namespace {

llvm::Align AlignmentOf(llvm::Type* type) {
  if (type->isVectorTy()) return llvm::Align(16);
  if (type->isPointerTy()) return llvm::Align(8);
  return llvm::Align(type->getScalarSizeInBits() / 8);
}

}  // namespace

Emitter::Emitter(ModuleContext& module, llvm::Function& function)
    : m(module),
      fn(function),
      b(llvm::BasicBlock::Create(module.llvm, "", &function)),
      context(function.getArg(0)),
      entry_(&function.getEntryBlock()) {}

llvm::BasicBlock* Emitter::NewBlock() { return llvm::BasicBlock::Create(m.llvm); }

void Emitter::StartBlock(llvm::BasicBlock* block) {
  block->insertInto(&fn);
  b.SetInsertPoint(block);
}

llvm::AllocaInst* Emitter::EntryAlloca(llvm::Type* type, uint64_t count) {
  llvm::BasicBlock& entry = fn.getEntryBlock();
  entry_.SetInsertPoint(&entry, entry.begin());
  llvm::AllocaInst* alloca = entry_.CreateAlloca(count == 1 ? type : llvm::ArrayType::get(type, count));
  return alloca;
}

llvm::Value* Emitter::ContextPtr(uint32_t offset) { return offset ? b.CreatePtrAdd(context, I64(offset)) : context; }

llvm::LoadInst* Emitter::LoadContext(llvm::Type* type, uint32_t offset) {
  return b.CreateAlignedLoad(type, ContextPtr(offset), AlignmentOf(type));
}

llvm::LoadInst* Emitter::LoadInvariant(llvm::Type* type, llvm::Value* base, uint32_t offset) {
  llvm::Value* address = offset ? b.CreatePtrAdd(base, I64(offset)) : base;
  llvm::LoadInst* load = b.CreateAlignedLoad(type, address, AlignmentOf(type));
  load->setMetadata(llvm::LLVMContext::MD_invariant_load, llvm::MDNode::get(m.llvm, {}));
  return load;
}

llvm::Value* Emitter::ValuePtr(llvm::Value* array, uint32_t index) {
  return index ? b.CreatePtrAdd(array, I64(uint64_t{index} * sizeof(abi::Value))) : array;
}

llvm::Value* Emitter::ValueArray(uint32_t count) {
  llvm::Value*& array = value_arrays_[count];
  if (!array) {
    llvm::AllocaInst* alloca = EntryAlloca(m.i8, uint64_t{count} * sizeof(abi::Value));
    alloca->setAlignment(llvm::Align(alignof(abi::Value)));
    array = alloca;
  }
  return array;
}

void Emitter::StoreValues(llvm::Value* array, llvm::ArrayRef<llvm::Value*> values) {
  for (uint32_t i = 0; i < values.size(); ++i) {
    b.CreateAlignedStore(values[i], ValuePtr(array, i), llvm::Align(alignof(abi::Value)));
  }
}

void Emitter::LoadValues(llvm::Value* array, const std::vector<ValType>& types, Values& out) {
  for (uint32_t i = 0; i < types.size(); ++i) {
    out.push_back(b.CreateAlignedLoad(m.TypeOf(types[i]), ValuePtr(array, i), llvm::Align(alignof(abi::Value))));
  }
}

void Emitter::StoreState(llvm::Value* value, llvm::Value* pointer, llvm::Align align) {
  b.CreateAlignedStore(value, pointer, align, m.options.strict_traps);
}

llvm::Value* Emitter::GlobalPtr(uint32_t global) {
  const uint32_t imported = m.wasm.num_imported_globals;
  if (global < imported) return LoadInvariant(m.ptr, context, m.layout.imported_globals + global * sizeof(void*));
  return ContextPtr(m.layout.globals + (global - imported) * sizeof(abi::Value));
}

llvm::Value* Emitter::ReadGlobal(uint32_t global) {
  if (llvm::Constant* constant = m.ConstantGlobal(global)) return constant;
  const GlobalType& type = m.wasm.global_types[global];
  llvm::Value* pointer = GlobalPtr(global);
  // An imported immutable global was initialised before this instance existed.
  if (global < m.wasm.num_imported_globals && !type.is_mutable) return LoadInvariant(m.TypeOf(type.type), pointer, 0);
  return b.CreateAlignedLoad(m.TypeOf(type.type), pointer, llvm::Align(alignof(abi::Value)));
}

llvm::Value* Emitter::FuncRef(uint32_t func) {
  return ContextPtr(m.layout.funcrefs + m.layout.funcref_slot.at(func) * sizeof(abi::VmFuncRef));
}

llvm::Value* Emitter::MemoryRecord(uint32_t memory) {
  const uint32_t imported = m.wasm.num_imported_memories;
  if (memory < imported) return LoadInvariant(m.ptr, context, m.layout.imported_memories + memory * sizeof(void*));
  return ContextPtr(m.layout.memories + (memory - imported) * sizeof(abi::VmMemory));
}

llvm::Value* Emitter::MemoryBase(uint32_t memory) {
  if (memory == 0 && m.wasm.num_imported_memories == 0) return ContextPtr(m.layout.context_size);
  return LoadInvariant(m.ptr, MemoryRecord(memory), offsetof(abi::VmMemory, base));
}

llvm::Value* Emitter::MemorySize(uint32_t memory) {
  llvm::Value* field = b.CreatePtrAdd(MemoryRecord(memory), I64(offsetof(abi::VmMemory, size)));
  return b.CreateAlignedLoad(m.i64, field, llvm::Align(8));
}

llvm::Value* Emitter::TableRecord(uint32_t table) {
  const uint32_t imported = m.wasm.num_imported_tables;
  if (table < imported) return LoadInvariant(m.ptr, context, m.layout.imported_tables + table * sizeof(void*));
  return ContextPtr(m.layout.tables + (table - imported) * sizeof(abi::VmTable));
}

llvm::Value* Emitter::DataSizePtr(uint32_t segment) {
  return ContextPtr(m.layout.data_sizes + segment * sizeof(uint32_t));
}

llvm::Value* Emitter::ElemSizePtr(uint32_t segment) {
  return ContextPtr(m.layout.elem_segments + segment * sizeof(abi::VmElemSegment) + offsetof(abi::VmElemSegment, size));
}

llvm::Value* Emitter::CallBuiltin(Builtin builtin, llvm::ArrayRef<llvm::Value*> arguments) {
  // Of each builtin: L an i64, I an i32, P a reference.
  constexpr std::array<std::string_view, 7> kParameters = {"LL", "LPL", "LLPL", "LLLLL", "LLLLL", "LLLLL", "LLI"};
  const std::string_view parameters = kParameters.at(static_cast<size_t>(builtin));
  Require(arguments.size() == parameters.size(), "a builtin gets as many arguments as it takes");
  for (size_t i = 0; i < arguments.size(); ++i) {
    const char letter = parameters[i];
    llvm::Type* type = letter == 'L' ? m.i64 : letter == 'I' ? m.i32 : static_cast<llvm::Type*>(m.ptr);
    Require(arguments[i]->getType() == type, "a builtin gets arguments of the types that it takes");
  }
  constexpr uint32_t kArguments = 5;  // the most that any takes
  llvm::Value* values = ValueArray(kArguments);
  StoreValues(values, arguments);
  llvm::Value* builtins = LoadInvariant(m.ptr, context, offsetof(abi::VmContext, builtins));
  llvm::Value* function = LoadInvariant(m.ptr, builtins, static_cast<uint32_t>(builtin) * sizeof(abi::HostFn));
  llvm::Value* stub = LoadInvariant(m.ptr, context, offsetof(abi::VmContext, call_host));
  b.CreateCall(m.EntrySignature(), stub, {function, context, values})->setDoesNotThrow();
  return values;
}

}  // namespace guardc::compiler
