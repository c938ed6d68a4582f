// What a thread needs before it enters guest code: an alternate signal stack and our signals unblocked.
#pragma once

#include <atomic>
#include <cstdint>

namespace guardc::trap {

struct ThreadState {
  uint32_t process_generation = 0;  // of the process for which `tid` is right; 0: not set up
  int tid = 0;
};

// Counts forks, from 1: a child's only thread has a new id.
extern std::atomic<uint32_t> process_generation;
extern constinit thread_local ThreadState thread_state;

void SetUpThread();

// The thread's id. Sets the thread up where that has not happened yet.
inline int EnsureThread() {
  if (thread_state.process_generation != process_generation.load(std::memory_order_relaxed)) SetUpThread();
  return thread_state.tid;
}

}  // namespace guardc::trap
