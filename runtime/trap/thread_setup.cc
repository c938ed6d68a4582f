// Without an alternate stack memory faults would still become traps (they are handled on the guest's stack), but a
// used-up guest stack ends the process: the kernel has nowhere to put the handler's frame.
#include "runtime/trap/thread_setup.h"

#include <pthread.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "base/map_count.h"
#include "guardc/call.h"
#include "runtime/trap/trap_handler.h"

namespace guardc::trap {

std::atomic<uint32_t> process_generation = 1;
constinit thread_local ThreadState thread_state;

namespace {

constexpr int64_t kLookNanoseconds = 20'000;
// What our handler takes of an alternate stack, beside the kernel's frame.
constexpr size_t kHandlerSize = 4096;

// The frame of a signal, with all registers of this CPU (signal(7), AT_MINSIGSTKSZ).
size_t SmallestFrame() {
  static const size_t size = std::max<size_t>(getauxval(AT_MINSIGSTKSZ), MINSIGSTKSZ);
  return size;
}

Result<stack_t> QueryStack() {
  stack_t current;
  if (sigaltstack(nullptr, &current) != 0) return Fail(ErrorKind::kInternal, "cannot ask for the alternate stack");
  return current;
}

bool IsNone(const stack_t& stack) { return (stack.ss_flags & SS_DISABLE) != 0; }

// A thread's own, made when it is first needed.
class AlternateStack {
 public:
  AlternateStack() = default;
  ~AlternateStack() {
    if (mapping_ == nullptr) return;
    // Disabled before it is unmapped, and only if it is still in use.
    stack_t current;
    if (sigaltstack(nullptr, &current) == 0 && current.ss_sp == stack_.ss_sp) {
      stack_t none = {};
      none.ss_flags = SS_DISABLE;
      sigaltstack(&none, nullptr);
    }
    munmap(mapping_, size_);
  }
  AlternateStack(const AlternateStack&) = delete;
  AlternateStack& operator=(const AlternateStack&) = delete;

  Result<stack_t> Get() {
    if (mapping_ != nullptr) return stack_;
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t usable = (std::max<size_t>(65536, SmallestFrame() + 16384) + page - 1) / page * page;
    void* mapping = mmap(nullptr, usable + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED) return NoMemory();
    auto* bottom = static_cast<std::byte*>(mapping) + page;
    if (mprotect(bottom, usable, PROT_READ | PROT_WRITE) != 0) {
      munmap(mapping, usable + page);
      return NoMemory();
    }
    mapping_ = mapping;
    size_ = usable + page;
    stack_.ss_sp = bottom;
    stack_.ss_size = usable;
    return stack_;
  }

 private:
  static std::unexpected<Error> NoMemory() {
    return Fail(ErrorKind::kOutOfMemory,
                "no memory for the stack on which this thread handles a guest's traps" + MapCountNote());
  }

  void* mapping_ = nullptr;
  size_t size_ = 0;
  stack_t stack_ = {};
};

thread_local AlternateStack alternate_stack;

// True where one of them was blocked.
bool UnblockOurSignals() {
  constexpr auto kBit = [](int signal) { return uint64_t{1} << (signal - 1); };
  constexpr uint64_t kFaults = kBit(SIGSEGV) | kBit(SIGBUS) | kBit(SIGILL) | kBit(SIGFPE) | kBit(SIGTRAP);
  // Of the kernel itself: glibc's set is sixteen times as long, and sanitizers keep account of it.
  const uint64_t ours = kFaults | kBit(InterruptionSignal());
  uint64_t before = 0;
  syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &ours, &before, sizeof(ours));
  return (before & ours) != 0;
}

void NoteRange(const stack_t& stack) {
  thread_state.alternate_low = reinterpret_cast<uintptr_t>(stack.ss_sp);
  thread_state.alternate_high = thread_state.alternate_low + stack.ss_size;
}

// The alternate stack, where the thread has none or one that is too small.
Result<void> LookAtStack() {
  if (thread_state.is_lent) return {};
  GUARDC_TRY(stack_t current, QueryStack());
  thread_state.is_too_small = false;
  if (IsNone(current)) {
    GUARDC_TRY(current, alternate_stack.Get());
    if (sigaltstack(&current, nullptr) != 0) return Fail(ErrorKind::kInternal, "cannot set the alternate stack");
  } else if (current.ss_size < SmallestFrame() + kHandlerSize) {
    GUARDC_CHECK(alternate_stack.Get());
    thread_state.is_too_small = true;
  }
  NoteRange(current);
  return {};
}

Result<void> LookAtAll(int64_t now) {
  if (thread_state.process_generation != process_generation.load(std::memory_order_relaxed)) {
    static const int registered = pthread_atfork(nullptr, nullptr, [] { process_generation.fetch_add(1); });
    static_cast<void>(registered);
    thread_state.tid = static_cast<int>(syscall(SYS_gettid));
    thread_state.process_generation = process_generation.load(std::memory_order_relaxed);
  }
  GUARDC_CHECK(LookAtStack());
  GUARDC_CHECK(EnsureHandlers());
  thread_state.looked_at = now;
  return {};
}

}  // namespace

Result<void> PrepareThread() {
  const int64_t now = std::chrono::nanoseconds(Clock::now().time_since_epoch()).count();
  const bool was_blocked = UnblockOurSignals();
  if (was_blocked || now - thread_state.looked_at > kLookNanoseconds ||
      thread_state.process_generation != process_generation.load(std::memory_order_relaxed)) {
    GUARDC_CHECK(LookAtAll(now));
  } else {
    GUARDC_CHECK(EnsureHandler(SIGSEGV));
  }
  const auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  if (here >= thread_state.alternate_low && here < thread_state.alternate_high) {
    return Fail(ErrorKind::kUnsupported,
                "a guest cannot be called from within a signal handler that runs on the alternate stack: the next "
                "signal would overwrite it; call from ordinary code, or install that handler without SA_ONSTACK");
  }
  return {};
}

void LentStack::LendOurs() {
  const Result<stack_t> ours = alternate_stack.Get();  // made by LookAtStack
  if (thread_state.is_lent || !ours || sigaltstack(&*ours, &theirs_) != 0) return;
  NoteRange(*ours);
  is_lent_ = thread_state.is_lent = true;
}

void LentStack::PutTheirsBack() {
  theirs_.ss_flags = 0;
  sigaltstack(&theirs_, nullptr);
  NoteRange(theirs_);
  is_lent_ = thread_state.is_lent = false;
}

}  // namespace guardc::trap
