// Compilers to wasm32 move structures 8 bytes at a time, and their fields have 4: a load takes two stores together that
// were made just before, which no processor forwards, so that it waits until both are in the cache (some 20 cycles). A
// move in halves is two instructions longer and never waits.
#pragma once

#include <llvm/IR/PassManager.h>

namespace guardc::compiler {

// Of functions with kMovesWords (lower/lower.h). A late pass, since LLVM would put the halves together again: they are
// volatile. Loops of one block are left alone, where much is copied that was not made just before, and values that are
// used twice, which are not only moved.
class SplitCopiesPass : public llvm::PassInfoMixin<SplitCopiesPass> {
 public:
  llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager& analyses);
};

}  // namespace guardc::compiler
