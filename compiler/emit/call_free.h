// Code that calls nothing: where hot loops are, and the only code that the dearer passes help. What a guest does
// between calls, label after label, gains nothing from them (docs/performance.md).
#pragma once

#include <llvm/Analysis/LoopAnalysisManager.h>
#include <llvm/IR/PassManager.h>

#include <utility>

namespace llvm {
class Instruction;
class Loop;
class LPMUpdater;
struct LoopStandardAnalysisResults;
}  // namespace llvm

namespace guardc::compiler {

// No intrinsic, and no call of guardc's own that keeps the registers.
bool IsOrdinaryCall(const llvm::Instruction& instruction);

bool IsCallFree(const llvm::Loop& loop);

// Runs its passes on functions that call nothing, and on those that have loops that call nothing.
class CallFreeCodePass : public llvm::PassInfoMixin<CallFreeCodePass> {
 public:
  // How much of such a function those loops must be: for passes whose cost is that of the loop, anything; for those
  // that cost as much as the function is long, a quarter.
  enum class Part { kAny, kQuarter };
  // In textual pipelines: guardc-call-free(pass,...), guardc-quarter-call-free(pass,...).
  static constexpr const char* kAnyName = "guardc-call-free";
  static constexpr const char* kQuarterName = "guardc-quarter-call-free";

  CallFreeCodePass(Part part, llvm::FunctionPassManager passes) : part_(part), passes_(std::move(passes)) {}

  llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager& analyses);

 private:
  bool IsWorthwhile(llvm::Function& function, llvm::FunctionAnalysisManager& analyses) const;

  Part part_;
  llvm::FunctionPassManager passes_;
};

// LLVM's indvars on loops that call nothing.
class CallFreeIndVarsPass : public llvm::PassInfoMixin<CallFreeIndVarsPass> {
 public:
  static constexpr const char* kName = "guardc-indvars";

  llvm::PreservedAnalyses run(llvm::Loop& loop, llvm::LoopAnalysisManager& analyses,
                              llvm::LoopStandardAnalysisResults& results, llvm::LPMUpdater& updater);
};

}  // namespace guardc::compiler
