// Loop strength reduction where it helps wasm. An address is a zero-extended sum of 32 bits, and LLVM's reduction makes
// it worse where that sum might wrap: no part of it folds into the access, so every address becomes a counter of its
// own. Where scalar evolution proves that no address of the loop wraps, code is as good as native code's.
#pragma once

#include <llvm/Analysis/LoopAnalysisManager.h>
#include <llvm/IR/PassManager.h>

namespace llvm {
class Loop;
class LPMUpdater;
struct LoopStandardAnalysisResults;
}  // namespace llvm

namespace guardc::compiler {

class LoopAddressesPass : public llvm::PassInfoMixin<LoopAddressesPass> {
 public:
  // In textual pipelines.
  static constexpr const char* kName = "guardc-loop-addresses";

  llvm::PreservedAnalyses run(llvm::Loop& loop, llvm::LoopAnalysisManager& analyses,
                              llvm::LoopStandardAnalysisResults& results, llvm::LPMUpdater& updater);
};

}  // namespace guardc::compiler
