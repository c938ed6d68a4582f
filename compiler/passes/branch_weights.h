// Which way a branch goes is lost in wasm: what compilers knew to be cold, such as the growing of a vector, is a call
// like any other. The call heuristic of Ball and Larus ("Branch prediction for free", 1993) says it again: where one
// way calls something and the other does not, the call is avoided 78 times in 100. The register allocator then spills
// around such calls, and the usual way saves no registers (generate.cc).
#pragma once

#include <llvm/IR/PassManager.h>

namespace guardc::compiler {

class BranchWeightsPass : public llvm::PassInfoMixin<BranchWeightsPass> {
 public:
  llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager& analyses);
};

}  // namespace guardc::compiler
