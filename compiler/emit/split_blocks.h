// Instruction selection, and what comes after it, look at a block as a whole, some with an effort that grows with the
// square of its length. Compilers write no such blocks; a made-up module may.
#pragma once

namespace llvm {
class Module;
class Pass;
}  // namespace llvm

namespace guardc::compiler {

bool HasHugeBlock(const llvm::Module& module);

// Parts huge blocks; to be added after the last pass that would join them, and only where there are any, for it keeps
// no analysis.
llvm::Pass* CreateSplitBlocksPass();

}  // namespace guardc::compiler
