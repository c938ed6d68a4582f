// The context's register is callee-saved, so that calls within an instance leave it alone. LLVM takes it for one that a
// function has to save before it touches it, though none of ours changes it: code that would need no frame gets one at
// its very beginning (no shrink wrapping), and the allocator counts the context among the registers that cost a save.
#pragma once

namespace llvm {
class Pass;
}

namespace guardc::compiler {

// For machine code that is selected and not yet allocated. Instead of saving the register, a function that takes its
// context in it has it hold the context at every return: what its caller's register held, since a context is passed in
// that register alone. The allocator is bound by this use like by any other; where it needs the register otherwise, it
// restores the context from where it keeps it. Of x86-64; does nothing elsewhere.
llvm::Pass* CreatePinContextPass();

}  // namespace guardc::compiler
