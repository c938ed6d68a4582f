// Reads the element section into Module::elem_segments. Ours, since wabt 1.0.32 refuses `global.get` as an item; types
// are still judged by wabt's validator, which needs to know of the segments anyway.
#pragma once

#include <span>

#include "compiler/frontend/sections.h"
#include "compiler/frontend/wabt_validator.h"
#include "compiler/frontend/wasm_module.h"
#include "guardc/result.h"

namespace guardc::compiler {

// Everything before the element section is in `module` and known to `validator`.
Result<void> ReadElementSection(std::span<const uint8_t> wasm, const SectionRange& range, const FeatureSet& features,
                                WabtValidator& validator, Module& module);

}  // namespace guardc::compiler
