// What belongs to a module as a whole rather than to one function: how the host enters it, how it reaches host
// functions, static tables, data bytes, initialisation. The writer of the artifact's facts asks here which of the
// symbols of lower.h exist.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/frontend/wasm_module.h"
#include "compiler/lower/context_layout.h"
#include "compiler/lower/lower.h"
#include "compiler/lower/module_context.h"
#include "guardc/result.h"

namespace guardc::compiler {

// Per function type index, true only for canonical ones: "guardc.entry.<t>" and "guardc.thunk.<t>" exist. A type record
// that is not canonical takes those of its canonical type.
std::vector<bool> EntryTypes(const Module& module, const ContextLayout& layout);
std::vector<bool> ThunkTypes(const Module& module, const ContextLayout& layout);

// "guardc.init" exists. `in_image` per data segment.
bool NeedsInit(const Module& module, const ContextLayout& layout, const std::vector<bool>& in_image);

// What init has to do, in its order.
struct InitStep {
  enum class Kind : uint8_t { kGlobal, kElemSegment, kDataSegment };
  Kind kind;
  uint32_t index;  // in the kind's index space
};
std::vector<InitStep> InitSteps(const Module& module, const ContextLayout& layout, const std::vector<bool>& in_image);

// "guardc.data.<i>" exists: memory.init or init may read the segment's bytes.
bool NeedsDataBytes(const Module& module, const std::vector<bool>& in_image, uint32_t segment);

// ---- Definitions; see Lowering::DefineModuleParts
void DefineEntry(ModuleContext& module, uint32_t type_index);
void DefineHostThunk(ModuleContext& module, uint32_t type_index);
void DefineSharedCode(ModuleContext& module, uint32_t func);
void DefineStaticTables(ModuleContext& module);
void DefineDataBytes(ModuleContext& module, uint32_t segment);
Result<void> DefineInit(ModuleContext& module, const std::vector<bool>& in_image, Share share);

}  // namespace guardc::compiler
