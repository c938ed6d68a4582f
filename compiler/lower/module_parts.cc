#include "compiler/lower/module_parts.h"

#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/GlobalVariable.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Module.h>

#include <algorithm>
#include <cstddef>
#include <string>

#include "compiler/lower/emitter.h"
#include "compiler/lower/static_table.h"

namespace guardc::compiler {

std::vector<bool> ThunkTypes(const Module& module, const ContextLayout& layout) {
  std::vector<bool> types(module.types.size());
  for (uint32_t i = 0; i < module.num_imported_funcs; ++i) types[layout.canonical_type[module.func_types[i]]] = true;
  return types;
}

// An imported function can be exported again, and is then called through an entry of ours.
std::vector<bool> EntryTypes(const Module& module, const ContextLayout& layout) {
  std::vector<bool> types = ThunkTypes(module, layout);
  for (uint32_t func : layout.escaping_funcs) types[layout.canonical_type[module.func_types[func]]] = true;
  return types;
}

bool NeedsDataBytes(const Module& module, const std::vector<bool>& in_image, uint32_t segment) {
  const DataSegment& s = module.data_segments[segment];
  if (s.bytes.empty()) return false;
  return s.mode == SegmentMode::kPassive || (s.mode == SegmentMode::kActive && !in_image[segment]);
}

namespace {

// The body of a function of the type of `func` that calls it.
void DefineForwarder(ModuleContext& module, uint32_t func, llvm::Function& function) {
  Emitter e(module, function);
  const FuncType& type = module.wasm.TypeOfFunc(func);
  Values arguments;
  for (size_t i = 0; i < type.params.size(); ++i) arguments.push_back(function.getArg(static_cast<unsigned>(i + 1)));
  Values results;
  if (ModuleContext::ReturnsInMemory(type)) {
    e.CallFunction(func, arguments, results, function.getArg(function.arg_size() - 1));
    e.b.CreateRetVoid();
  } else {
    e.CallFunction(func, arguments, results);
    e.Return(type, results, nullptr);
  }
}

}  // namespace

// void(context, code, values): parameters from the array, results back to it.
void DefineEntry(ModuleContext& module, uint32_t type_index) {
  llvm::Function* function =
      module.CreateFunction(module.EntrySignature(), "guardc.entry." + std::to_string(type_index));
  Emitter e(module, *function);
  const FuncType& type = module.wasm.types[type_index];
  llvm::Value* values = function->getArg(2);
  Values arguments;
  e.LoadValues(values, type.params, arguments);
  Values results;
  // With more than two results the callee writes them to the array itself.
  e.CallShared(type_index, function->getArg(1), e.context, arguments, results, values);
  if (!ModuleContext::ReturnsInMemory(type)) e.StoreValues(values, results);
  e.b.CreateRetVoid();
}

// A function whose context is a VmHostFunc.
void DefineHostThunk(ModuleContext& module, uint32_t type_index) {
  const FuncType& type = module.wasm.types[type_index];
  llvm::Function* function =
      module.CreateGuestFunction(type_index, "guardc.thunk." + std::to_string(type_index), llvm::CallingConv::C);
  Emitter e(module, *function);
  Values arguments;
  for (size_t i = 0; i < type.params.size(); ++i) arguments.push_back(function->getArg(static_cast<unsigned>(i + 1)));
  const size_t count = std::max({type.params.size(), type.results.size(), size_t{1}});
  llvm::Value* values = e.ValueArray(static_cast<uint32_t>(count));
  e.StoreValues(values, arguments);
  llvm::Value* stub = e.LoadInvariant(module.ptr, e.context, offsetof(abi::VmHostFunc, call_host));
  llvm::Value* host = e.LoadInvariant(module.ptr, e.context, offsetof(abi::VmHostFunc, fn));
  e.b.CreateCall(module.EntrySignature(), stub, {host, e.context, values})->setDoesNotThrow();
  Values results;
  e.LoadValues(values, type.results, results);
  llvm::Value* memory = ModuleContext::ReturnsInMemory(type) ? function->getArg(function->arg_size() - 1) : nullptr;
  e.Return(type, results, memory);
}

// The C calling convention in front of a tailcc function.
void DefineSharedCode(ModuleContext& module, uint32_t func) {
  llvm::Function* function = module.CreateGuestFunction(
      module.wasm.func_types[func], FuncRefSymbol(module.wasm, module.layout, func), llvm::CallingConv::C);
  DefineForwarder(module, func, *function);
}

namespace {

// Code that a static table holds for an imported function: it runs in our context and calls on.
void DefineImportStub(ModuleContext& module, uint32_t func) { DefineForwarder(module, func, *module.ImportStub(func)); }

}  // namespace

namespace {

// Entries are offsets from the table, so that nothing needs relocation when the artifact is loaded.
void DefineStaticTable(ModuleContext& module, uint32_t table, const std::vector<uint32_t>& contents) {
  llvm::GlobalVariable* global = module.StaticTable(table);
  llvm::Constant* base = llvm::ConstantExpr::getPtrToInt(global, module.i64);
  std::vector<llvm::Constant*> entries;
  for (uint32_t func : contents) {
    if (func == kNoFunction) {
      entries.push_back(llvm::ConstantStruct::getAnon(
          {llvm::ConstantInt::get(module.i32, 0), llvm::ConstantInt::get(module.i32, kNoFunction)}));
      continue;
    }
    const bool is_import = func < module.wasm.num_imported_funcs;
    llvm::Function* code = is_import ? module.ImportStub(func) : module.DefinedFunction(func);
    if (is_import && code->empty()) DefineImportStub(module, func);
    llvm::Constant* offset = llvm::ConstantExpr::getTrunc(
        llvm::ConstantExpr::getSub(llvm::ConstantExpr::getPtrToInt(code, module.i64), base), module.i32);
    entries.push_back(
        llvm::ConstantStruct::getAnon({offset, llvm::ConstantInt::get(module.i32, module.CanonicalTypeOfFunc(func))}));
  }
  global->setInitializer(llvm::ConstantArray::get(llvm::cast<llvm::ArrayType>(global->getValueType()), entries));
}

}  // namespace

void DefineStaticTables(ModuleContext& module) {
  const std::vector<std::vector<uint32_t>> contents = StaticTableContents(module.wasm, module.layout.table_is_static);
  for (uint32_t i = 0; i < contents.size(); ++i) {
    if (module.layout.table_is_static[i]) DefineStaticTable(module, i, contents[i]);
  }
}

void DefineDataBytes(ModuleContext& module, uint32_t segment) {
  const std::vector<uint8_t>& bytes = module.wasm.data_segments[segment].bytes;
  module.DataBytes(segment)->setInitializer(llvm::ConstantDataArray::get(module.llvm, llvm::ArrayRef<uint8_t>(bytes)));
}

}  // namespace guardc::compiler
