#include "compiler/chunks.h"

#include <llvm/Bitcode/BitcodeReader.h>
#include <llvm/Bitcode/BitcodeWriter.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/DebugInfo.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/Linker/Linker.h>
#include <llvm/Target/TargetMachine.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "base/format.h"
#include "compiler/codegen/generate.h"
#include "compiler/codegen/libc_ir.h"
#include "compiler/codegen/optimize.h"
#include "compiler/effort.h"
#include "compiler/incremental.h"
#include "compiler/parallel.h"

namespace guardc::compiler {
namespace {

// An LLVM module in a context of its own, as every chunk has while it is worked on.
struct ChunkContext {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module = std::make_unique<llvm::Module>("guard", context);
};

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

// Of a module that is optimised.
Result<CodeChunk> Generate(llvm::Module& module, llvm::TargetMachine& machine, const CodeOptions& options,
                           ChunkForm form) {
  CodeChunk chunk;
  for (const llvm::GlobalValue& value : module.global_values()) {
    if (!value.isDeclaration()) chunk.definitions.push_back({value.getName().str(), ReferencesOf(value)});
  }
  if (form == ChunkForm::kObject) {
    GUARDC_TRY(chunk.code, GenerateObject(module, machine, options.lower.strict_traps));
    return chunk;
  }
  llvm::SmallVector<char, 0> bitcode;
  llvm::raw_svector_ostream out(bitcode);
  llvm::WriteBitcodeToFile(module, out);
  chunk.code.assign(bitcode.begin(), bitcode.end());
  return chunk;
}

// Of a module that is lowered. Nothing outside names the functions `internal`.
Result<CodeChunk> OptimizeAndGenerate(llvm::Module& module, const std::vector<std::string>& internal,
                                      llvm::TargetMachine& machine, const CodeOptions& options, ChunkForm form) {
  for (const std::string& name : internal) {
    if (llvm::Function* function = module.getFunction(name)) {
      function->setVisibility(llvm::GlobalValue::DefaultVisibility);
      function->setLinkage(llvm::GlobalValue::InternalLinkage);
    }
  }
  PrepareModule(module, options.target, machine);
  std::string key;
  const bool reuses = options.reuse != nullptr && form == ChunkForm::kObject;
  if (reuses) {
    key = options.reuse->KeyOf(module, options.opt_level);
    if (auto known = options.reuse->Find(key)) return std::move(*known);
  }
  GUARDC_CHECK(Optimize(module, machine, options.opt_level));
  // Symbols again, for the artifact's list of functions and for profilers.
  for (const std::string& name : internal) {
    if (llvm::Function* function = module.getFunction(name)) {
      function->setLinkage(llvm::GlobalValue::ExternalLinkage);
      function->setVisibility(llvm::GlobalValue::HiddenVisibility);
    }
  }
  GUARDC_TRY(CodeChunk chunk, Generate(module, machine, options, form));
  if (reuses) options.reuse->Keep(key, chunk);
  return chunk;
}

Result<std::unique_ptr<llvm::Module>> Unpack(const CodeChunk& chunk, const std::unordered_set<std::string>& live,
                                             llvm::LLVMContext& context) {
  const llvm::StringRef bitcode(chunk.code.data(), chunk.code.size());
  auto module = llvm::parseBitcodeFile(llvm::MemoryBufferRef(bitcode, "guard"), context);
  if (!module) {
    return Fail(ErrorKind::kInternal, Format("a chunk cannot be read back: {}", llvm::toString(module.takeError())));
  }
  for (llvm::Function& function : **module) {
    if (!function.isDeclaration() && !live.contains(function.getName().str())) function.deleteBody();
  }
  for (llvm::GlobalVariable& variable : llvm::make_early_inc_range((*module)->globals())) {
    if (variable.isDeclaration() || live.contains(variable.getName().str())) continue;
    variable.removeDeadConstantUsers();
    if (variable.use_empty()) variable.eraseFromParent();
  }
  return std::move(*module);
}

Result<CodeChunk> CompileFunctions(const Module& module, const ContextLayout& layout, const ChunkPlan::Chunk& plan,
                                   const CodeOptions& given, ChunkForm form) {
  CodeOptions options = given;
  if (plan.is_simple) {
    options.opt_level = 0;
    options.lower.locals_in_memory = true;
  }
  GUARDC_TRY(const auto machine, CreateTargetMachine(options.target, options.opt_level));
  ChunkContext place;
  place.module->setSourceFileName("guard.wasm");
  // The layout is wanted while IR is built.
  PrepareModule(*place.module, options.target, *machine);
  Lowering lowering(*place.module, module, layout, options.lower);
  for (const uint32_t func : plan.defined) GUARDC_CHECK(lowering.DefineFunction(func));
  if (options.opt_level >= 2) {
    for (const uint32_t func : plan.copied) GUARDC_CHECK(lowering.DefineFunction(func, true));
  }
  for (const uint32_t func : plan.apart) {
    if (llvm::Function* function = place.module->getFunction(FunctionSymbol(module, func))) {
      function->addFnAttr(llvm::Attribute::NoInline);
    }
  }
  std::vector<std::string> internal;
  for (const uint32_t func : plan.internal) internal.push_back(FunctionSymbol(module, func));
  return OptimizeAndGenerate(*place.module, internal, *machine, options, form);
}

// What belongs to a module may be much: an entry for each type, a step of init for each global and segment. So many are
// compiled at once; a share is a chunk of its own where there are more.
constexpr size_t kFewParts = 1000;
constexpr size_t kPartsPerShare = 2000;

// The support functions, with what `add` defines beside them.
template <class Add>
Result<CodeChunk> CompileSupport(const CodeOptions& options, ChunkForm form, Add add) {
  GUARDC_TRY(const auto machine, CreateTargetMachine(options.target, options.opt_level));
  ChunkContext place;
  GUARDC_TRY(place.module, CreateSupportModule(place.context));
  place.module->setModuleIdentifier("guard");
  place.module->setSourceFileName("guard.wasm");
  PrepareModule(*place.module, options.target, *machine);
  GUARDC_CHECK(add(*place.module));
  return OptimizeAndGenerate(*place.module, {}, *machine, options, form);
}

Result<CodeChunk> CompileModuleParts(const Module& module, const ContextLayout& layout,
                                     const std::vector<bool>& in_image, const CodeOptions& options, ChunkForm form) {
  return CompileSupport(options, form, [&](llvm::Module& target) {
    return Lowering(target, module, layout, options.lower).DefineModuleParts(in_image);
  });
}

// A share of it, in the simple way.
Result<CodeChunk> CompileShare(const Module& module, const ContextLayout& layout, const std::vector<bool>& in_image,
                               Share share, const CodeOptions& given, ChunkForm form) {
  CodeOptions options = given;
  options.opt_level = 0;
  GUARDC_TRY(const auto machine, CreateTargetMachine(options.target, options.opt_level));
  ChunkContext place;
  place.module->setSourceFileName("guard.wasm");
  PrepareModule(*place.module, options.target, *machine);
  GUARDC_CHECK(Lowering(*place.module, module, layout, options.lower).DefineModuleParts(in_image, share));
  return OptimizeAndGenerate(*place.module, {}, *machine, options, form);
}

}  // namespace

Result<std::vector<CodeChunk>> CompileChunks(const Module& module, const ContextLayout& layout,
                                             const std::vector<bool>& in_image, const CodeOptions& given,
                                             ChunkForm form) {
  GUARDC_TRY(std::vector<bool> simple, FindSimpleFunctions(module));
  const ChunkPlan plan = PlanChunks(module, std::move(simple));
  CodeOptions options = given;
  // A change of a module of one chunk leaves nothing alone.
  if (plan.chunks.size() < 2) options.reuse = nullptr;
  const size_t parts = CountModuleParts(module, layout, in_image);
  const size_t shares = parts <= kFewParts ? 0 : (parts + kPartsPerShare - 1) / kPartsPerShare;
  std::vector<CodeChunk> chunks(plan.chunks.size() + shares + 1);
  // The smallest last, so that no core is left with much to do at the end. What belongs to the module goes first: its
  // size is not known.
  std::vector<size_t> order(plan.chunks.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, std::ranges::greater(), [&](size_t i) { return std::pair(plan.chunks[i].size, i); });
  std::atomic<size_t> done = 0;
  if (options.on_progress) options.on_progress(0, chunks.size());
  GUARDC_CHECK(ParallelFor(chunks.size(), options.jobs, [&](size_t i) -> Result<void> {
    if (options.deadline && std::chrono::steady_clock::now() >= *options.deadline) {
      return Fail(ErrorKind::kDeadline, "compiling was stopped: its time is up (CompileOptions::timeout)");
    }
    if (i == 0 && shares == 0) {
      GUARDC_TRY(chunks.back(), CompileModuleParts(module, layout, in_image, options, form));
    } else if (i == 0) {
      GUARDC_TRY(chunks.back(), CompileSupport(options, form, [](llvm::Module&) { return Result<void>(); }));
    } else if (i > plan.chunks.size()) {
      const size_t index = i - plan.chunks.size() - 1;
      GUARDC_TRY(chunks[i - 1], CompileShare(module, layout, in_image, {index, shares}, options, form));
    } else {
      const size_t chunk = order[i - 1];
      GUARDC_TRY(chunks[chunk], CompileFunctions(module, layout, plan.chunks[chunk], options, form));
    }
    if (options.on_progress) options.on_progress(++done, chunks.size());
    return {};
  }));
  if (options.reuse != nullptr) options.reuse->Finish();
  return chunks;
}

std::unordered_set<std::string> FindLive(const std::vector<CodeChunk>& chunks, const std::vector<std::string>& roots) {
  std::unordered_map<std::string_view, std::vector<const CodeChunk::Definition*>> definitions;
  for (const CodeChunk& chunk : chunks) {
    for (const CodeChunk::Definition& definition : chunk.definitions)
      definitions[definition.name].push_back(&definition);
  }
  std::unordered_set<std::string> live;
  std::vector<std::string_view> pending(roots.begin(), roots.end());
  // The code generator may call these on its own, and the linker wants the last.
  for (const char* name : {"memcpy", "memmove", "memset", kTextAnchor}) pending.emplace_back(name);
  while (!pending.empty()) {
    const std::string_view name = pending.back();
    pending.pop_back();
    const auto it = definitions.find(name);
    if (it == definitions.end() || !live.emplace(name).second) continue;
    for (const CodeChunk::Definition* definition : it->second) {
      pending.insert(pending.end(), definition->references.begin(), definition->references.end());
    }
  }
  return live;
}

Result<std::unique_ptr<llvm::Module>> MergeChunks(const std::vector<CodeChunk>& chunks,
                                                  const std::unordered_set<std::string>& live,
                                                  llvm::LLVMContext& context) {
  std::unique_ptr<llvm::Module> merged;
  for (const CodeChunk& chunk : chunks) {
    GUARDC_TRY(auto module, Unpack(chunk, live, context));
    llvm::StripDebugInfo(*module);  // not for reading
    if (!merged) {
      merged = std::move(module);
    } else if (llvm::Linker::linkModules(*merged, std::move(module))) {
      return Fail(ErrorKind::kInternal, "the chunks do not fit together");
    }
  }
  return merged;
}

}  // namespace guardc::compiler
