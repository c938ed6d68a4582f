// wasm bytes -> Module: parsed and validated in one pass by wabt, with the checks that wabt 1.0.32 lacks. The first
// step of the route; nothing behind it sees bytes that were not checked here.
#pragma once

#include <cstddef>
#include <span>

#include "compiler/frontend/wasm_module.h"
#include "guardc/result.h"

namespace guardc::compiler {

// Fails with kInvalidWasm (not wasm, a component, truncated, malformed, invalid), kUnsupported (a proposal that this
// build refuses, by name) or kLimit, all with the offset in the module. Reads any bytes: nothing hostile may crash it.
Result<Module> ReadModule(std::span<const std::byte> wasm, const FeatureSet& features);

}  // namespace guardc::compiler
