// Constant expressions (core specification 3.3.10, and extended-const): what of them is known at compile time.
#pragma once

#include <cstdint>
#include <optional>

#include "compiler/frontend/wasm_module.h"

namespace guardc::compiler {

// The value of an i32 (zero-extended) or i64 expression that names no global; nothing for any other.
std::optional<uint64_t> EvaluateInteger(const ConstExpr& expr);

// The 16 bytes of a number or vector, little-endian and zero-extended, under the same condition.
std::optional<V128> EvaluateBytes(const ConstExpr& expr);

// The same of a global that nothing can change: code has it as a constant.
std::optional<V128> EvaluateGlobal(const Module& module, uint32_t global);

}  // namespace guardc::compiler
