// What the instructions with a fixed type pop and push, and what their immediates may be: one table, written from the
// specification (core 2.0, 3.3; relaxed SIMD; threads). The types in wabt's opcode.def are not used: whoever errs there
// must not err here too. A test compares the two.
#pragma once

#include <array>
#include <cstdint>

#include "compiler/frontend/opcode.h"
#include "guardc/types.h"

namespace guardc::compiler {

struct OpSignature {
  enum class Form : uint8_t {
    kOwn,  // control, calls, variables, tables, whole memories, references: a rule of its own (function_validator.cc)
    kPlain,
    kAccess,        // aligned to at most `alignment`
    kAtomicAccess,  // aligned to exactly `alignment`
    kLane,
    kLaneAccess,
  };
  // Stands for the index type of the memory that the instruction names.
  static constexpr ValType kIndexType{};

  Form form = Form::kOwn;
  uint8_t operand_count = 0;
  bool has_result = false;
  std::array<ValType, 3> operands{};  // the deepest first
  ValType result{};
  uint8_t alignment = 0;  // natural, log2 of bytes
  uint8_t lanes = 0;
};

const OpSignature& SignatureOf(Op op);

}  // namespace guardc::compiler
