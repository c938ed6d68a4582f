// Between wabt's types and ours; included only by the files that talk to wabt.
#pragma once

#include <wabt/shared-validator.h>

#include <optional>

#include "compiler/frontend/sections.h"
#include "guardc/types.h"

namespace guardc::compiler {

// wabt's type codes are the binary format's bytes, sign-extended from seven bits.
inline std::optional<ValType> ToValType(wabt::Type type) {
  switch (static_cast<wabt::Type::Enum>(type)) {
    case wabt::Type::I32:
    case wabt::Type::I64:
    case wabt::Type::F32:
    case wabt::Type::F64:
    case wabt::Type::V128:
    case wabt::Type::FuncRef:
    case wabt::Type::ExternRef:
      return static_cast<ValType>(static_cast<int>(static_cast<wabt::Type::Enum>(type)) & 0x7f);
    default:
      return std::nullopt;
  }
}

inline wabt::Type ToWabtType(ValType type) { return wabt::Type(static_cast<int32_t>(type) - 0x80); }

inline Limits ToLimits(const wabt::Limits& limits) {
  return {.min = limits.initial,
          .max = limits.has_max ? std::optional<uint64_t>(limits.max) : std::nullopt,
          .is_64 = limits.is_64,
          .is_shared = limits.is_shared};
}

// What the validator said first, as ours. It appends to `errors` whenever it refuses.
inline std::unexpected<Error> FirstError(const wabt::Errors& errors, size_t offset) {
  if (errors.empty()) return InvalidAt(offset, "malformed");
  return InvalidAt(offset, errors.front().message);
}

}  // namespace guardc::compiler
