#include "compiler/passes/wide_index.h"

#include <llvm/ADT/DenseMap.h>
#include <llvm/ADT/STLExtras.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>

namespace guardc::compiler {
namespace {

bool IsExtension(const llvm::User* user) { return llvm::isa<llvm::ZExtInst>(user) && user->getType()->isIntegerTy(64); }

// Is there an extension, and something else or another block that would have to carry the i32 along?
bool LivesTwice(const llvm::Value& value) {
  // A loop's counter as 64 bits made the tightest loops spill more.
  if (!value.getType()->isIntegerTy(32) || llvm::isa<llvm::PHINode>(value)) return false;
  if (llvm::none_of(value.users(), IsExtension)) return false;
  if (llvm::all_of(value.users(), IsExtension)) return false;
  const auto* instruction = llvm::dyn_cast<llvm::Instruction>(&value);
  // Within a block, instruction selection knows.
  return !instruction || llvm::any_of(value.users(), [&](const llvm::User* user) {
    return IsExtension(user) && llvm::cast<llvm::Instruction>(user)->getParent() != instruction->getParent();
  });
}

class IndexWidener {
 public:
  explicit IndexWidener(llvm::Function& function)
      : function_(function), i64_(llvm::Type::getInt64Ty(function.getContext())) {}

  bool Run() {
    llvm::SmallVector<llvm::Value*, 32> values;
    for (llvm::Argument& argument : function_.args()) {
      if (LivesTwice(argument)) values.push_back(&argument);
    }
    for (llvm::Instruction& instruction : llvm::instructions(function_)) {
      if (LivesTwice(instruction)) values.push_back(&instruction);
    }
    for (llvm::Value* value : values) ReplaceUses(*value, *Extend(*value));
    return !values.empty();
  }

 private:
  llvm::Instruction* Extend(llvm::Value& value) {
    auto* instruction = llvm::dyn_cast<llvm::Instruction>(&value);
    llvm::IRBuilder<> builder(instruction ? &**instruction->getInsertionPointAfterDef()
                                          : &*function_.getEntryBlock().getFirstInsertionPt());
    if (instruction) builder.SetCurrentDebugLocation(instruction->getDebugLoc());
    return llvm::cast<llvm::Instruction>(builder.CreateZExt(&value, i64_));
  }

  void ReplaceUses(llvm::Value& value, llvm::Instruction& wide) {
    llvm::DenseMap<llvm::BasicBlock*, llvm::Value*> narrow;
    for (llvm::Use& use : llvm::make_early_inc_range(value.uses())) {
      auto* user = llvm::cast<llvm::Instruction>(use.getUser());
      if (user == &wide) continue;
      if (IsExtension(user)) {
        user->replaceAllUsesWith(&wide);
        user->eraseFromParent();
        continue;
      }
      auto* phi = llvm::dyn_cast<llvm::PHINode>(user);
      llvm::BasicBlock* block = phi ? phi->getIncomingBlock(use) : user->getParent();
      llvm::Value*& lower = narrow[block];
      if (!lower) lower = LowerHalf(wide, *block);
      use.set(lower);
    }
  }

  llvm::Value* LowerHalf(llvm::Instruction& wide, llvm::BasicBlock& block) {
    llvm::IRBuilder<> builder(wide.getParent() == &block ? wide.getNextNode() : &*block.getFirstInsertionPt());
    return builder.CreateTrunc(&wide, llvm::Type::getInt32Ty(function_.getContext()));
  }

  llvm::Function& function_;
  llvm::Type* i64_;
};

}  // namespace

llvm::PreservedAnalyses WideIndexPass::run(llvm::Function& function, llvm::FunctionAnalysisManager&) {
  if (!IndexWidener(function).Run()) return llvm::PreservedAnalyses::all();
  llvm::PreservedAnalyses preserved;
  preserved.preserveSet<llvm::CFGAnalyses>();
  return preserved;
}

}  // namespace guardc::compiler
