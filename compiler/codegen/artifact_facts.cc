#include "compiler/codegen/artifact_facts.h"

#include <llvm/IR/Constants.h>
#include <llvm/IR/Module.h>

#include "artifact/abi.h"

namespace guardc::compiler {
namespace {

llvm::GlobalVariable* Constant(llvm::Module& module, llvm::Type* type, llvm::Constant* value, llvm::StringRef name,
                               llvm::StringRef section, uint64_t alignment) {
  auto* global = new llvm::GlobalVariable(module, type, true, llvm::GlobalValue::ExternalLinkage, value, name);
  global->setDSOLocal(true);
  global->setSection(section);
  global->setAlignment(llvm::Align(alignment));
  return global;
}

llvm::Constant* RawBytes(llvm::LLVMContext& context, const uint8_t* data, size_t size) {
  return llvm::ConstantDataArray::getRaw(llvm::StringRef(reinterpret_cast<const char*>(data), size), size,
                                         llvm::Type::getInt8Ty(context));
}

// Code is only referred to by its address; its real type does not matter here.
llvm::GlobalValue* Symbol(llvm::Module& module, const std::string& name) {
  if (llvm::GlobalValue* existing = module.getNamedValue(name)) return existing;
  auto* type = llvm::FunctionType::get(llvm::Type::getVoidTy(module.getContext()), false);
  auto* function = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, name, module);
  function->setVisibility(llvm::GlobalValue::HiddenVisibility);
  function->setDSOLocal(true);
  return function;
}

}  // namespace

std::unique_ptr<llvm::Module> CreateFactsModule(llvm::LLVMContext& context, const ModuleFacts& facts,
                                                const MemoryImage& image, uint32_t page_size) {
  auto module = std::make_unique<llvm::Module>("guard", context);
  module->setSourceFileName("guard.wasm");
  auto* i32 = llvm::Type::getInt32Ty(context);
  auto* i64 = llvm::Type::getInt64Ty(context);

  if (!image.bytes.empty()) {
    llvm::Constant* bytes = RawBytes(context, image.bytes.data(), image.bytes.size());
    Constant(*module, bytes->getType(), bytes, kImageSymbol, abi::kImageSection, page_size)
        ->setVisibility(llvm::GlobalValue::HiddenVisibility);
  }

  // Bytes, hole, bytes, hole, ...: the type first, since holes refer to the header itself.
  std::vector<llvm::Type*> types;
  size_t at = 0;
  for (const FactsReference& reference : facts.references) {
    types.push_back(llvm::ArrayType::get(llvm::Type::getInt8Ty(context), reference.position - at));
    types.push_back(i32);
    at = reference.position + sizeof(uint32_t);
  }
  types.push_back(llvm::ArrayType::get(llvm::Type::getInt8Ty(context), facts.bytes.size() - at));
  auto* type = llvm::StructType::get(context, types, /*isPacked=*/true);
  // .rodata, since the distances need no relocation once linked.
  llvm::GlobalVariable* header = Constant(*module, type, nullptr, abi::kArtifactSymbol, ".rodata.guardc", 16);
  header->setVisibility(llvm::GlobalValue::ProtectedVisibility);

  std::vector<llvm::Constant*> values;
  at = 0;
  llvm::Constant* base = llvm::ConstantExpr::getPtrToInt(header, i64);
  for (const FactsReference& reference : facts.references) {
    values.push_back(RawBytes(context, facts.bytes.data() + at, reference.position - at));
    llvm::Constant* symbol = llvm::ConstantExpr::getPtrToInt(Symbol(*module, reference.symbol), i64);
    values.push_back(llvm::ConstantExpr::getTrunc(llvm::ConstantExpr::getSub(symbol, base), i32));
    at = reference.position + sizeof(uint32_t);
  }
  values.push_back(RawBytes(context, facts.bytes.data() + at, facts.bytes.size() - at));
  header->setInitializer(llvm::ConstantStruct::get(type, values));
  return module;
}

}  // namespace guardc::compiler
