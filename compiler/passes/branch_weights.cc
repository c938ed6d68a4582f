#include "compiler/passes/branch_weights.h"

#include <llvm/ADT/STLExtras.h>
#include <llvm/Analysis/LoopInfo.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/MDBuilder.h>

#include "compiler/passes/call_free.h"

namespace guardc::compiler {
namespace {

constexpr uint32_t kAvoided = 78, kTaken = 22;

// A call that only this branch leads to.
bool LeadsToCall(const llvm::BasicBlock& successor) {
  return successor.getSinglePredecessor() != nullptr && llvm::any_of(successor, IsOrdinaryCall);
}

}  // namespace

llvm::PreservedAnalyses BranchWeightsPass::run(llvm::Function& function, llvm::FunctionAnalysisManager& analyses) {
  const llvm::LoopInfo& loops = analyses.getResult<llvm::LoopAnalysis>(function);
  llvm::MDBuilder metadata(function.getContext());
  for (llvm::BasicBlock& block : function) {
    auto* branch = llvm::dyn_cast<llvm::BranchInst>(block.getTerminator());
    if (!branch || !branch->isConditional() || branch->hasMetadata(llvm::LLVMContext::MD_prof)) continue;
    const llvm::BasicBlock& first = *branch->getSuccessor(0);
    const llvm::BasicBlock& second = *branch->getSuccessor(1);
    // Whether a loop goes on is better known.
    if (loops.getLoopFor(&first) != loops.getLoopFor(&second)) continue;
    const bool first_calls = LeadsToCall(first);
    if (first_calls == LeadsToCall(second)) continue;
    branch->setMetadata(llvm::LLVMContext::MD_prof,
                        metadata.createBranchWeights(first_calls ? kTaken : kAvoided, first_calls ? kAvoided : kTaken));
  }
  return llvm::PreservedAnalyses::all();
}

}  // namespace guardc::compiler
