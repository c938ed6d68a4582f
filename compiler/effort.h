// What compiling a function will cost, told from its instructions before any is compiled, and which functions are
// compiled in the simple way so that no module costs much more than its size lets expect (docs/performance.md).
//
// The simple way: locals stay on the stack, nothing is optimised, and LLVM selects instructions and allocates registers
// as at -O0. Its time grows with the code's length and with nothing else, and is a fraction of the usual.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/frontend/wasm_module.h"
#include "guardc/result.h"

namespace guardc::compiler {

// Of CPU time at -O2, about: what modules of compilers take is met within a third or so.
uint64_t EffortOf(const Module& module, uint32_t func);  // microseconds

// For each defined function, whether it is compiled in the simple way. None of a module whose effort is in proportion
// to its size; else those that cost most beyond what their size allows, until the rest is. Depends on the module alone.
// kLimit where a module takes too much even so (docs/performance.md): code that is nothing but instructions of two
// bytes that become a hundred of the machine's.
Result<std::vector<bool>> FindSimpleFunctions(const Module& module);

}  // namespace guardc::compiler
