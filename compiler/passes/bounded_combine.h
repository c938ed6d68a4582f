// LLVM's instcombine, but for functions that would hold it up: for each value it looks at, it goes through all branches
// whose condition tests that value. Where thousands do, such as in a made-up machine of states that all test one
// counter, it takes minutes.
#pragma once

#include <llvm/IR/PassManager.h>

namespace guardc::compiler {

class BoundedCombinePass : public llvm::PassInfoMixin<BoundedCombinePass> {
 public:
  // In textual pipelines.
  static constexpr const char* kName = "guardc-instcombine";

  llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager& analyses);
};

}  // namespace guardc::compiler
