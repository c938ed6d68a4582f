// What a thread needs before it enters guest code: our signals unblocked, handlers that are ours (TRAP-6), and an
// alternate stack for them.
#pragma once

#include <signal.h>

#include <atomic>
#include <cstdint>

#include "guardc/result.h"

namespace guardc::trap {

struct ThreadState {
  uint32_t process_generation = 0;  // of the process for which `tid` is right; 0: not set up
  int tid = 0;
  int64_t looked_at = 0;        // of Clock, in nanoseconds: when all of it was looked at last
  uintptr_t alternate_low = 0;  // [alternate_low, alternate_high): the thread's alternate stack, when it was looked at
  uintptr_t alternate_high = 0;
  bool is_too_small = false;  // the host's alternate stack is, and ours is lent for the time of a call
  bool is_lent = false;       // ours is there now
};

// Counts forks, from 1: a child's only thread has a new id.
extern std::atomic<uint32_t> process_generation;
extern constinit thread_local ThreadState thread_state;

// Before each call into a guest, and after code of the embedder's own ran within one. Two system calls, for the mask
// and for SIGSEGV, which everybody takes who takes a fault at all; the rest is looked at when these have changed, or
// when 20 microseconds have passed. kUnsupported within a signal handler that runs on the alternate stack, where
// another signal would overwrite it, and where the handlers cannot be ours; kOutOfMemory.
[[nodiscard]] Result<void> PrepareThread();
// The thread's id, right after PrepareThread().
inline int ThreadId() { return thread_state.tid; }

// While a guest runs on a thread whose own alternate stack is too small for the registers of this CPU, ours is there.
class LentStack {
 public:
  LentStack() = default;
  ~LentStack() { TakeBack(); }
  LentStack(const LentStack&) = delete;
  LentStack& operator=(const LentStack&) = delete;
  void Lend() {
    if (thread_state.is_too_small) [[unlikely]]
      LendOurs();
  }
  void TakeBack() {
    if (is_lent_) [[unlikely]]
      PutTheirsBack();
  }

 private:
  void LendOurs();
  void PutTheirsBack();
  bool is_lent_ = false;
  stack_t theirs_ = {};
};

}  // namespace guardc::trap
