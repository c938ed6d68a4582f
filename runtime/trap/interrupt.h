// Deadlines and stop tokens of running calls (INT-1). A request sets the flag in the call's activation, which is the
// truth, and kicks the thread with a signal, which only makes it look (signals-and-stacks.md, "What interruption
// needs").
//
// A thread of its own watches deadlines. It is started at the first call that has one; arming a call costs a few atomic
// stores unless the new deadline is earlier than the time until which that thread sleeps.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>

#include "guardc/call.h"
#include "guardc/result.h"

namespace guardc {

struct Activation;

enum class InterruptReason : uint8_t { kNone, kDeadline, kCancelled };

// The part of an activation that requesters on other threads touch. Registered with the watcher from its first armed
// call until it is destroyed.
class InterruptRecord {
 public:
  // In the low bits of `word`, the generation (one per armed call) above. Only the call's own thread moves kReady ->
  // kRunning -> kReady; a requester takes kRunning -> kSending -> kSent; the handler answers kKicked, or kMissed where
  // a foreign signal handler had interrupted the guest and the kick must be sent again.
  enum State : uint64_t { kReady, kRunning, kSending, kSent, kMissed, kKicked };
  static constexpr uint64_t kStateMask = 7;
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  InterruptRecord() = default;
  ~InterruptRecord();
  InterruptRecord(const InterruptRecord&) = delete;
  InterruptRecord& operator=(const InterruptRecord&) = delete;

  // Before the guest is entered on thread `tid`; `flag` is the activation's. kOutOfMemory when the watcher cannot be
  // started.
  [[nodiscard]] Result<void> Arm(std::atomic<uint32_t>* flag, int tid, std::optional<Clock::time_point> deadline);
  // After the guest was left. When it returns, no signal of this call is under way.
  void Disarm();

  // Value of `word` to request against: the call armed last.
  uint64_t word() const { return word_.load(std::memory_order_relaxed); }
  // From any thread: interrupts the call that `word` names, if it still runs and nobody else did.
  void Request(uint64_t word, InterruptReason reason);
  // The same, and sees to it that the kick arrives.
  void RequestAndFollow(uint64_t word, InterruptReason reason);

  InterruptReason reason() const { return reason_.load(std::memory_order_relaxed); }

  // In the signal handler: is an answer wanted?
  bool IsPending() const {
    const State state = StateOf(word_.load(std::memory_order_acquire));
    return state == State::kSending || state == State::kSent || state == State::kMissed;
  }
  void Acknowledge(bool missed) {
    const uint64_t word = word_.load(std::memory_order_relaxed);
    word_.store(With(word, missed ? kMissed : kKicked), std::memory_order_release);
  }

 private:
  friend class Watcher;
  static uint64_t With(uint64_t word, State state) { return (word & ~kStateMask) | state; }
  static State StateOf(uint64_t word) { return static_cast<State>(word & kStateMask); }
  void Send(uint64_t word);
  void KickAndTell(uint64_t word);

  std::atomic<uint64_t> word_ = kReady;
  std::atomic<int64_t> deadline_ = kNever;  // of Clock, in nanoseconds
  std::atomic<std::atomic<uint32_t>*> flag_ = nullptr;
  std::atomic<int> tid_ = 0;
  std::atomic<int> senders_ = 0;  // threads between taking kSending and the end of their system call
  std::atomic<InterruptReason> reason_ = InterruptReason::kNone;
  bool is_registered_ = false;
};

}  // namespace guardc
