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
// TRAP-4  Guest accesses are plain with alignment 1, unless the value of a load is unused or only an endless loop
// follows.
//         LLVM may drop, move or merge
//         stores before a fault, so memory after a trap is not trusted, but under --strict-traps.
// TRAP-5  After a trap the instance is failed; every later call returns kInstanceFailed.
// TRAP-6  The handlers of our signals are ours when a guest is entered, whoever installed another meanwhile; that one
// is
//         called, in its turn, for what is not ours. Handlers that saved ours and put them back are no newcomers.
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

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <mutex>
#include <string>
#include <utility>

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
std::atomic<bool> spare_kicks_used = false;

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
bool PutOff(int signal, void* raw_context) {
  BlockOnReturn(raw_context, signal);
  return syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), signal) == 0;
}

// Sent by a thread of this process.
bool IsKick(const siginfo_t& info) { return info.si_code == SI_TKILL && info.si_pid == getpid(); }

// Where the queue is full, the kernel forgets who sent a standard signal, and how.
bool IsSpareKick(int signal, const siginfo_t& info) {
  return signal == kSpareKickSignal && (IsKick(info) || (info.si_code == SI_USER && info.si_pid == 0));
}

// INT-1. False where no call on this thread had asked for a kick.
bool HandleKick(int signal, MachineContext& context, void* raw_context) {
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
      if (PutOff(signal, raw_context)) return true;
      missed = true;
    }
  }
  for (Activation* a = innermost; a != nullptr; a = a->outer) {
    // A request that has not reached its flag yet has a signal of its own to come.
    if (a->request.IsPending() && a->interrupted.load(std::memory_order_relaxed) != 0) a->request.Acknowledge(missed);
  }
  return true;
}

// TRAP-6: one of our handlers for each handler of others that was found in our place. Each hands on to the one that it
// replaced, so that who saved one of ours and calls it, or puts it back, goes on to what was there before.
constexpr size_t kLevels = 16;
constexpr size_t kMostForeign = 64;

// What others had for one signal.
struct Foreign {
  struct sigaction actions[kMostForeign];  // all different; they do not change once they are counted
  size_t count = 0;
  std::atomic<const struct sigaction*> of_level[kLevels] = {};
};
Foreign foreign[_NSIG];

void HandleSignal(size_t level, int signal, siginfo_t* info, void* raw_context);

template <size_t kLevel>
void HandleAtLevel(int signal, siginfo_t* info, void* raw_context) {
  HandleSignal(kLevel, signal, info, raw_context);
}

using Handler = void (*)(int, siginfo_t*, void*);
constexpr auto kHandlers = []<size_t... kLevel>(std::index_sequence<kLevel...>) {
  return std::array<Handler, kLevels>{&HandleAtLevel<kLevel>...};
}(std::make_index_sequence<kLevels>());

bool IsOurs(const struct sigaction& action) {
  return (action.sa_flags & SA_SIGINFO) != 0 &&
         std::find(kHandlers.begin(), kHandlers.end(), action.sa_sigaction) != kHandlers.end();
}

// What a handler of ours is handing on, so that handlers that call each other in a circle are noticed.
struct HandingOn {
  const siginfo_t* info = nullptr;  // the same for all who are called for one signal
  uintptr_t frame = 0;
  uint32_t levels = 0;
};
constinit thread_local __attribute__((tls_model("initial-exec"))) HandingOn handing_on;

// The default action, by the kernel itself: a fault repeats when we return, a sent signal is sent again.
void TakeDefault(int signal, const siginfo_t& info) {
  struct sigaction standard = {};
  standard.sa_handler = SIG_DFL;
  sigemptyset(&standard.sa_mask);
  sigaction(signal, &standard, nullptr);
  if (info.si_code <= 0) syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), signal);
}

void HandOn(size_t level, int signal, siginfo_t* info, void* context) {
  // A kick that came late, or a stray signal of that number: its default would end the process.
  const bool is_kick = signal == InterruptionSignal() || (IsSpareKick(signal, *info) && spare_kicks_used);
  const struct sigaction& old = *foreign[signal].of_level[level].load(std::memory_order_acquire);
  const bool has_handler = (old.sa_flags & SA_SIGINFO) != 0 || (old.sa_handler != SIG_DFL && old.sa_handler != SIG_IGN);
  if (!has_handler) {
    if (is_kick || (old.sa_handler == SIG_IGN && info->si_code <= 0)) return;
    TakeDefault(signal, *info);
    return;
  }
  const HandingOn before = handing_on;
  const auto frame = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  // Left behind by a longjmp, it would lie above another signal's frame.
  const bool is_nested = before.info == info && frame < before.frame;
  const uint32_t levels = is_nested ? before.levels : 0;
  if ((levels & (1u << level)) != 0) {
    TakeDefault(signal, *info);
    return;
  }
  handing_on = {info, is_nested ? before.frame : frame, levels | (1u << level)};
  if ((old.sa_flags & SA_SIGINFO) != 0) {
    old.sa_sigaction(signal, info, context);
  } else {
    old.sa_handler(signal);
  }
  handing_on = before;
}

void HandleSignal(size_t level, int signal, siginfo_t* info, void* raw_context) {
  const int saved_errno = errno;
  MachineContext context(raw_context);
  const bool may_kick = signal == InterruptionSignal() ? IsKick(*info) : IsSpareKick(signal, *info);
  const bool is_ours = (may_kick && HandleKick(signal, context, raw_context)) ||
                       (signal != InterruptionSignal() && HandleFault(signal, *info, context));
  if (!is_ours) HandOn(level, signal, info, raw_context);
  errno = saved_errno;
}

struct sigaction ActionOf(size_t level) {
  struct sigaction action = {};
  action.sa_sigaction = kHandlers[level];
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  sigfillset(&action.sa_mask);
  return action;
}

// Asked before each call: what glibc's sigaction() says, without the copies that it makes. Nullptr where a sanitizer
// puts its own handlers before those of the program.
Handler KernelsHandler(int signal) {
#ifdef GUARDC_THREAD_SANITIZER
  static_cast<void>(signal);
  return nullptr;
#else
  struct {
    Handler handler;
    unsigned long flags;
    void (*restorer)();  // of some machines; the mask lies there on others
    uint64_t mask[2];
  } action = {};
  return syscall(SYS_rt_sigaction, signal, nullptr, &action, sizeof(uint64_t)) == 0 ? action.handler : nullptr;
#endif
}

// The one of ours that was found in the kernel, or put there, last.
std::atomic<Handler> last_seen[_NSIG] = {};

bool IsSame(const struct sigaction& a, const struct sigaction& b) {
  const bool same_kind = (a.sa_flags & SA_SIGINFO) == (b.sa_flags & SA_SIGINFO);
  return same_kind &&
         ((a.sa_flags & SA_SIGINFO) != 0 ? a.sa_sigaction == b.sa_sigaction : a.sa_handler == b.sa_handler);
}

// Puts the handler back that replaced `current` before, or another one.
Result<void> TakePlaceOf(struct sigaction current, int signal) {
  static constinit std::mutex mutex;
  const std::lock_guard lock(mutex);
  Foreign& known = foreign[signal];
  while (!IsOurs(current)) {
    size_t found = 0;
    while (found < known.count && !IsSame(known.actions[found], current)) ++found;
    if (found == kMostForeign) {
      return Fail(ErrorKind::kUnsupported, "others in this process have put " + std::to_string(kMostForeign) +
                                               " different handlers in the place of guardc's for signal " +
                                               std::to_string(signal) +
                                               ", without which no guest can trap: let one of them stay");
    }
    if (found == known.count) known.actions[known.count++] = current;
    // Of more handlers than levels (two copies of guardc that find each other's), the last level has the latest.
    const size_t level = std::min(found, kLevels - 1);
    known.of_level[level].store(&known.actions[found], std::memory_order_release);
    const struct sigaction action = ActionOf(level);
    struct sigaction taken;
    if (SetAction(signal, &action, &taken) != 0) {
      return Fail(signal == InterruptionSignal() ? ErrorKind::kInvalidArgument : ErrorKind::kInternal,
                  "cannot install a handler for signal " + std::to_string(signal) + ": " + std::strerror(errno));
    }
    last_seen[signal].store(kHandlers[level], std::memory_order_relaxed);
    if (IsOurs(taken) || IsSame(taken, current)) break;
    current = taken;  // somebody was faster
  }
  return {};
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

Result<void> CheckShadowStack() {
  if (!UsesShadowStack()) return {};
  return Fail(ErrorKind::kUnsupported,
              "this process runs with a hardware shadow stack, which guardc's traps do not unwind yet; start it with "
              "GLIBC_TUNABLES=glibc.cpu.x86_shstk=off");
}

}  // namespace

Result<void> EnsureHandler(int signal) {
  const Handler ours = last_seen[signal].load(std::memory_order_relaxed);
  if (ours != nullptr && KernelsHandler(signal) == ours) [[likely]]
    return {};
  struct sigaction current;
  if (SetAction(signal, nullptr, &current) == 0 && IsOurs(current)) {
    last_seen[signal].store(current.sa_sigaction, std::memory_order_relaxed);  // put back by who had saved it
    return {};
  }
  return TakePlaceOf(current, signal);
}

Result<void> EnsureHandlers() {
  static const Result<void> shadow_stack = CheckShadowStack();
  GUARDC_CHECK(shadow_stack);
  for (const int signal : kFaultSignals) GUARDC_CHECK(EnsureHandler(signal));
  GUARDC_CHECK(EnsureHandler(InterruptionSignal()));
  is_installed = true;
  return {};
}

int InterruptionSignal() { return interruption_signal.load(std::memory_order_relaxed); }

bool Kick(int tid) {
  const auto send = [tid](int signal) {
    return EnsureHandler(signal) && syscall(SYS_tgkill, getpid(), tid, signal) == 0;
  };
  if (send(InterruptionSignal())) return true;
  // Real-time signals are queued, and RLIMIT_SIGPENDING, which all processes of a user share, is used up (or is 0, from
  // `ulimit -i 0`). A standard signal needs no place in the queue.
  spare_kicks_used = true;
  return send(kSpareKickSignal);
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
