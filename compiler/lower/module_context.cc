#include "compiler/lower/module_context.h"

#include <llvm/ADT/APFloat.h>
#include <llvm/ADT/APInt.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/Attributes.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/DIBuilder.h>
#include <llvm/IR/DebugInfoMetadata.h>
#include <llvm/IR/DerivedTypes.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/GlobalVariable.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Type.h>

#include <cstring>

#include "artifact/abi.h"
#include "compiler/lower/const_expr.h"

namespace guardc::compiler {

ModuleContext::ModuleContext(llvm::Module& llvm_module, const Module& wasm_module, const ContextLayout& context_layout,
                             const LowerOptions& lower_options)
    : target(llvm_module),
      llvm(llvm_module.getContext()),
      wasm(wasm_module),
      layout(context_layout),
      options(lower_options),
      void_type(llvm::Type::getVoidTy(llvm)),
      i1(llvm::Type::getInt1Ty(llvm)),
      i8(llvm::Type::getInt8Ty(llvm)),
      i16(llvm::Type::getInt16Ty(llvm)),
      i32(llvm::Type::getInt32Ty(llvm)),
      i64(llvm::Type::getInt64Ty(llvm)),
      f32(llvm::Type::getFloatTy(llvm)),
      f64(llvm::Type::getDoubleTy(llvm)),
      ptr(llvm::PointerType::get(llvm, 0)),
      i8x16(llvm::FixedVectorType::get(i8, 16)),
      i16x8(llvm::FixedVectorType::get(i16, 8)),
      i32x4(llvm::FixedVectorType::get(i32, 4)),
      i64x2(llvm::FixedVectorType::get(i64, 2)),
      f32x4(llvm::FixedVectorType::get(f32, 4)),
      f64x2(llvm::FixedVectorType::get(f64, 2)),
      signatures_(wasm_module.types.size()),
      defined_functions_(wasm_module.functions.size()) {}

llvm::Type* ModuleContext::TypeOf(ValType type) const {
  switch (type) {
    case ValType::kI32:
      return i32;
    case ValType::kI64:
      return i64;
    case ValType::kF32:
      return f32;
    case ValType::kF64:
      return f64;
    case ValType::kV128:
      return i64x2;
    case ValType::kFuncRef:
    case ValType::kExternRef:
      return ptr;
  }
  return nullptr;
}

llvm::FunctionType* ModuleContext::Signature(uint32_t type_index) {
  llvm::FunctionType*& signature = signatures_[type_index];
  if (signature) return signature;
  const FuncType& type = wasm.types[type_index];
  llvm::SmallVector<llvm::Type*, 16> params{ptr};
  for (ValType param : type.params) params.push_back(TypeOf(param));
  llvm::Type* result = void_type;
  if (ReturnsInMemory(type)) {
    params.push_back(ptr);
  } else if (type.results.size() == 1) {
    result = TypeOf(type.results[0]);
  } else if (type.results.size() == 2) {
    result = llvm::StructType::get(TypeOf(type.results[0]), TypeOf(type.results[1]));
  }
  signature = llvm::FunctionType::get(result, params, false);
  return signature;
}

llvm::FunctionType* ModuleContext::EntrySignature() const {
  return llvm::FunctionType::get(void_type, {ptr, ptr, ptr}, false);
}

llvm::Function* ModuleContext::DefinedFunction(uint32_t func) {
  llvm::Function*& function = defined_functions_[func - wasm.num_imported_funcs];
  if (!function) {
    function = CreateGuestFunction(wasm.func_types[func], FunctionSymbol(wasm, func), own_convention());
    if (layout.moves_words) function->addFnAttr(kMovesWords);
  }
  return function;
}

llvm::Function* ModuleContext::ImportStub(uint32_t func) {
  const std::string name = "guardc.import." + std::to_string(func);
  if (llvm::Function* existing = target.getFunction(name)) return existing;
  return CreateGuestFunction(wasm.func_types[func], name, own_convention());
}

llvm::StructType* ModuleContext::StaticTableEntry() const { return llvm::StructType::get(i32, i32); }

namespace {

llvm::GlobalVariable* HiddenConstant(llvm::Module& target, const std::string& name, llvm::Type* type) {
  if (llvm::GlobalVariable* existing = target.getNamedGlobal(name)) return existing;
  auto* global = new llvm::GlobalVariable(target, type, true, llvm::GlobalValue::ExternalLinkage, nullptr, name);
  global->setVisibility(llvm::GlobalValue::HiddenVisibility);
  global->setDSOLocal(true);
  return global;
}

}  // namespace

llvm::GlobalVariable* ModuleContext::StaticTable(uint32_t table) {
  llvm::GlobalVariable* global =
      HiddenConstant(target, "guardc.table." + std::to_string(table),
                     llvm::ArrayType::get(StaticTableEntry(), wasm.table_types[table].limits.min));
  global->setAlignment(llvm::Align(8));
  return global;
}

llvm::GlobalVariable* ModuleContext::DataBytes(uint32_t segment) {
  return HiddenConstant(target, "guardc.data." + std::to_string(segment),
                        llvm::ArrayType::get(i8, wasm.data_segments[segment].bytes.size()));
}

llvm::Function* ModuleContext::CreateFunction(llvm::FunctionType* type, const std::string& name) {
  llvm::Function* function = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, name, target);
  function->setVisibility(llvm::GlobalValue::HiddenVisibility);
  function->setDSOLocal(true);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  // Backtraces and profilers unwind by CFI, from any instruction.
  function->setUWTableKind(llvm::UWTableKind::Async);
  // A frame larger than the guard region must not step over it (STACK-1).
  function->addFnAttr("probe-stack", "inline-asm");
  function->addFnAttr("stack-probe-size", std::to_string(abi::kStackProbeSize));
  // LLVM would turn calls in tail position into jumps: an endless recursion would become an endless loop instead of
  // "call stack exhausted", and backtraces would lack frames. Only return_call may do that (musttail, which this does
  // not touch).
  function->addFnAttr("disable-tail-calls", "true");
  function->addParamAttr(0, llvm::Attribute::NonNull);
  function->addParamAttr(0, llvm::Attribute::NoUndef);
  return function;
}

llvm::Function* ModuleContext::CreateGuestFunction(uint32_t type_index, const std::string& name,
                                                   llvm::CallingConv::ID convention) {
  llvm::Function* function = CreateFunction(Signature(type_index), name);
  function->setCallingConv(convention);
  function->addParamAttr(0, llvm::Attribute::SwiftSelf);
  return function;
}

llvm::DILocation* ModuleContext::MarkScope(llvm::Function& function, uint32_t func) {
  llvm::DIBuilder builder(target, /*AllowUnresolved=*/false, scopes_);
  if (!scopes_) {
    target.addModuleFlag(llvm::Module::Warning, "Debug Info Version", llvm::DEBUG_METADATA_VERSION);
    // No debug information is written: LLVM only keeps track of the places.
    scopes_ = builder.createCompileUnit(llvm::dwarf::DW_LANG_C, builder.createFile("guard.wasm", ""), "guardc", true,
                                        "", 0, "", llvm::DICompileUnit::NoDebug);
  }
  llvm::DISubprogram* scope = builder.createFunction(
      scopes_, function.getName(), "", scopes_->getFile(), func,
      builder.createSubroutineType(builder.getOrCreateTypeArray({})), func, llvm::DINode::FlagZero,
      llvm::DISubprogram::SPFlagDefinition | llvm::DISubprogram::SPFlagOptimized);
  function.setSubprogram(scope);
  return llvm::DILocation::get(llvm, 1, 0, scope);
}

llvm::AttributeList ModuleContext::GuestCallAttributes() const {
  return llvm::AttributeList().addParamAttribute(llvm, 0, llvm::Attribute::SwiftSelf);
}

llvm::Constant* ModuleContext::ConstantGlobal(uint32_t global) const {
  const std::optional<V128> bytes = EvaluateGlobal(wasm, global);
  return bytes ? ConstantOf(wasm.global_types[global].type, *bytes) : nullptr;
}

llvm::Constant* ModuleContext::ConstantOf(ValType type, const V128& bytes) const {
  uint64_t words[2];
  std::memcpy(words, bytes.data(), sizeof(words));
  switch (type) {
    case ValType::kI32:
      return llvm::ConstantInt::get(i32, static_cast<uint32_t>(words[0]));
    case ValType::kI64:
      return llvm::ConstantInt::get(i64, words[0]);
    case ValType::kF32:
      return llvm::ConstantFP::get(
          llvm, llvm::APFloat(llvm::APFloat::IEEEsingle(), llvm::APInt(32, static_cast<uint32_t>(words[0]))));
    case ValType::kF64:
      return llvm::ConstantFP::get(llvm, llvm::APFloat(llvm::APFloat::IEEEdouble(), llvm::APInt(64, words[0])));
    case ValType::kV128:
      return llvm::ConstantDataVector::get(llvm, llvm::ArrayRef<uint64_t>(words));
    case ValType::kFuncRef:
    case ValType::kExternRef:
      return llvm::ConstantPointerNull::get(ptr);
  }
  return nullptr;
}

}  // namespace guardc::compiler
