// Explicit traps: one cold block per kind and function, holding one trapping instruction whose immediate is the kind.
// The signal handler decodes it (runtime/trap). Traps of one kind share the block: the PC tells the function, not the
// instruction.
#include <llvm/IR/BasicBlock.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/MDBuilder.h>

#include "compiler/lower/emitter.h"

namespace guardc::compiler {

llvm::BasicBlock* Emitter::TrapBlock(TrapCode code) {
  llvm::BasicBlock*& block = trap_blocks_.at(static_cast<size_t>(code));
  if (block) return block;
  block = llvm::BasicBlock::Create(m.llvm, "", &fn);
  llvm::IRBuilder<> builder(block);
  builder.SetCurrentDebugLocation(b.getCurrentDebugLocation());
  builder.CreateIntrinsic(llvm::Intrinsic::ubsantrap, {}, {builder.getInt8(static_cast<uint8_t>(code))})
      ->setDoesNotReturn();
  builder.CreateUnreachable();
  return block;
}

void Emitter::BranchUnlikely(llvm::Value* condition, llvm::BasicBlock* cold, llvm::BasicBlock* usual) {
  b.CreateCondBr(condition, cold, usual, llvm::MDBuilder(m.llvm).createUnlikelyBranchWeights());
}

void Emitter::TrapIf(llvm::Value* condition, TrapCode code) {
  if (auto* constant = llvm::dyn_cast<llvm::ConstantInt>(condition); constant && constant->isZero()) return;
  llvm::BasicBlock* next = NewBlock();
  BranchUnlikely(condition, TrapBlock(code), next);
  StartBlock(next);
}

void Emitter::Trap(TrapCode code) { b.CreateBr(TrapBlock(code)); }

}  // namespace guardc::compiler
