// What the unwind tables leave out. A tailcc callee pops its arguments and the padding that aligns them; behind the
// call its caller takes that back, or lets the epilogue's own adjustment shrink or vanish. LLVM's tables describe
// neither, so an interruption between the call and the end of the adjustment needs a look at the instructions.
#pragma once

#include "runtime/trap/unwind.h"

namespace guardc {

// Unwind (unwind.h) from an instruction that has not run yet, wherever in the function it stands.
bool UnwindInterrupted(const FrameDescription& function, const StackBounds& stack, GuestRegisters& registers);

}  // namespace guardc
