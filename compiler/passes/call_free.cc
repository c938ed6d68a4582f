#include "compiler/passes/call_free.h"

#include <llvm/ADT/STLExtras.h>
#include <llvm/Analysis/LoopInfo.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/Transforms/Scalar/DeadStoreElimination.h>
#include <llvm/Transforms/Scalar/GVN.h>

namespace guardc::compiler {
namespace {

bool IsMostlyCallFree(llvm::Function& function, llvm::FunctionAnalysisManager& analyses) {
  if (llvm::none_of(llvm::instructions(function), IsOrdinaryCall)) return true;
  size_t inside = 0;  // of innermost loops that call nothing
  for (const llvm::Loop* loop : analyses.getResult<llvm::LoopAnalysis>(function).getLoopsInPreorder()) {
    if (!loop->isInnermost() || !IsCallFree(*loop)) continue;
    for (const llvm::BasicBlock* block : loop->blocks()) inside += block->size();
  }
  return inside * 4 >= function.getInstructionCount();
}

}  // namespace

bool IsOrdinaryCall(const llvm::Instruction& instruction) {
  const auto* call = llvm::dyn_cast<llvm::CallBase>(&instruction);
  return call && !llvm::isa<llvm::IntrinsicInst>(call) && call->getCallingConv() != llvm::CallingConv::PreserveMost;
}

bool IsCallFree(const llvm::Loop& loop) {
  return llvm::none_of(loop.blocks(),
                       [](const llvm::BasicBlock* block) { return llvm::any_of(*block, IsOrdinaryCall); });
}

CallFreeRedundancyPass::CallFreeRedundancyPass() {
  passes_.addPass(llvm::GVNPass());
  passes_.addPass(llvm::DSEPass());
}

llvm::PreservedAnalyses CallFreeRedundancyPass::run(llvm::Function& function, llvm::FunctionAnalysisManager& analyses) {
  if (!IsMostlyCallFree(function, analyses)) return llvm::PreservedAnalyses::all();
  return passes_.run(function, analyses);
}

}  // namespace guardc::compiler
