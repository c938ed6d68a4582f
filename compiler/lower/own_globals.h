// Constant expressions may name the module's own globals that are immutable (core 3.0, 3.4.13). Of those whose value is
// one instruction, or known, nothing has to be read when the module is instantiated.
#pragma once

#include "compiler/frontend/wasm_module.h"

namespace guardc::compiler {

// Puts the value of each such global where a constant expression names it. What is left then are integers that depend
// on imports: so no element names an own global, as the artifact format wants it. `module` is valid.
void FoldOwnGlobals(Module& module);

}  // namespace guardc::compiler
