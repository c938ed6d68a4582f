// The registers in a signal's saved context, by machine. The only file that knows ucontext_t.
#pragma once

#include <signal.h>
#include <ucontext.h>

#include <cstdint>
#include <cstring>

#include "guardc/trap.h"
#include "runtime/trap/activation.h"

namespace guardc {

// When the handler returns, `signal` is blocked in what it interrupted.
inline void BlockOnReturn(void* raw, int signal) { sigaddset(&static_cast<ucontext_t*>(raw)->uc_sigmask, signal); }

#if defined(__x86_64__)

inline constexpr int kTrapInstructionSignal = SIGILL;

class MachineContext {
 public:
  explicit MachineContext(void* raw) : registers_(static_cast<ucontext_t*>(raw)->uc_mcontext.gregs) {}

  uintptr_t pc() const { return static_cast<uintptr_t>(registers_[REG_RIP]); }
  uintptr_t sp() const { return static_cast<uintptr_t>(registers_[REG_RSP]); }
  uintptr_t fp() const { return static_cast<uintptr_t>(registers_[REG_RBP]); }
  uintptr_t lr() const { return 0; }

  // When the handler returns, execution goes on at the landing pad. Already on the host's stack: the guest's may be
  // used up, and a foreign handler could arrive in between.
  void RedirectToLandingPad(Activation* activation, uint32_t code) {
    registers_[REG_RIP] = static_cast<greg_t>(reinterpret_cast<uintptr_t>(&guardc_landing_pad));
    registers_[REG_RSP] = static_cast<greg_t>(reinterpret_cast<uintptr_t>(activation->host_sp));
    registers_[REG_RBX] = static_cast<greg_t>(reinterpret_cast<uintptr_t>(activation));
    registers_[REG_RAX] = code;
    registers_[REG_EFL] &= ~greg_t{0x40400};  // direction and alignment check
  }

 private:
  greg_t* registers_;
};

// The code in an `ud1l k(%eax), %eax`, which is what llvm.ubsantrap(k) becomes; kNone where `pc` holds something else.
inline TrapCode DecodeTrapInstruction(uintptr_t pc, uintptr_t text_end) {
  static constexpr uint8_t kOpcode[] = {0x67, 0x0f, 0xb9, 0x40};
  if (text_end - pc < sizeof(kOpcode) + 1) return TrapCode::kNone;
  const auto* bytes = reinterpret_cast<const uint8_t*>(pc);
  if (std::memcmp(bytes, kOpcode, sizeof(kOpcode)) != 0) return TrapCode::kNone;
  return static_cast<TrapCode>(bytes[sizeof(kOpcode)]);
}

#elif defined(__aarch64__)

inline constexpr int kTrapInstructionSignal = SIGTRAP;

class MachineContext {
 public:
  explicit MachineContext(void* raw) : context_(static_cast<ucontext_t*>(raw)->uc_mcontext) {}

  uintptr_t pc() const { return context_.pc; }
  uintptr_t sp() const { return context_.sp; }
  uintptr_t fp() const { return context_.regs[29]; }
  uintptr_t lr() const { return context_.regs[30]; }

  void RedirectToLandingPad(Activation* activation, uint32_t code) {
    context_.pc = reinterpret_cast<uintptr_t>(&guardc_landing_pad);
    context_.sp = reinterpret_cast<uintptr_t>(activation->host_sp);
    context_.regs[19] = reinterpret_cast<uintptr_t>(activation);
    context_.regs[0] = code;
  }

 private:
  mcontext_t& context_;
};

// The code in a `brk #(0x5500 | k)`, which is what llvm.ubsantrap(k) becomes; kNone where `pc` holds something else.
inline TrapCode DecodeTrapInstruction(uintptr_t pc, uintptr_t text_end) {
  if (text_end - pc < 4) return TrapCode::kNone;
  uint32_t instruction;
  std::memcpy(&instruction, reinterpret_cast<const void*>(pc), sizeof(instruction));
  if ((instruction & 0xffe0001f) != 0xd4200000) return TrapCode::kNone;
  const uint32_t immediate = (instruction >> 5) & 0xffff;
  if ((immediate & 0xff00) != 0x5500) return TrapCode::kNone;
  return static_cast<TrapCode>(immediate & 0xff);
}

#else
#error "guardc's runtime knows x86-64 and aarch64"
#endif

}  // namespace guardc
