// Passes over a function that has just been lowered, before any optimisation.
#pragma once

#include <llvm/ADT/ArrayRef.h>

namespace llvm {
class Function;
class LoadInst;
}  // namespace llvm

namespace guardc::compiler {

// TRAP-4: a load whose value nothing uses still has to trap, but LLVM would delete it. Those that are dead already in
// the fresh IR become volatile, and so do those after which the function can only loop for ever, whatever decides on
// their values: there a trap must not become an endless loop. In real guards there are hardly any, so this costs nothing.
void MarkDeadLoadsVolatile(llvm::Function& function, llvm::ArrayRef<llvm::LoadInst*> guest_loads);

// The specification wants a quiet NaN from arithmetic, also for a signalling operand. LLVM does not promise that: it
// turns x * 1, x - 0 and f32(f64(x)) into x. Where such an identity stands in the fresh IR, this quiets the operand by
// bit operations that LLVM leaves alone. Constrained intrinsics would do it everywhere, but nothing with them
// vectorises. What is left: an identity that appears only once a function was inlined or a loop unrolled.
void QuietForwardedNans(llvm::Function& function);

}  // namespace guardc::compiler
