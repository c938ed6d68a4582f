// memory.copy of a size that is not known is a call. An ordinary one would cost its caller every register that a callee
// may change, and most copies are of a few bytes: these calls are of support.cc's guardc.copy, which changes none but
// vectors.
#pragma once

#include <llvm/IR/PassManager.h>

namespace guardc::compiler {

// A late pass: LLVM knows nothing of what the function does.
class CopyCallsPass : public llvm::PassInfoMixin<CopyCallsPass> {
 public:
  llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager& analyses);
};

}  // namespace guardc::compiler
