// The callers of one guard, one after the other, in the order in which they came.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "guardc/call.h"
#include "guardc/result.h"

namespace guardc {

class CallQueue {
 public:
  // Returns when it is the caller's turn, which ends with Leave(). Until then a stop request, the deadline or Close()
  // ends the wait: kCancelled, kDeadline, kClosed. kInvalidArgument when the turn is this thread's already (a backend
  // that calls the guard that called it), which could only end in a wait for itself.
  [[nodiscard]] Result<void> Enter(const CallOptions& call);
  void Leave();

  // Turns waiting callers away and waits for the running one. The same kInvalidArgument.
  [[nodiscard]] Result<void> Close();

  // How many callers wait for their turn.
  size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return waiters_.size();
  }

 private:
  struct Waiter {
    std::condition_variable_any wake;
    bool has_turn = false;
  };

  mutable std::mutex mutex_;
  std::condition_variable idle_;
  std::list<Waiter*> waiters_;
  bool is_busy_ = false;
  bool is_closed_ = false;
  std::thread::id runner_;
};

}  // namespace guardc
