// WebAssembly has no product of 128 bits, so compilers write one of two 64-bit numbers as four products of their
// halves, inline or in a function such as __multi3. This pass finds such products and makes them one multiplication.
#pragma once

#include <llvm/IR/PassManager.h>

namespace guardc::compiler {

// Wants code after instcombine. What it replaces is proven equal (exact_form.h), never recognised by name.
class WideMultiplyPass : public llvm::PassInfoMixin<WideMultiplyPass> {
 public:
  llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager& analyses);
};

}  // namespace guardc::compiler
