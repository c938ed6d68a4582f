#include "compiler/passes/split_copies.h"

#include <llvm/ADT/SmallVector.h>
#include <llvm/Analysis/LoopInfo.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Instructions.h>

#include <utility>

#include "compiler/lower/lower.h"

namespace guardc::compiler {
namespace {

constexpr llvm::Align kGuestAlignment = llvm::Align::Constant<1>();  // our own fields are aligned (lower/memory.cc)

// The store that is all that becomes of the value, in the same block.
llvm::StoreInst* OnlyStore(llvm::LoadInst& load) {
  const bool is_word = load.isSimple() && load.getType()->isIntegerTy(64) && load.getAlign() == kGuestAlignment;
  if (!is_word || !load.hasOneUse()) return nullptr;
  auto* store = llvm::dyn_cast<llvm::StoreInst>(*load.user_begin());
  const bool is_move = store && store->isSimple() && store->getValueOperand() == &load &&
                       store->getAlign() == kGuestAlignment && store->getParent() == load.getParent();
  return is_move ? store : nullptr;
}

void Split(llvm::LoadInst& load, llvm::StoreInst& store) {
  constexpr bool kVolatile = true;
  constexpr uint64_t kHalf = 4;
  llvm::IRBuilder<> builder(&load);
  const auto upper = [&](llvm::Value* pointer) { return builder.CreatePtrAdd(pointer, builder.getInt64(kHalf)); };
  llvm::Value* from = load.getPointerOperand();
  llvm::Type* half = builder.getInt32Ty();
  llvm::Value* low = builder.CreateAlignedLoad(half, from, kGuestAlignment, kVolatile);
  llvm::Value* high = builder.CreateAlignedLoad(half, upper(from), kGuestAlignment, kVolatile);
  builder.SetInsertPoint(&store);
  llvm::Value* to = store.getPointerOperand();
  builder.CreateAlignedStore(low, to, kGuestAlignment, kVolatile);
  builder.CreateAlignedStore(high, upper(to), kGuestAlignment, kVolatile);
  store.eraseFromParent();
  load.eraseFromParent();
}

}  // namespace

llvm::PreservedAnalyses SplitCopiesPass::run(llvm::Function& function, llvm::FunctionAnalysisManager& analyses) {
  if (!function.hasFnAttribute(kMovesWords)) return llvm::PreservedAnalyses::all();
  const llvm::LoopInfo& loops = analyses.getResult<llvm::LoopAnalysis>(function);
  llvm::SmallVector<std::pair<llvm::LoadInst*, llvm::StoreInst*>, 16> moves;
  for (llvm::BasicBlock& block : function) {
    const llvm::Loop* loop = loops.getLoopFor(&block);
    if (loop && loop->getNumBlocks() == 1) continue;
    for (llvm::Instruction& instruction : block) {
      auto* load = llvm::dyn_cast<llvm::LoadInst>(&instruction);
      llvm::StoreInst* store = load ? OnlyStore(*load) : nullptr;
      if (store) moves.emplace_back(load, store);
    }
  }
  if (moves.empty()) return llvm::PreservedAnalyses::all();
  for (const auto& [load, store] : moves) Split(*load, *store);
  llvm::PreservedAnalyses preserved;
  preserved.preserveSet<llvm::CFGAnalyses>();
  return preserved;
}

}  // namespace guardc::compiler
