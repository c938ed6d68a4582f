#include "compiler/emit/chunks.h"

#include <fmt/format.h>
#include <llvm/Bitcode/BitcodeReader.h>
#include <llvm/Bitcode/BitcodeWriter.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/DebugInfo.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/Linker/Linker.h>
#include <llvm/Target/TargetMachine.h>

#include <unordered_map>

#include "compiler/emit/generate.h"
#include "compiler/emit/optimize.h"
#include "compiler/emit/parallel.h"
#include "compiler/emit/support.h"

namespace guardc::compiler {
namespace {

llvm::Function* FindFunction(llvm::Module& target, const Module& module, uint32_t func) {
  return target.getFunction(FunctionSymbol(module, func));
}

Result<CodeChunk> LowerFunctions(const Module& module, const ContextLayout& layout, const ChunkPlan::Chunk& plan,
                                 const CodeOptions& options) {
  GUARDC_TRY(const auto machine, CreateTargetMachine(options.target, options.opt_level));
  CodeChunk chunk;
  chunk.module->setSourceFileName("guard.wasm");
  // The layout is wanted while IR is built.
  PrepareModule(*chunk.module, options.target, *machine);
  Lowering lowering(*chunk.module, module, layout, options.lower);
  for (const uint32_t func : plan.defined) GUARDC_CHECK(lowering.DefineFunction(func));
  if (options.opt_level >= 2) {
    for (const uint32_t func : plan.copied) GUARDC_CHECK(lowering.DefineFunction(func, true));
  }
  for (const uint32_t func : plan.internal) {
    if (llvm::Function* function = FindFunction(*chunk.module, module, func)) {
      function->setVisibility(llvm::GlobalValue::DefaultVisibility);
      function->setLinkage(llvm::GlobalValue::InternalLinkage);
    }
  }
  PrepareModule(*chunk.module, options.target, *machine);
  GUARDC_CHECK(Optimize(*chunk.module, *machine, options.opt_level));
  // Symbols again, for the artifact's list of functions and for profilers.
  for (const uint32_t func : plan.internal) {
    if (llvm::Function* function = FindFunction(*chunk.module, module, func)) {
      function->setLinkage(llvm::GlobalValue::ExternalLinkage);
      function->setVisibility(llvm::GlobalValue::HiddenVisibility);
    }
  }
  return chunk;
}

Result<CodeChunk> LowerModuleParts(const Module& module, const ContextLayout& layout, const std::vector<bool>& in_image,
                                   const CodeOptions& options) {
  GUARDC_TRY(const auto machine, CreateTargetMachine(options.target, options.opt_level));
  CodeChunk chunk;
  GUARDC_TRY(chunk.module, CreateSupportModule(*chunk.context));
  chunk.module->setModuleIdentifier("guard");
  chunk.module->setSourceFileName("guard.wasm");
  PrepareModule(*chunk.module, options.target, *machine);
  Lowering lowering(*chunk.module, module, layout, options.lower);
  GUARDC_CHECK(lowering.DefineModuleParts(in_image));
  PrepareModule(*chunk.module, options.target, *machine);
  GUARDC_CHECK(Optimize(*chunk.module, *machine, options.opt_level));
  return chunk;
}

// The names of all global values that `constant` leads to.
class ReferenceFinder {
 public:
  void Visit(const llvm::Constant* constant) {
    if (!seen_.insert(constant).second) return;
    if (const auto* global = llvm::dyn_cast<llvm::GlobalValue>(constant)) {
      names_.push_back(global->getName().str());
      return;
    }
    for (const llvm::Use& operand : constant->operands()) {
      if (const auto* inner = llvm::dyn_cast<llvm::Constant>(operand)) Visit(inner);
    }
  }
  std::vector<std::string> Take() {
    seen_.clear();
    return std::move(names_);
  }

 private:
  std::unordered_set<const llvm::Constant*> seen_;
  std::vector<std::string> names_;
};

std::vector<std::string> ReferencesOf(const llvm::GlobalValue& value) {
  ReferenceFinder finder;
  if (const auto* function = llvm::dyn_cast<llvm::Function>(&value)) {
    for (const llvm::Instruction& instruction : llvm::instructions(*function)) {
      for (const llvm::Use& operand : instruction.operands()) {
        if (const auto* constant = llvm::dyn_cast<llvm::Constant>(operand)) finder.Visit(constant);
      }
    }
  } else if (const auto* variable = llvm::dyn_cast<llvm::GlobalVariable>(&value)) {
    finder.Visit(variable->getInitializer());
  } else if (const auto* alias = llvm::dyn_cast<llvm::GlobalAlias>(&value)) {
    finder.Visit(alias->getAliasee());
  }
  return finder.Take();
}

}  // namespace

CodeChunk::CodeChunk()
    : context(std::make_unique<llvm::LLVMContext>()), module(std::make_unique<llvm::Module>("guard", *context)) {}
CodeChunk::~CodeChunk() = default;
CodeChunk::CodeChunk(CodeChunk&&) noexcept = default;
CodeChunk& CodeChunk::operator=(CodeChunk&& other) noexcept {
  // The module goes before the context that it lives in.
  module = std::move(other.module);
  context = std::move(other.context);
  return *this;
}

Result<std::vector<CodeChunk>> LowerChunks(const Module& module, const ContextLayout& layout,
                                           const std::vector<bool>& in_image, const CodeOptions& options) {
  const ChunkPlan plan = PlanChunks(module);
  std::vector<CodeChunk> chunks(plan.chunks.size() + 1);
  GUARDC_CHECK(ParallelFor(chunks.size(), options.jobs, [&](size_t i) -> Result<void> {
    const bool is_last = i == plan.chunks.size();
    GUARDC_TRY(chunks[i], is_last ? LowerModuleParts(module, layout, in_image, options)
                                  : LowerFunctions(module, layout, plan.chunks[i], options));
    return {};
  }));
  return chunks;
}

std::unordered_set<std::string> DropUnreachable(std::vector<CodeChunk>& chunks, const std::vector<std::string>& roots) {
  std::unordered_map<std::string, std::vector<std::string>> references;
  for (const CodeChunk& chunk : chunks) {
    for (const llvm::GlobalValue& value : chunk.module->global_values()) {
      if (value.isDeclaration()) continue;
      auto& list = references[value.getName().str()];
      for (std::string& name : ReferencesOf(value)) list.push_back(std::move(name));
    }
  }
  std::unordered_set<std::string> live;
  std::vector<std::string> pending = roots;
  // The code generator may call these on its own, and the linker wants the last.
  for (const char* name : {"memcpy", "memmove", "memset", kTextAnchor}) pending.emplace_back(name);
  while (!pending.empty()) {
    const std::string name = std::move(pending.back());
    pending.pop_back();
    const auto it = references.find(name);
    if (it == references.end() || !live.insert(name).second) continue;
    pending.insert(pending.end(), it->second.begin(), it->second.end());
  }
  for (CodeChunk& chunk : chunks) {
    for (llvm::Function& function : *chunk.module) {
      if (!function.isDeclaration() && !live.contains(function.getName().str())) function.deleteBody();
    }
    for (llvm::GlobalVariable& variable : llvm::make_early_inc_range(chunk.module->globals())) {
      if (variable.isDeclaration() || live.contains(variable.getName().str())) continue;
      variable.removeDeadConstantUsers();
      if (variable.use_empty()) variable.eraseFromParent();
    }
  }
  return live;
}

Result<std::vector<std::vector<char>>> EmitChunks(std::vector<CodeChunk>& chunks, const CodeOptions& options) {
  std::vector<std::vector<char>> objects(chunks.size());
  GUARDC_CHECK(ParallelFor(chunks.size(), options.jobs, [&](size_t i) -> Result<void> {
    GUARDC_TRY(const auto machine, CreateTargetMachine(options.target, options.opt_level));
    GUARDC_TRY(objects[i], GenerateObject(*chunks[i].module, *machine, options.lower.strict_traps));
    return {};
  }));
  return objects;
}

Result<std::unique_ptr<llvm::Module>> MergeChunks(std::vector<CodeChunk>& chunks, llvm::LLVMContext& context) {
  auto merged = std::make_unique<llvm::Module>("guard", context);
  merged->setSourceFileName("guard.wasm");
  merged->setDataLayout(chunks.front().module->getDataLayout());
  merged->setTargetTriple(chunks.front().module->getTargetTriple());
  llvm::Linker linker(*merged);
  for (const CodeChunk& chunk : chunks) {
    // Chunks live in contexts of their own; bitcode is the way between contexts.
    llvm::SmallVector<char, 0> bitcode;
    llvm::raw_svector_ostream out(bitcode);
    llvm::WriteBitcodeToFile(*chunk.module, out);
    auto copy = llvm::parseBitcodeFile(llvm::MemoryBufferRef(llvm::StringRef(bitcode.data(), bitcode.size()), "chunk"),
                                       context);
    if (!copy) {
      return Fail(ErrorKind::kInternal,
                  fmt::format("a chunk cannot be read back: {}", llvm::toString(copy.takeError())));
    }
    llvm::StripDebugInfo(**copy);  // not for reading
    if (linker.linkInModule(std::move(*copy))) return Fail(ErrorKind::kInternal, "the chunks do not fit together");
  }
  return merged;
}

}  // namespace guardc::compiler
