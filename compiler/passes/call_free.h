// Code that calls nothing: where hot loops are, and where the dearest passes help. What a guest does between calls,
// label after label, gains next to nothing from them (docs/performance.md).
#pragma once

#include <llvm/IR/PassManager.h>

namespace llvm {
class Instruction;
class Loop;
}  // namespace llvm

namespace guardc::compiler {

// No intrinsic, and no call of guardc's own that keeps the registers.
bool IsOrdinaryCall(const llvm::Instruction& instruction);

bool IsCallFree(const llvm::Loop& loop);

// GVN and dead store elimination, on functions that call nothing and on those of which loops that call nothing are a
// quarter: they cost as much as a function is long, and gain most in such loops.
class CallFreeRedundancyPass : public llvm::PassInfoMixin<CallFreeRedundancyPass> {
 public:
  // In textual pipelines.
  static constexpr const char* kName = "guardc-call-free-redundancy";

  CallFreeRedundancyPass();

  llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager& analyses);

 private:
  llvm::FunctionPassManager passes_;
};

}  // namespace guardc::compiler
