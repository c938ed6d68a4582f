#include "compiler/emit/generate.h"

#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/Pass.h>
#include <llvm/PassRegistry.h>
#include <llvm/Support/CodeGen.h>
#include <llvm/Support/raw_ostream.h>

#include "compiler/emit/inline_table.h"
#include "compiler/emit/llvm_compat.h"

namespace guardc::compiler {
namespace {

// The code generator's passes without those that are of no use here; only process-wide command line options would stop
// them, and LLD resets those. Their classes are private to LLVM, so they are known by their names.
class CodegenPasses final : public llvm::legacy::PassManager {
 public:
  explicit CodegenPasses(bool strict_traps) : strict_traps_(strict_traps) {}

  void add(llvm::Pass* pass) override {
    if (IsDropped(pass->getPassID())) {
      delete pass;
      return;
    }
    WriteInlineTable(*pass);
    llvm::legacy::PassManager::add(pass);
  }

 private:
  bool IsDropped(llvm::AnalysisID id) const {
    const llvm::PassInfo* info = llvm::PassRegistry::getPassRegistry()->getPassInfo(id);
    if (info == nullptr) return false;
    const llvm::StringRef name = info->getPassArgument();
    // Loop strength reduction of all loops makes code slower (loop_addresses.h). The second only prepares for it.
    if (name == "loop-reduce" || name == "canon-freeze") return true;
    // There are places (inline_table.h), but no variables: the search for them is a tenth of all the time.
    if (name == "livedebugvalues" || name == "removeredundantdebugvalues") return true;
    // Of a conditional move that reads memory it makes a branch around the read, volatile or not, and the trap of a
    // read whose value is not chosen is lost.
    return strict_traps_ && name == "x86-cmov-conversion";
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
