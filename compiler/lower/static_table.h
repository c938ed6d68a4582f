// Which tables never change: their contents become read-only data of the artifact ("guardc.table.<i>") and calls
// through them need neither the context's VmTable nor a load of the callee's context, which is the caller's own.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "compiler/frontend/wasm_module.h"
#include "compiler/lower/context_layout.h"

namespace guardc::compiler {

// Per table index. A static table is a defined funcref table that is not exported, that no instruction but
// call_indirect, return_call_indirect and table.size names, and whose active segments lie within its initial size at
// constant offsets.
std::vector<bool> FindStaticTables(const Module& module);

// True for an active segment that went into a static table: the runtime has nothing to do for it.
bool ElemSegmentInStaticTable(const Module& module, const ContextLayout& layout, uint32_t segment);

// Per table index, the function index of every element of a static table, kNoFunction where it is null.
inline constexpr uint32_t kNoFunction = 0xffffffff;
std::vector<std::vector<uint32_t>> StaticTableContents(const Module& module, const std::vector<bool>& is_static);

}  // namespace guardc::compiler
