// An i32 that is an address as well lives twice: as itself and zero-extended, in two registers, with a move between
// them wherever LLVM's instruction selection, which sees one block at a time, does not know that the upper half is
// zero. This pass keeps the extended value alone, from where the i32 is defined; its lower half costs nothing on
// x86-64.
#pragma once

#include <llvm/IR/PassManager.h>

namespace guardc::compiler {

// The last pass: instcombine would undo it. Changes no value.
class WideIndexPass : public llvm::PassInfoMixin<WideIndexPass> {
 public:
  llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager& analyses);
};

}  // namespace guardc::compiler
