// wasm bytes -> Module: parsed and validated in one pass by wabt, with the checks of form that wabt 1.0.32 lacks, then
// validated again by our own validator (compiler/validate). The first step of the route; nothing behind it sees a
// module that was not checked here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "compiler/frontend/wasm_module.h"
#include "guardc/result.h"

namespace guardc::compiler {

// Whether wabt's validator is asked, in front of ours. kNone is for tests: our own must refuse whatever is invalid.
enum class FirstValidator : uint8_t { kWabt, kNone };

// Fails with kInvalidWasm (not wasm, a component, truncated, malformed, invalid), kUnsupported (a proposal that this
// build refuses, by name) or kLimit, all with the offset in the module. Reads any bytes: nothing hostile may crash it.
Result<Module> ReadModule(std::span<const std::byte> wasm, const FeatureSet& features,
                          FirstValidator first = FirstValidator::kWabt);

}  // namespace guardc::compiler
