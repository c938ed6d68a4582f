// The signal handler: turns faults of guest code into traps and kicks into interruptions. Not here: what a trap means
// to the caller (call.cc), how requests are made (interrupt.cc). Two readers for every change.
//
// The invariants of traps, stacks and interruption. Other files cite them by name.
//
// TRAP-1  A trap crosses guest frames only. Host functions return first: their status is the return value that
//         guardc_call_host tests. The marker in the activation (guest_sp) is not 0 while a host function runs; then a
//         fault is not ours. A host function may enter another instance (a new activation), never its own.
// TRAP-2  We claim a fault only if the kernel raised it, the marker says guest, the stack pointer is on that
//         activation's stack (guard included), the PC lies in registered guest code, and the address in a linear memory
//         of the activation's Store or in its stack guard. Everything else goes to the handler that was there before,
//         called directly with the same arguments.
// TRAP-3  The handler takes no lock, allocates nothing, logs nothing, and leaves by editing the saved context and
//         returning. What it reads of thread-local storage is initial-exec. The landing pad does not touch the guest's
//         stack.
// TRAP-4  Guest accesses are plain with alignment 1, unless the value of a load is unused. LLVM may drop, move or merge
//         stores before a fault, so memory after a trap is not trusted, but under --strict-traps.
// TRAP-5  After a trap the instance is failed; every later call returns kInstanceFailed.
// STACK-1 Guest recursion ends in a trap on any thread: the guest's stack is its own, with a guard region below that is
//         larger than the step at which large frames probe. Only lock-free leaf code runs on it: all else is a host
//         function, on the caller's original stack.
// INT-1   The truth about interruption is the flag in the activation; the signal is a kick. Entry and return from host
//         functions switch to the guest's stack first, set the marker second, test the flag third. The handler
//         redirects only while the marker says guest, the stack pointer is on the guest's stack, and the PC is in guest
//         code or in our own entry and exit code. A guest that a foreign handler has interrupted (marker guest, PC
//         elsewhere) is reported as missed, and kicked again. A call ends with a compare-and-swap from running to
//         ready, or waits for the kick: a request can neither be lost nor reach a later call. A request for an outer
//         activation ends the inner ones too.
// MEM-1   Guest addresses are zero-extended; the reservation of a memory that is not bounds-checked covers 4 GiB of
//         index, 4 GiB of offset and the widest access (abi::kMemoryReservation). Only heap_address.cc makes addresses.
#include "runtime/trap/trap_handler.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <mutex>
#include <string>

#include "guardc/instance.h"
#include "runtime/trap/activation.h"
#include "runtime/trap/code_registry.h"
#include "runtime/trap/machine_context.h"

constinit thread_local guardc::Activation* guardc_current_activation = nullptr;

#ifdef GUARDC_THREAD_SANITIZER
extern "C" int __sigaction(int signal, const struct sigaction* action, struct sigaction* old);  // glibc's, not replaced
#endif

namespace guardc::trap {

namespace {

constexpr int kDefaultInterruptionSignal = 34;  // Go neither installs, notifies, ignores nor blocks it

#if defined(__aarch64__)
constexpr std::array kFaultSignals = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
#else
constexpr std::array kFaultSignals = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
#endif

std::atomic<int> interruption_signal = kDefaultInterruptionSignal;
std::atomic<bool> is_installed = false;
struct sigaction old_actions[_NSIG];

// Thread sanitizer's sigaction() holds signals that are sent back until the code they interrupt calls into it, which a
// guest does not do: it is passed by for the signal of interruption. This file is not instrumented then, either.
int SetAction(int signal, const struct sigaction* action, struct sigaction* old) {
#ifdef GUARDC_THREAD_SANITIZER
  if (signal == interruption_signal.load(std::memory_order_relaxed)) return __sigaction(signal, action, old);
#endif
  return sigaction(signal, action, old);
}

bool IsStub(uintptr_t pc) {
  return pc >= reinterpret_cast<uintptr_t>(&guardc_stubs_begin) && pc < reinterpret_cast<uintptr_t>(&guardc_stubs_end);
}

bool GuestRuns(const Activation& activation) { return activation.guest_sp.load(std::memory_order_relaxed) == 0; }

void Redirect(Activation* activation, MachineContext& context, TrapCode code) {
  activation->left_at = {context.pc(), context.sp(), context.fp(), context.lr(), 1};
  // A kick that arrives before the landing pad has run finds the guest gone.
  activation->guest_sp.store(context.sp(), std::memory_order_relaxed);
  context.RedirectToLandingPad(activation, static_cast<uint32_t>(code));
}

// The trap that a fault in guest code stands for; kNone where it is not ours. TRAP-2.
TrapCode Classify(int signal, const siginfo_t& info, const Activation& activation, uintptr_t pc) {
  const CodeRange code = FindCode(pc);
  const bool in_guest = code.Contains(pc);
  if (signal == SIGSEGV || signal == SIGBUS) {
    const auto address = reinterpret_cast<uintptr_t>(info.si_addr);
    // Our own stub pushes onto the guest's stack as well.
    if ((in_guest || IsStub(pc)) && address >= activation.stack_guard_low && address < activation.stack_low) {
      return TrapCode::kStackExhausted;
    }
    return in_guest && activation.regions->Contains(address) ? TrapCode::kMemoryOutOfBounds : TrapCode::kNone;
  }
  if (!in_guest) return TrapCode::kNone;
  if (signal == kTrapInstructionSignal) {
    const TrapCode trap = DecodeTrapInstruction(pc, code.end);
    return TrapName(trap) == "none" ? TrapCode::kNone : trap;
  }
  if (signal == SIGFPE && info.si_code == FPE_INTDIV) return TrapCode::kIntegerDivideByZero;
  return TrapCode::kNone;
}

bool HandleFault(int signal, const siginfo_t& info, MachineContext& context) {
  Activation* activation = guardc_current_activation;
  if (activation == nullptr || info.si_code <= 0 || !GuestRuns(*activation)) return false;
  if (context.sp() < activation->stack_guard_low || context.sp() > activation->stack_top) return false;
  const TrapCode trap = Classify(signal, info, *activation, context.pc());
  if (trap == TrapCode::kNone) return false;
  Redirect(activation, context, trap);
  return true;
}

// The kick has interrupted a foreign signal handler, and that the guest: sends it again, blocked until the foreign
// handler's return restores the guest's own mask. So it arrives with the PC in guest code, even where foreign signals
// come so often, or the machine is so loaded, that one is always there first.
bool PutOff(void* raw_context) {
  const int signal = InterruptionSignal();
  BlockOnReturn(raw_context, signal);
  return syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), signal) == 0;
}

// INT-1. False where no call on this thread had asked for a kick.
bool HandleKick(const siginfo_t& info, MachineContext& context, void* raw_context) {
  if (info.si_code != SI_TKILL || info.si_pid != getpid()) return false;
  Activation* const innermost = guardc_current_activation;
  Activation* outermost_asked = nullptr;
  for (Activation* a = innermost; a != nullptr; a = a->outer) {
    if (a->interrupted.load(std::memory_order_acquire) != 0) outermost_asked = a;
  }
  if (outermost_asked == nullptr) return false;
  for (Activation* a = innermost; a != outermost_asked; a = a->outer) {
    a->interrupted.store(1, std::memory_order_relaxed);
  }

  bool missed = false;
  if (GuestRuns(*innermost)) {
    const uintptr_t sp = context.sp();
    const bool on_stack = sp >= innermost->stack_guard_low && sp <= innermost->stack_top;
    if (on_stack && (IsStub(context.pc()) || FindCode(context.pc()).Contains(context.pc()))) {
      Redirect(innermost, context, TrapCode::kInterrupted);
    } else {
      if (PutOff(raw_context)) return true;
      missed = true;
    }
  }
  for (Activation* a = innermost; a != nullptr; a = a->outer) {
    // A request that has not reached its flag yet has a signal of its own to come.
    if (a->request.IsPending() && a->interrupted.load(std::memory_order_relaxed) != 0) a->request.Acknowledge(missed);
  }
  return true;
}

void HandOn(int signal, siginfo_t* info, void* context) {
  const struct sigaction& old = old_actions[signal];
  if ((old.sa_flags & SA_SIGINFO) != 0) {
    old.sa_sigaction(signal, info, context);
    return;
  }
  if (old.sa_handler != SIG_DFL && old.sa_handler != SIG_IGN) {
    old.sa_handler(signal);
    return;
  }
  // A kick that came late, or a stray signal: its default would end the process.
  if (signal == InterruptionSignal()) return;
  const bool by_kernel = info->si_code > 0;
  if (old.sa_handler == SIG_IGN && !by_kernel) return;
  // The default action, by the kernel itself: a fault repeats when we return, a sent signal is sent again.
  struct sigaction standard = {};
  standard.sa_handler = SIG_DFL;
  sigemptyset(&standard.sa_mask);
  sigaction(signal, &standard, nullptr);
  if (!by_kernel) syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), signal);
}

void HandleSignal(int signal, siginfo_t* info, void* raw_context) {
  const int saved_errno = errno;
  MachineContext context(raw_context);
  const bool is_ours =
      signal == InterruptionSignal() ? HandleKick(*info, context, raw_context) : HandleFault(signal, *info, context);
  if (!is_ours) HandOn(signal, info, raw_context);
  errno = saved_errno;
}

struct sigaction OurAction() {
  struct sigaction action = {};
  action.sa_sigaction = &HandleSignal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  sigfillset(&action.sa_mask);
  return action;
}

bool UsesShadowStack() {
#if defined(__x86_64__)
  constexpr int kArchShstkStatus = 0x5005;  // ARCH_SHSTK_STATUS of <asm/prctl.h>, newer than Debian 12's headers
  uint64_t features = 0;
  return syscall(SYS_arch_prctl, kArchShstkStatus, &features) == 0 && (features & 1) != 0;
#else
  return false;
#endif
}

Result<void> Install() {
  if (UsesShadowStack()) {
    return Fail(ErrorKind::kUnsupported,
                "this process runs with a hardware shadow stack, which guardc's traps do not unwind yet; start it with "
                "GLIBC_TUNABLES=glibc.cpu.x86_shstk=off");
  }
  const struct sigaction action = OurAction();
  const auto install = [&](int signal) {
    return SetAction(signal, nullptr, &old_actions[signal]) == 0 && SetAction(signal, &action, nullptr) == 0;
  };
  for (const int signal : kFaultSignals) {
    if (!install(signal)) {
      return Fail(ErrorKind::kInternal, "cannot install a handler for signal " + std::to_string(signal));
    }
  }
  if (!install(InterruptionSignal())) {
    return Fail(ErrorKind::kInvalidArgument,
                "cannot install a handler for the interruption signal " + std::to_string(InterruptionSignal()));
  }
  is_installed = true;
  return {};
}

}  // namespace

Result<void> InstallHandlers() {
  static const Result<void> result = Install();
  return result;
}

int InterruptionSignal() { return interruption_signal.load(std::memory_order_relaxed); }

bool Kick(int tid) {
  const int signal = InterruptionSignal();
  // If somebody has put the default back meanwhile, the signal would end the process: it is ours by choice, so take it
  // again.
  struct sigaction current;
  if (SetAction(signal, nullptr, &current) == 0 && (current.sa_flags & SA_SIGINFO) == 0 &&
      (current.sa_handler == SIG_DFL || current.sa_handler == SIG_IGN)) {
    const struct sigaction action = OurAction();
    SetAction(signal, &action, nullptr);
  }
  return syscall(SYS_tgkill, getpid(), tid, signal) == 0;
}

}  // namespace guardc::trap

namespace guardc {

Result<void> SetInterruptionSignal(int signal) {
  if (trap::is_installed) {
    return Fail(ErrorKind::kInvalidArgument,
                "the interruption signal must be chosen before the first instance: handlers are installed already");
  }
  // Below 34 glibc uses two for itself.
  if (signal < SIGRTMIN || signal > SIGRTMAX) {
    return Fail(ErrorKind::kInvalidArgument, "signal " + std::to_string(signal) +
                                                 " cannot interrupt guests: choose a real-time signal, " +
                                                 std::to_string(SIGRTMIN) + " to " + std::to_string(SIGRTMAX));
  }
  trap::interruption_signal = signal;
  return {};
}

}  // namespace guardc
