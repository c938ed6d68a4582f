#include "runtime/trap/stack_adjustment.h"

#include <cstring>
#include <optional>

namespace guardc {

namespace {

// How many bytes of code, and what they add to the stack pointer.
struct Adjustment {
  uintptr_t length = 0;
  int64_t bytes = 0;
};

#if defined(__x86_64__)

std::optional<Adjustment> DecodeAdjustment(uintptr_t pc, uintptr_t text_end) {
  struct Form {
    uint8_t opcode[4];
    size_t opcode_length;
    size_t immediate_length;
    int sign;
  };
  static constexpr Form kForms[] = {
      {{0x48, 0x83, 0xec}, 3, 1, -1},      {{0x48, 0x81, 0xec}, 3, 4, -1},       // sub $n, %rsp
      {{0x48, 0x83, 0xc4}, 3, 1, 1},       {{0x48, 0x81, 0xc4}, 3, 4, 1},        // add $n, %rsp
      {{0x48, 0x8d, 0x64, 0x24}, 4, 1, 1}, {{0x48, 0x8d, 0xa4, 0x24}, 4, 4, 1},  // lea n(%rsp), %rsp
  };
  const auto* bytes = reinterpret_cast<const uint8_t*>(pc);
  for (const Form& form : kForms) {
    const size_t length = form.opcode_length + form.immediate_length;
    if (text_end - pc < length || std::memcmp(bytes, form.opcode, form.opcode_length) != 0) continue;
    int32_t immediate = static_cast<int8_t>(bytes[form.opcode_length]);
    if (form.immediate_length == 4) std::memcpy(&immediate, bytes + form.opcode_length, sizeof(immediate));
    return Adjustment{length, form.sign * int64_t{immediate}};
  }
  return std::nullopt;
}

// An adjustment or none, registers popped, a return.
std::optional<GuestRegisters> LeaveEpilogue(GuestRegisters registers, uintptr_t text_end, const StackBounds& stack) {
  if (const auto adjustment = DecodeAdjustment(registers.pc, text_end)) {
    registers.pc += adjustment->length;
    registers.sp += static_cast<uintptr_t>(adjustment->bytes);
  }
  const auto pop = [&](uintptr_t& value) {
    if (registers.sp < stack.low || registers.sp > stack.high - sizeof(value)) return false;
    std::memcpy(&value, reinterpret_cast<const void*>(registers.sp), sizeof(value));
    registers.sp += sizeof(value);
    return true;
  };
  constexpr uint8_t kExtended = 0x41, kPop = 0x58, kPopRbp = 0x5d, kReturn = 0xc3, kReturnAndPop = 0xc2;
  while (registers.pc < text_end) {
    const auto* at = reinterpret_cast<const uint8_t*>(registers.pc);
    const bool is_extended = at[0] == kExtended && registers.pc + 1 < text_end;
    const uint8_t opcode = at[is_extended ? 1 : 0];
    uintptr_t value = 0;
    if ((opcode & 0xf8) == kPop) {
      if (!pop(value)) return std::nullopt;
      if (opcode == kPopRbp && !is_extended) registers.fp = value;
      registers.pc += is_extended ? 2 : 1;
    } else if (!is_extended && (opcode == kReturn || opcode == kReturnAndPop)) {
      if (!pop(value)) return std::nullopt;
      return GuestRegisters{value, registers.sp, registers.fp, 0, 0};
    } else {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

#else

std::optional<Adjustment> DecodeAdjustment(uintptr_t pc, uintptr_t text_end) {
  if (text_end - pc < 4) return std::nullopt;
  uint32_t instruction;
  std::memcpy(&instruction, reinterpret_cast<const void*>(pc), sizeof(instruction));
  constexpr uint32_t kSubSp = 0xd10003ff, kAddSp = 0x910003ff;  // immediate, 64 bits, from sp to sp
  const uint32_t operation = instruction & 0xff8003ff;
  if (operation != kSubSp && operation != kAddSp) return std::nullopt;
  const int64_t immediate = int64_t{(instruction >> 10) & 0xfff} << ((instruction & 0x400000) != 0 ? 12 : 0);
  return Adjustment{4, operation == kSubSp ? -immediate : immediate};
}

std::optional<GuestRegisters> LeaveEpilogue(const GuestRegisters&, uintptr_t, const StackBounds&) {
  return std::nullopt;
}

#endif

}  // namespace

bool UnwindInterrupted(const FrameDescription& function, const StackBounds& stack, GuestRegisters& registers) {
  if (const auto caller = LeaveEpilogue(registers, function.end, stack)) {
    registers = *caller;
    return true;
  }
  // The state behind an adjustment is described at least as well as the one before.
  if (const auto adjustment = DecodeAdjustment(registers.pc, function.end)) {
    registers.pc += adjustment->length;
    registers.sp += static_cast<uintptr_t>(adjustment->bytes);
  }
  return Unwind(function, stack, registers);
}

}  // namespace guardc
