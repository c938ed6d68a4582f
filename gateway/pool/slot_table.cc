#include "gateway/pool/slot_table.h"

#include <sched.h>

namespace guardc {
namespace {

Error ClosedError() { return {ErrorKind::kClosed, "the guard was closed"}; }

}  // namespace

bool SlotTable::TryTake(size_t index) {
  std::atomic<bool>& is_taken = slots_[index].is_taken;
  return !is_taken.load(std::memory_order_seq_cst) && !is_taken.exchange(true, std::memory_order_seq_cst);
}

size_t SlotTable::FindFree() {
  const int processor = sched_getcpu();
  const size_t home = processor < 0 ? 0 : static_cast<size_t>(processor) % count_;
  for (size_t i = home; i < count_; ++i) {
    if (TryTake(i)) return i;
  }
  for (size_t i = 0; i < home; ++i) {
    if (TryTake(i)) return i;
  }
  return kNone;
}

Result<size_t> SlotTable::Take(const CallOptions& call) {
  if (is_closed_.load(std::memory_order_acquire)) return std::unexpected(ClosedError());
  // Who waits is served first.
  if (waiting_.load(std::memory_order_relaxed) == 0) {
    if (const size_t found = FindFree(); found != kNone) return found;
  }

  std::unique_lock lock(mutex_);
  if (is_closed_) return std::unexpected(ClosedError());
  // Counted before the last look: a slot that is returned after it is handed on.
  waiting_.fetch_add(1, std::memory_order_seq_cst);
  if (waiters_.empty()) {
    if (const size_t found = FindFree(); found != kNone) {
      waiting_.fetch_sub(1, std::memory_order_seq_cst);
      return found;
    }
  }
  Waiter self;
  const auto place = waiters_.insert(waiters_.end(), &self);
  const auto done = [&] { return self.slot != kNone || is_closed_.load(std::memory_order_relaxed); };
  if (call.deadline) {
    self.wake.wait_until(lock, call.stop, *call.deadline, done);
  } else {
    self.wake.wait(lock, call.stop, done);
  }
  waiting_.fetch_sub(1, std::memory_order_seq_cst);
  if (self.slot != kNone) return self.slot;
  waiters_.erase(place);
  if (is_closed_) return std::unexpected(ClosedError());
  if (call.stop.stop_requested()) return Fail(ErrorKind::kCancelled, "cancelled by the caller, waiting for its turn");
  return Fail(ErrorKind::kDeadline, "the deadline has passed, waiting for its turn");
}

void SlotTable::Return(size_t index) {
  if (waiting_.load(std::memory_order_seq_cst) == 0) {
    slots_[index].is_taken.store(false, std::memory_order_seq_cst);
    // Somebody may have begun to wait before that store, and have looked at this slot: then it is handed on, unless
    // another has taken it meanwhile, who will see to it.
    if (waiting_.load(std::memory_order_seq_cst) == 0 || !TryTake(index)) return;
  }
  HandOn(index);
}

void SlotTable::HandOn(size_t index) {
  const std::lock_guard lock(mutex_);
  if (!waiters_.empty() && !is_closed_) {
    Waiter* next = waiters_.front();
    waiters_.pop_front();
    next->slot = index;
    next->wake.notify_one();  // under the lock: the waiter may be gone after it
    return;
  }
  slots_[index].is_taken.store(false, std::memory_order_seq_cst);
  returned_.notify_all();
}

void SlotTable::Close() {
  std::unique_lock lock(mutex_);
  if (is_closed_) {
    returned_.wait(lock, [&] { return is_empty_; });
    return;
  }
  is_closed_.store(true, std::memory_order_seq_cst);
  for (Waiter* waiter : waiters_) waiter->wake.notify_one();
  // Counts as waiting, so that slots come back through HandOn().
  waiting_.fetch_add(1, std::memory_order_seq_cst);
  for (size_t i = 0; i < count_; ++i) returned_.wait(lock, [&] { return TryTake(i); });
  is_empty_ = true;
  returned_.notify_all();
}

}  // namespace guardc
