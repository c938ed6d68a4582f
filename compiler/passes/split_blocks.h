// Instruction selection, and what comes after it, look at a block as a whole, some with an effort that grows with the
// square of its length. Compilers write no such blocks; a made-up module may.
#pragma once

#include <cstddef>

namespace llvm {
class Module;
class Pass;
}  // namespace llvm

namespace guardc::compiler {

// In IR instructions.
struct BlockSizes {
  size_t huge;  // what is larger is parted
  size_t part;
};
// Blocks of real modules had 2,500 at most.
inline constexpr BlockSizes kUsualBlocks{10000, 2000};
// Where nothing is optimised there is nothing to lose.
inline constexpr BlockSizes kUnoptimizedBlocks{200, 100};

bool HasHugeBlock(const llvm::Module& module);

// Parts huge blocks; to be added after the last pass that would join them, and only where there are any, for it keeps
// no analysis.
llvm::Pass* CreateSplitBlocksPass(BlockSizes sizes);

}  // namespace guardc::compiler
