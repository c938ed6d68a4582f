// One entry into guest code, as the assembly, the signal handler and the caller see it. The record belongs to the
// instance, not to the C stack: a signal may look at it at any time.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "artifact/abi.h"
#include "guardc/call.h"
#include "runtime/trap/interrupt.h"
#include "runtime/trap/memory_regions.h"

namespace guardc {

// Registers at the point where the guest was left, for the backtrace. `is_exact`: pc is the instruction itself, not a
// return address.
struct GuestRegisters {
  uintptr_t pc = 0;
  uintptr_t sp = 0;
  uintptr_t fp = 0;  // rbp, x29
  uintptr_t lr = 0;  // x30; unused on x86-64
  uint64_t is_exact = 0;
};

struct Activation {
  // Read and written by enter_*.S at the offsets asserted below.
  void* host_sp = nullptr;  // bottom of the entry's frame on the caller's stack
  // The marker (signals-and-stacks.md): 0 while the guest runs; in host code the guest's stack pointer, or anything but
  // 0 outside.
  std::atomic<uintptr_t> guest_sp = 1;
  // INT-1's flag, the truth about interruption.
  std::atomic<uint32_t> interrupted = 0;
  uint32_t saved_mxcsr = 0;  // aarch64: FPCR
  uint32_t saved_fcw = 0;    // 16 bits used
  uint32_t fp_changed = 0;   // not 0: the host's floating-point control differs from the guest's
  uintptr_t stack_top = 0;
  GuestRegisters left_at;

  // For the signal handler and the caller only.
  uintptr_t stack_guard_low = 0;  // [stack_guard_low, stack_low) is the guard region below the stack
  uintptr_t stack_low = 0;
  const MemoryRegions* regions = nullptr;  // of the Store
  Activation* outer = nullptr;             // entered earlier on this thread, now in a host function
  const CallOptions* options = nullptr;    // of the running call
  InterruptRecord request;
};

#define GUARDC_ASSERT_OFFSET(field, offset) static_assert(offsetof(Activation, field) == (offset))
GUARDC_ASSERT_OFFSET(host_sp, 0);
GUARDC_ASSERT_OFFSET(guest_sp, 8);
GUARDC_ASSERT_OFFSET(interrupted, 16);
GUARDC_ASSERT_OFFSET(saved_mxcsr, 20);
GUARDC_ASSERT_OFFSET(saved_fcw, 24);
GUARDC_ASSERT_OFFSET(fp_changed, 28);
GUARDC_ASSERT_OFFSET(stack_top, 32);
GUARDC_ASSERT_OFFSET(left_at, 40);
#undef GUARDC_ASSERT_OFFSET
static_assert(offsetof(GuestRegisters, sp) == 8 && offsetof(GuestRegisters, fp) == 16 &&
              offsetof(GuestRegisters, lr) == 24 && offsetof(GuestRegisters, is_exact) == 32);

// guardc_enter_guest's answer when the flag was set before the guest ran its first instruction.
inline constexpr uint32_t kNotEntered = 0x100;

}  // namespace guardc

extern "C" {

// The innermost activation of this thread. Initial-exec: the handler and the assembly read it.
extern constinit __attribute__((tls_model("initial-exec"),
                                visibility("hidden"))) thread_local guardc::Activation* guardc_current_activation;

// Switches to the guest's stack, calls entry(context, code, values), comes back: 0, or a TrapCode, or kNotEntered.
uint32_t guardc_enter_guest(guardc::Activation* activation, guardc::abi::EntryFn entry, void* context, const void* code,
                            guardc::abi::Value* values);

// abi::CallHostStub.
void guardc_call_host(guardc::abi::HostFn fn, void* self, guardc::abi::Value* values);

// Where every trap ends: activation in rbx (x19), code in eax (w0).
void guardc_landing_pad();

// Entry and exit code counts as guest code for interruption.
extern const char guardc_stubs_begin[];
extern const char guardc_stubs_end[];
// The last instruction of guardc_call_host. There, and at the first, its return address is where a call has put it;
// elsewhere in it, above one saved register.
extern const char guardc_call_host_return[];
}
