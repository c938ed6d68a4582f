// Once per thread. Without an alternate stack memory faults still become traps (they are handled on the guest's stack),
// but a used-up guest stack ends the process: the kernel has nowhere to put the handler's frame.
#include "runtime/trap/thread_setup.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>

#include "runtime/trap/trap_handler.h"

namespace guardc::trap {

std::atomic<uint32_t> process_generation = 1;
constinit thread_local ThreadState thread_state;

namespace {

class AlternateStack {
 public:
  AlternateStack() = default;
  ~AlternateStack() {
    if (mapping_ == nullptr) return;
    // Disabled before it is unmapped, and only if it is still ours.
    stack_t current;
    if (sigaltstack(nullptr, &current) == 0 && current.ss_sp == usable_) {
      stack_t none = {};
      none.ss_flags = SS_DISABLE;
      sigaltstack(&none, nullptr);
    }
    munmap(mapping_, size_);
  }
  AlternateStack(const AlternateStack&) = delete;
  AlternateStack& operator=(const AlternateStack&) = delete;

  // Never replaces another's.
  void EnsureOne() {
    stack_t current;
    if (sigaltstack(nullptr, &current) != 0 || (current.ss_flags & SS_DISABLE) == 0) return;
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t minimum = static_cast<size_t>(std::max(sysconf(_SC_MINSIGSTKSZ), 0L)) + 16384;
    const size_t usable = (std::max<size_t>(65536, minimum) + page - 1) / page * page;
    void* mapping = mmap(nullptr, usable + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED) return;
    auto* bottom = static_cast<std::byte*>(mapping) + page;
    stack_t stack = {};
    stack.ss_sp = bottom;
    stack.ss_size = usable;
    if (mprotect(bottom, usable, PROT_READ | PROT_WRITE) != 0 || sigaltstack(&stack, nullptr) != 0) {
      munmap(mapping, usable + page);
      return;
    }
    if (mapping_ != nullptr) munmap(mapping_, size_);
    mapping_ = mapping;
    usable_ = bottom;
    size_ = usable + page;
  }

 private:
  void* mapping_ = nullptr;
  void* usable_ = nullptr;
  size_t size_ = 0;
};

thread_local AlternateStack alternate_stack;

void UnblockOurSignals() {
  sigset_t ours;
  sigemptyset(&ours);
  for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, InterruptionSignal()}) sigaddset(&ours, signal);
  pthread_sigmask(SIG_UNBLOCK, &ours, nullptr);
}

}  // namespace

void SetUpThread() {
  static const int registered = pthread_atfork(nullptr, nullptr, [] { process_generation.fetch_add(1); });
  static_cast<void>(registered);
  alternate_stack.EnsureOne();
  UnblockOurSignals();
  thread_state.tid = static_cast<int>(syscall(SYS_gettid));
  thread_state.process_generation = process_generation.load(std::memory_order_relaxed);
}

}  // namespace guardc::trap
