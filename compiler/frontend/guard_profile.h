// Holds a module to the guard's ABI (profile "guard"): its exports, imports and memory, before anything is compiled.
// The runtime checks the same again on what it loads.
#pragma once

#include <cstdint>

#include "compiler/frontend/wasm_module.h"
#include "guardc/result.h"

namespace guardc::compiler {

inline constexpr uint64_t kGuardMemoryCap = 512;  // pages of 64 KiB, the default cap of a guard's memory

// kGuardAbi (names the export, the expected and the found type), kUnknownImport (module, field, type), kLimit.
Result<void> CheckGuardProfile(const Module& module, uint64_t memory_cap_pages = kGuardMemoryCap);

}  // namespace guardc::compiler
