// The second validator: every rule of the specification for what the reader has made of a module (core 2.0, section 3,
// and the proposals of FeatureSet). It knows nothing of the first one, wabt's.
#pragma once

#include "compiler/frontend/wasm_module.h"
#include "guardc/result.h"

namespace guardc::compiler {

// Fills Module::referable_funcs, then checks all of it. kInvalidWasm with the offset of the first fault; kLimit. The
// type indices of functions must be in range, which the reader sees to.
Result<void> ValidateModule(Module& module, const FeatureSet& features);

}  // namespace guardc::compiler
