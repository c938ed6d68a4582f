#include "runtime/label/call_queue.h"

namespace guardc {
namespace {

Error ClosedError() { return {ErrorKind::kClosed, "the guard was closed"}; }

Error ReentryError() {
  return {ErrorKind::kInvalidArgument,
          "the guard is running on this very thread: its backend or log must not call it, nor close it"};
}

}  // namespace

Result<void> CallQueue::Enter(const CallOptions& call) {
  std::unique_lock lock(mutex_);
  if (is_closed_) return std::unexpected(ClosedError());
  if (!is_busy_) {
    is_busy_ = true;
    runner_ = std::this_thread::get_id();
    return {};
  }
  if (runner_ == std::this_thread::get_id()) return std::unexpected(ReentryError());

  Waiter self;
  const auto place = waiters_.insert(waiters_.end(), &self);
  const auto done = [&] { return self.has_turn || is_closed_; };
  if (call.deadline) {
    self.wake.wait_until(lock, call.stop, *call.deadline, done);
  } else {
    self.wake.wait(lock, call.stop, done);
  }
  if (self.has_turn) {
    runner_ = std::this_thread::get_id();
    return {};
  }
  waiters_.erase(place);
  if (is_closed_) return std::unexpected(ClosedError());
  if (call.stop.stop_requested()) return Fail(ErrorKind::kCancelled, "cancelled by the caller, waiting for its turn");
  return Fail(ErrorKind::kDeadline, "the deadline has passed, waiting for its turn");
}

void CallQueue::Leave() {
  const std::lock_guard lock(mutex_);
  runner_ = {};
  if (waiters_.empty() || is_closed_) {
    is_busy_ = false;
    if (is_closed_) idle_.notify_all();
    return;
  }
  // The turn is handed on, not let go: a new caller cannot overtake. Under the lock, for the waiter may be gone after.
  Waiter* next = waiters_.front();
  waiters_.pop_front();
  next->has_turn = true;
  next->wake.notify_one();
}

Result<void> CallQueue::Close() {
  std::unique_lock lock(mutex_);
  if (is_busy_ && runner_ == std::this_thread::get_id()) return std::unexpected(ReentryError());
  is_closed_ = true;
  for (Waiter* waiter : waiters_) waiter->wake.notify_one();
  idle_.wait(lock, [&] { return !is_busy_; });
  return {};
}

}  // namespace guardc
