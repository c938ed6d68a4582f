// Who may use which of a fixed number of slots. As long as there are slots for all callers, each touches a cache line
// of its own processor and no lock; only who finds all taken waits in a queue.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>

#include "guardc/call.h"
#include "guardc/result.h"

namespace guardc {

// Two lines: processors fetch them in pairs.
inline constexpr size_t kNoSharing = 128;

class SlotTable {
 public:
  explicit SlotTable(size_t count) : count_(count), slots_(std::make_unique<Slot[]>(count)) {}

  size_t count() const { return count_; }

  // The slot of the processor that runs this thread, or the next one that is free. Where none is, waits for its turn,
  // which a stop request, the deadline or Close() ends: kCancelled, kDeadline, kClosed.
  [[nodiscard]] Result<size_t> Take(const CallOptions& call);
  // That one, if it is free and nobody waits for it.
  bool TryTake(size_t index);
  void Return(size_t index);

  // Turns waiting callers away, waits until all slots are returned, and keeps them.
  void Close();

 private:
  struct alignas(kNoSharing) Slot {
    std::atomic<bool> is_taken = false;
  };
  struct Waiter {
    std::condition_variable_any wake;
    size_t slot = kNone;
  };
  static constexpr size_t kNone = ~size_t{0};

  size_t FindFree();
  void HandOn(size_t index);

  const size_t count_;
  const std::unique_ptr<Slot[]> slots_;
  // Read by all calls, written by those that wait.
  alignas(kNoSharing) std::atomic<size_t> waiting_ = 0;
  std::atomic<bool> is_closed_ = false;
  alignas(kNoSharing) std::mutex mutex_;
  std::list<Waiter*> waiters_;
  std::condition_variable returned_;
  bool is_empty_ = false;  // Close() has all slots
};

}  // namespace guardc
