// The memory's base is the context plus a constant, which every access takes for nothing as its displacement. Shared by
// several blocks, as GVN leaves it, the sum lives in a register instead, and across calls on the stack.
#pragma once

#include <llvm/IR/PassManager.h>

namespace guardc::compiler {

// Gives each block its own sums of the context and a constant. A late pass: GVN would undo it.
class LocalBasesPass : public llvm::PassInfoMixin<LocalBasesPass> {
 public:
  llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager& analyses);
};

}  // namespace guardc::compiler
