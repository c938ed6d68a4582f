// The kinds of trap, once: the runtime, generated code (artifact/abi.h) and the C ABI all take them from here.
#pragma once

#include <cstdint>
#include <string_view>

namespace guardc {

// X(enumerator, value, name, text). Values are stable, below 128 (they are the immediate of a trapping
// instruction) and never reused. Texts are those of the WebAssembly specification's test suite.
#define GUARDC_TRAP_LIST(X)                                                                     \
  X(kUnreachable, 1, "unreachable", "unreachable")                                              \
  X(kMemoryOutOfBounds, 2, "memory_out_of_bounds", "out of bounds memory access")               \
  X(kTableOutOfBounds, 3, "table_out_of_bounds", "out of bounds table access")                  \
  X(kIndirectCallTypeMismatch, 4, "indirect_call_type_mismatch", "indirect call type mismatch") \
  X(kUninitializedElement, 5, "uninitialized_element", "uninitialized element")                 \
  X(kUndefinedElement, 6, "undefined_element", "undefined element")                             \
  X(kIntegerDivideByZero, 7, "integer_divide_by_zero", "integer divide by zero")                \
  X(kIntegerOverflow, 8, "integer_overflow", "integer overflow")                                \
  X(kInvalidConversion, 9, "invalid_conversion_to_integer", "invalid conversion to integer")    \
  X(kStackExhausted, 10, "call_stack_exhausted", "call stack exhausted")                        \
  X(kInterrupted, 11, "interrupted", "interrupted")                                             \
  X(kUnalignedAtomic, 12, "unaligned_atomic", "unaligned atomic")                               \
  X(kExpectedSharedMemory, 13, "expected_shared_memory", "expected shared memory")              \
  /* A host function ended the call (proc_exit, a host error); the call's record says why. */   \
  X(kHostUnwind, 14, "host_unwind", "ended by a host function")

enum class TrapCode : uint8_t {
  kNone = 0,
#define GUARDC_X(id, value, name, text) id = value,
  GUARDC_TRAP_LIST(GUARDC_X)
#undef GUARDC_X
};

// The stable identifier of a trap kind ("memory_out_of_bounds"); "none" for kNone.
constexpr std::string_view TrapName(TrapCode code) {
  switch (code) {
#define GUARDC_X(id, value, name, text) \
  case TrapCode::id:                    \
    return name;
    GUARDC_TRAP_LIST(GUARDC_X)
#undef GUARDC_X
    case TrapCode::kNone:
      break;
  }
  return "none";
}

// The specification's text for a trap kind ("out of bounds memory access").
constexpr std::string_view TrapText(TrapCode code) {
  switch (code) {
#define GUARDC_X(id, value, name, text) \
  case TrapCode::id:                    \
    return text;
    GUARDC_TRAP_LIST(GUARDC_X)
#undef GUARDC_X
    case TrapCode::kNone:
      break;
  }
  return "no trap";
}

}  // namespace guardc
