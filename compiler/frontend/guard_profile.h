// Holds a module to the guard's ABI (profile "guard"): its exports, imports and memory, before anything is compiled.
// The runtime checks the same again on what it loads.
#pragma once

#include "compiler/frontend/wasm_module.h"
#include "guardc/result.h"

namespace guardc::compiler {

// kGuardAbi (names the export, the expected and the found type), kUnknownImport (module, field, type). How much memory
// a guard may have is its instance's to say; artifact/guard_notes.h tells of much.
Result<void> CheckGuardProfile(const Module& module);

}  // namespace guardc::compiler
