#include "compiler/passes/local_bases.h"

#include <llvm/ADT/DenseMap.h>
#include <llvm/ADT/STLExtras.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>

namespace guardc::compiler {
namespace {

bool MakeLocal(llvm::GetElementPtrInst& base) {
  llvm::DenseMap<llvm::BasicBlock*, llvm::Instruction*> copies;
  for (llvm::Use& use : llvm::make_early_inc_range(base.uses())) {
    auto* user = llvm::cast<llvm::Instruction>(use.getUser());
    auto* phi = llvm::dyn_cast<llvm::PHINode>(user);
    llvm::BasicBlock* block = phi ? phi->getIncomingBlock(use) : user->getParent();
    if (block == base.getParent()) continue;
    llvm::Instruction*& copy = copies[block];
    if (!copy) {
      copy = base.clone();
      copy->insertInto(block, block->getFirstInsertionPt());
    }
    use.set(copy);
  }
  if (base.use_empty()) base.eraseFromParent();
  return !copies.empty();
}

}  // namespace

llvm::PreservedAnalyses LocalBasesPass::run(llvm::Function& function, llvm::FunctionAnalysisManager&) {
  if (function.arg_empty() || !function.hasParamAttribute(0, llvm::Attribute::SwiftSelf)) {
    return llvm::PreservedAnalyses::all();
  }
  llvm::SmallVector<llvm::GetElementPtrInst*, 8> bases;
  for (llvm::User* user : function.getArg(0)->users()) {
    auto* base = llvm::dyn_cast<llvm::GetElementPtrInst>(user);
    if (base && base->hasAllConstantIndices()) bases.push_back(base);
  }
  bool changed = false;
  for (llvm::GetElementPtrInst* base : bases) changed |= MakeLocal(*base);
  if (!changed) return llvm::PreservedAnalyses::all();
  llvm::PreservedAnalyses preserved;
  preserved.preserveSet<llvm::CFGAnalyses>();
  return preserved;
}

}  // namespace guardc::compiler
