#include "compiler/passes/loop_addresses.h"

#include <llvm/Analysis/LoopInfo.h>
#include <llvm/Analysis/ScalarEvolution.h>
#include <llvm/Analysis/ScalarEvolutionExpressions.h>
#include <llvm/IR/Instructions.h>
#include <llvm/Transforms/Scalar/LoopPassManager.h>
#include <llvm/Transforms/Scalar/LoopStrengthReduce.h>

#include "compiler/passes/call_free.h"

namespace guardc::compiler {
namespace {

// Does the address hold a 32-bit sum of which nobody knows whether it wraps? Its extension stands around the recurrence
// then; elsewhere it has moved inside.
bool MayWrap(const llvm::SCEV* address) {
  const auto is_recurrence = [](const llvm::SCEV* part) { return llvm::isa<llvm::SCEVAddRecExpr>(part); };
  return llvm::SCEVExprContains(address, [&](const llvm::SCEV* part) {
    const auto* extension = llvm::dyn_cast<llvm::SCEVZeroExtendExpr>(part);
    return extension && llvm::SCEVExprContains(extension->getOperand(), is_recurrence);
  });
}

// Some address goes on by the same distance each time, and none may wrap.
bool HasPlainAddresses(const llvm::Loop& loop, llvm::ScalarEvolution& evolution) {
  bool has_address = false;
  for (llvm::BasicBlock* block : loop.blocks()) {
    for (llvm::Instruction& instruction : *block) {
      llvm::Value* pointer = llvm::getLoadStorePointerOperand(&instruction);
      if (!pointer || loop.isLoopInvariant(pointer)) continue;
      const llvm::SCEV* address = evolution.getSCEV(pointer);
      if (MayWrap(address)) return false;
      has_address |= llvm::isa<llvm::SCEVAddRecExpr>(address);
    }
  }
  return has_address;
}

}  // namespace

llvm::PreservedAnalyses LoopAddressesPass::run(llvm::Loop& loop, llvm::LoopAnalysisManager& analyses,
                                               llvm::LoopStandardAnalysisResults& results, llvm::LPMUpdater& updater) {
  if (!loop.isInnermost() || !IsCallFree(loop) || !HasPlainAddresses(loop, results.SE))
    return llvm::PreservedAnalyses::all();
  return llvm::LoopStrengthReducePass().run(loop, analyses, results, updater);
}

}  // namespace guardc::compiler
