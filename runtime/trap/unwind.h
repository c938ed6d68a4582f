// A small interpreter of call frame information (.eh_frame), enough for generated code: the CFA is the stack or frame
// pointer plus an offset, and what is saved lies at offsets from the CFA. Runs outside the signal handler, over the
// guest's stack as the trap left it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "runtime/trap/activation.h"

namespace guardc {

// The stack that may be read, [low, high).
struct StackBounds {
  uintptr_t low = 0;
  uintptr_t high = 0;
};

// One function's entry in the table.
struct FrameDescription {
  uintptr_t begin = 0;
  uintptr_t end = 0;
  std::span<const uint8_t> initial_instructions;  // of the CIE
  std::span<const uint8_t> instructions;
  uint64_t code_alignment = 1;
  int64_t data_alignment = 1;
};

// The description of the function around `pc`, by the search table of an .eh_frame_hdr.
std::optional<FrameDescription> FindFrameDescription(std::span<const std::byte> eh_frame_hdr, uintptr_t pc);

// From a function to its caller. False where the rules are of another kind than expected, or lead off the stack.
bool Unwind(const FrameDescription& function, const StackBounds& stack, GuestRegisters& registers);

}  // namespace guardc
