#include "compiler/codegen/generate.h"

#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/Pass.h>
#include <llvm/PassRegistry.h>
#include <llvm/Support/CodeGen.h>
#include <llvm/Support/CommandLine.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>

#include <mutex>

#include "compiler/codegen/inline_table.h"
#include "compiler/codegen/llvm_compat.h"
#include "compiler/passes/pin_context.h"
#include "compiler/passes/split_blocks.h"

namespace guardc::compiler {
namespace {

// What it costs a function to use its first callee-saved register, in executions of the function times 2^14. LLVM takes
// it for free on x86-64: a value that is needed after some rare call (branch_weights.h) then costs a save and a restore
// on every way through the function, instead of around that call. Only an option of the process says so; as its initial
// value, since LLD sets all options back to theirs. Where LLVM has no such option, code is as correct without.
void CountSavedRegisters() {
  static std::once_flag once;
  std::call_once(once, [] {
    constexpr unsigned kOncePerCall = 1 << 14;
    auto& options = llvm::cl::getRegisteredOptions();
    const auto known = options.find("regalloc-csr-first-time-cost");
    if (known == options.end()) return;
    if (auto* cost = dynamic_cast<llvm::cl::opt<unsigned>*>(known->second)) cost->setInitialValue(kOncePerCall);
  });
}

// The code generator's passes without those that are of no use here; only process-wide command line options would stop
// them, and LLD resets those. Their classes are private to LLVM, so they are known by their names.
class CodegenPasses final : public llvm::legacy::PassManager {
 public:
  CodegenPasses(bool strict_traps, bool pins_context, bool has_huge_block)
      : strict_traps_(strict_traps), pins_context_(pins_context), has_huge_block_(has_huge_block) {}

  void add(llvm::Pass* pass) override {
    if (IsDropped(pass->getPassID())) {
      delete pass;
      return;
    }
    WriteInlineTable(*pass);
    const llvm::StringRef name = NameOf(pass->getPassID());
    llvm::legacy::PassManager::add(pass);
    if (name == "codegenprepare" && has_huge_block_) {
      llvm::legacy::PassManager::add(CreateSplitBlocksPass(kUsualBlocks));
    }
    if (name == "finalize-isel" && pins_context_) llvm::legacy::PassManager::add(CreatePinContextPass());
  }

 private:
  static llvm::StringRef NameOf(llvm::AnalysisID id) {
    const llvm::PassInfo* info = llvm::PassRegistry::getPassRegistry()->getPassInfo(id);
    return info ? info->getPassArgument() : "";
  }

  bool IsDropped(llvm::AnalysisID id) const {
    const llvm::StringRef name = NameOf(id);
    // Loop strength reduction of all loops makes code slower (loop_addresses.h). The second only prepares for it.
    if (name == "loop-reduce" || name == "canon-freeze") return true;
    // There are places (inline_table.h), but no variables: the search for them is a tenth of all the time.
    if (name == "livedebugvalues" || name == "removeredundantdebugvalues") return true;
    // Their time grows with the square of a block's length, even in parts: of a block that reads 20,000 globals half.
    // Such blocks are tables that are filled once, not what a guest spends its time in.
    if (has_huge_block_ && (name == "machine-scheduler" || name == "machine-combiner")) return true;
    // Of a conditional move that reads memory it makes a branch around the read, volatile or not, and the trap of a
    // read whose value is not chosen is lost.
    return strict_traps_ && name == "x86-cmov-conversion";
  }

  bool strict_traps_;
  bool pins_context_;
  bool has_huge_block_;
};

Result<std::vector<char>> Generate(llvm::Module& module, llvm::TargetMachine& machine, bool strict_traps,
                                   llvm::CodeGenFileType type) {
  CountSavedRegisters();
  llvm::SmallVector<char, 0> buffer;
  {
    llvm::raw_svector_ostream out(buffer);
    CodegenPasses passes(strict_traps, machine.getOptLevel() >= llvm::CodeGenOptLevel::Default, HasHugeBlock(module));
    if (machine.getOptLevel() == llvm::CodeGenOptLevel::None) passes.add(CreateSplitBlocksPass(kUnoptimizedBlocks));
    if (machine.addPassesToEmitFile(passes, out, nullptr, type)) {
      return Fail(ErrorKind::kCompile, "LLVM cannot emit this kind of file for the target");
    }
    passes.run(module);
  }
  return std::vector<char>(buffer.begin(), buffer.end());
}

}  // namespace

void PrepareModule(llvm::Module& module, const CompileTarget& target, llvm::TargetMachine& machine) {
  llvm_compat::SetTriple(module, machine.getTargetTriple());
  module.setDataLayout(machine.createDataLayout());
  if (module.getPICLevel() == llvm::PICLevel::NotPIC) module.setPICLevel(llvm::PICLevel::SmallPIC);  // only once
  for (llvm::Function& function : module) {
    if (function.isDeclaration()) continue;
    function.addFnAttr("tune-cpu", target.tune_cpu);
    // LLVM must not see a library function in guest code: the artifact has none but support.cc's.
    function.addFnAttr("no-builtins");
  }
}

Result<std::vector<char>> GenerateObject(llvm::Module& module, llvm::TargetMachine& machine, bool strict_traps) {
  return Generate(module, machine, strict_traps, llvm::CodeGenFileType::ObjectFile);
}

Result<std::vector<char>> GenerateAssembly(llvm::Module& module, llvm::TargetMachine& machine, bool strict_traps) {
  return Generate(module, machine, strict_traps, llvm::CodeGenFileType::AssemblyFile);
}

}  // namespace guardc::compiler
