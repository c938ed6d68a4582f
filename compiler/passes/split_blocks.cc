#include "compiler/passes/split_blocks.h"

#include <llvm/ADT/STLExtras.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Module.h>
#include <llvm/Pass.h>

#include <cstddef>
#include <iterator>

namespace guardc::compiler {
namespace {

class SplitBlocksPass final : public llvm::FunctionPass {
 public:
  explicit SplitBlocksPass(BlockSizes sizes) : llvm::FunctionPass(id_), sizes_(sizes) {}

  bool runOnFunction(llvm::Function& function) override {
    llvm::SmallVector<llvm::BasicBlock*> huge;
    for (llvm::BasicBlock& block : function) {
      if (block.size() > sizes_.huge) huge.push_back(&block);
    }
    for (llvm::BasicBlock* block : huge) {
      const size_t size = block->size();
      llvm::SmallVector<llvm::Instruction*> places;
      size_t passed = 0;
      size_t part = 0;
      for (llvm::Instruction& instruction : *block) {
        // A tail call and its return stay together, and a comparison and its branch.
        if (size - passed++ <= sizes_.part) break;
        // Phis belong to the block, stack slots to the function's first.
        if (part++ < sizes_.part || llvm::isa<llvm::PHINode, llvm::AllocaInst>(instruction)) continue;
        places.push_back(&instruction);
        part = 1;
      }
      // From the end, so that nothing moves twice.
      for (llvm::Instruction* place : llvm::reverse(places)) block->splitBasicBlock(place);
    }
    return !huge.empty();
  }

  llvm::StringRef getPassName() const override { return "guardc: split huge blocks"; }

 private:
  static inline char id_ = 0;
  BlockSizes sizes_;
};

}  // namespace

bool HasHugeBlock(const llvm::Module& module) {
  return llvm::any_of(module, [](const llvm::Function& function) {
    return llvm::any_of(function, [](const llvm::BasicBlock& block) { return block.size() > kUsualBlocks.huge; });
  });
}

llvm::Pass* CreateSplitBlocksPass(BlockSizes sizes) { return new SplitBlocksPass(sizes); }

}  // namespace guardc::compiler
