#include "compiler/emit/generate.h"

#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/Pass.h>
#include <llvm/Support/CodeGen.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Transforms/Scalar.h>

#include <memory>

#include "compiler/emit/llvm_compat.h"

namespace guardc::compiler {
namespace {

// LLVM's code generator runs loop strength reduction as it likes; only a process-wide command line option would stop
// it, and LLD resets those. So it is dropped where passes are added.
class CodegenPasses final : public llvm::legacy::PassManager {
 public:
  void add(llvm::Pass* pass) override {
    if (pass->getPassID() == LoopStrengthReduction()) {
      delete pass;
      return;
    }
    llvm::legacy::PassManager::add(pass);
  }

 private:
  static llvm::AnalysisID LoopStrengthReduction() {
    static const llvm::AnalysisID kId = std::unique_ptr<llvm::Pass>(llvm::createLoopStrengthReducePass())->getPassID();
    return kId;
  }
};

Result<std::vector<char>> Generate(llvm::Module& module, llvm::TargetMachine& machine, llvm::CodeGenFileType type) {
  llvm::SmallVector<char, 0> buffer;
  {
    llvm::raw_svector_ostream out(buffer);
    CodegenPasses passes;
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
    function.addFnAttr("tune-cpu", target.identity.cpu);
    // LLVM must not see a library function in guest code: the artifact has none but support.cc's.
    function.addFnAttr("no-builtins");
  }
}

Result<std::vector<char>> GenerateObject(llvm::Module& module, llvm::TargetMachine& machine) {
  return Generate(module, machine, llvm::CodeGenFileType::ObjectFile);
}

Result<std::vector<char>> GenerateAssembly(llvm::Module& module, llvm::TargetMachine& machine) {
  return Generate(module, machine, llvm::CodeGenFileType::AssemblyFile);
}

}  // namespace guardc::compiler
