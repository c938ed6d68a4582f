#include "compiler/emit/generate.h"

#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/Pass.h>
#include <llvm/PassRegistry.h>
#include <llvm/Support/CodeGen.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Transforms/Scalar.h>

#include <memory>

#include "compiler/emit/inline_table.h"
#include "compiler/emit/llvm_compat.h"

namespace guardc::compiler {
namespace {

// LLVM's code generator runs loop strength reduction as it likes; only a process-wide command line option would stop
// it, and LLD resets those. So it is dropped where passes are added.
//
// With strict traps so is X86's conversion of conditional moves: of one that reads memory it makes a branch around the
// read, volatile or not, and the trap of a read whose value is not chosen is lost.
class CodegenPasses final : public llvm::legacy::PassManager {
 public:
  explicit CodegenPasses(bool strict_traps) : strict_traps_(strict_traps) {}

  void add(llvm::Pass* pass) override {
    if (pass->getPassID() == LoopStrengthReduction() || (strict_traps_ && IsCmovConversion(pass->getPassID()))) {
      delete pass;
      return;
    }
    WriteInlineTable(*pass);
    llvm::legacy::PassManager::add(pass);
  }

 private:
  static llvm::AnalysisID LoopStrengthReduction() {
    static const llvm::AnalysisID kId = std::unique_ptr<llvm::Pass>(llvm::createLoopStrengthReducePass())->getPassID();
    return kId;
  }

  // The class is private to LLVM, and registers itself when it is made.
  static bool IsCmovConversion(llvm::AnalysisID id) {
    const llvm::PassInfo* info = llvm::PassRegistry::getPassRegistry()->getPassInfo(id);
    return info && info->getPassArgument() == "x86-cmov-conversion";
  }

  bool strict_traps_;
};

Result<std::vector<char>> Generate(llvm::Module& module, llvm::TargetMachine& machine, bool strict_traps,
                                   llvm::CodeGenFileType type) {
  llvm::SmallVector<char, 0> buffer;
  {
    llvm::raw_svector_ostream out(buffer);
    CodegenPasses passes(strict_traps);
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
