#include "compiler/emit/call_free.h"

#include <llvm/ADT/STLExtras.h>
#include <llvm/Analysis/LoopInfo.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/Transforms/Scalar/IndVarSimplify.h>

namespace guardc::compiler {

bool IsOrdinaryCall(const llvm::Instruction& instruction) {
  const auto* call = llvm::dyn_cast<llvm::CallBase>(&instruction);
  return call && !llvm::isa<llvm::IntrinsicInst>(call) && call->getCallingConv() != llvm::CallingConv::PreserveMost;
}

bool IsCallFree(const llvm::Loop& loop) {
  return llvm::none_of(loop.blocks(),
                       [](const llvm::BasicBlock* block) { return llvm::any_of(*block, IsOrdinaryCall); });
}

llvm::PreservedAnalyses CallFreeCodePass::run(llvm::Function& function, llvm::FunctionAnalysisManager& analyses) {
  if (!IsWorthwhile(function, analyses)) return llvm::PreservedAnalyses::all();
  return passes_.run(function, analyses);
}

bool CallFreeCodePass::IsWorthwhile(llvm::Function& function, llvm::FunctionAnalysisManager& analyses) const {
  if (llvm::none_of(llvm::instructions(function), IsOrdinaryCall)) return true;
  size_t inside = 0;  // of innermost loops that call nothing
  for (const llvm::Loop* loop : analyses.getResult<llvm::LoopAnalysis>(function).getLoopsInPreorder()) {
    if (!loop->isInnermost() || !IsCallFree(*loop)) continue;
    for (const llvm::BasicBlock* block : loop->blocks()) inside += block->size();
  }
  return inside > 0 && (part_ == Part::kAny || inside * 4 >= function.getInstructionCount());
}

llvm::PreservedAnalyses CallFreeIndVarsPass::run(llvm::Loop& loop, llvm::LoopAnalysisManager& analyses,
                                                 llvm::LoopStandardAnalysisResults& results,
                                                 llvm::LPMUpdater& updater) {
  if (!IsCallFree(loop)) return llvm::PreservedAnalyses::all();
  return llvm::IndVarSimplifyPass().run(loop, analyses, results, updater);
}

}  // namespace guardc::compiler
