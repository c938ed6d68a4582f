// What a module must export to be a guard (docs/guard-abi.md, 1). Checked when the artifact is made and again here,
// since an artifact may come from elsewhere, or have been compiled for `guardc exec`.
#pragma once

#include <string_view>

#include "guardc/guard.h"
#include "guardc/module.h"
#include "guardc/result.h"
#include "guardc/types.h"

namespace guardc {

inline constexpr std::string_view kMemoryExport = "memory";
inline constexpr std::string_view kAllocExport = "alloc";
inline constexpr std::string_view kDeallocExport = "dealloc";
inline constexpr std::string_view kInitializeExport = "_initialize";

const FuncType& LabelFunctionType();  // (input, input size, output, output capacity) -> bytes written or an error
const FuncType& AllocType();          // (size) -> pointer
const FuncType& DeallocType();        // (pointer, size) -> ()
const FuncType& InitializeType();     // () -> ()

// kGuardAbi names the export, what was found, and what was expected.
[[nodiscard]] Result<void> CheckGuardAbi(const Module& module);

// Null where the module has no function of this name.
const FuncType* FindFunctionExport(const Module& module, std::string_view name);

// `alloc` counts only together with `dealloc`.
bool HasAllocator(const Module& module);

}  // namespace guardc
