// The requesting side of interruption, and the thread that watches deadlines. The answering side is in trap_handler.cc.
#include "runtime/trap/interrupt.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/map_count.h"
#include "runtime/trap/trap_handler.h"

namespace guardc {

namespace {

using State = InterruptRecord::State;

constexpr uint64_t kStateMask = InterruptRecord::kStateMask;
constexpr int64_t kNever = InterruptRecord::kNever;
// Between a missed kick and the next one, and between two looks at a kick that is under way.
constexpr int64_t kRetryNanoseconds = 20'000;
constexpr int64_t kFollowNanoseconds = 100'000;
// Where calls are short, none may be running when the watcher looks. It looks once more after this time before it
// sleeps for good, so that calls in quick succession do not have to wake it one by one.
constexpr int64_t kLingerNanoseconds = 10'000'000;
constexpr int64_t kNow = std::numeric_limits<int64_t>::min();

bool IsBlockedHere() {
  sigset_t mask;
  return pthread_sigmask(SIG_BLOCK, nullptr, &mask) == 0 && sigismember(&mask, trap::InterruptionSignal()) == 1;
}
int64_t NowNanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
}

}  // namespace

// One per process, never destroyed: its thread runs until the process ends.
class Watcher {
 public:
  static Watcher& Get() {
    static Watcher* const watcher = [] {
      auto* w = new Watcher;
      pthread_atfork([] { Get().mutex_.lock(); }, [] { Get().mutex_.unlock(); }, [] { Get().AfterForkInChild(); });
      return w;
    }();
    return *watcher;
  }

  Result<void> Register(InterruptRecord* record) {
    const std::lock_guard lock(mutex_);
    if (!is_running_) {
      // The watcher must not run the process's signal handlers.
      sigset_t all, old;
      sigfillset(&all);
      pthread_sigmask(SIG_SETMASK, &all, &old);
      try {
        std::thread([this] { Run(); }).detach();
        is_running_ = true;
      } catch (const std::system_error&) {
      } catch (const std::bad_alloc&) {
      }
      pthread_sigmask(SIG_SETMASK, &old, nullptr);
      if (!is_running_) {
        const std::string note = MapCountNote();
        return Fail(
            ErrorKind::kOutOfMemory,
            "cannot start the thread that watches deadlines: the system refuses another thread" +
                (note.empty() ? " (ulimit -u, the container's limit of processes, or a seccomp filter): allow one "
                                "more, or call without a deadline, a timeout and a stop token"
                              : note));
      }
    }
    if (!record->is_registered_) {
      records_.push_back(record);
      record->is_registered_ = true;
    }
    return {};
  }

  void Unregister(InterruptRecord* record) {
    const std::lock_guard lock(mutex_);
    std::erase(records_, record);
    record->is_registered_ = false;
  }

  // Makes the watcher look at all records now.
  void Poke() {
    const std::lock_guard lock(mutex_);
    is_poked_ = true;
    next_wake_.store(kNow, std::memory_order_seq_cst);  // until it has looked, others need not poke as well
    wake_.notify_one();
  }

  // Whether the watcher thread lives in this process (not after a fork).
  bool is_running() const { return is_running_.load(std::memory_order_acquire); }

  bool SleepsBeyond(int64_t deadline) const { return deadline < next_wake_.load(std::memory_order_seq_cst); }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    // Whether a call has poked since the last time that it stayed awake for the next one.
    bool lingers = false;
    for (;;) {
      if (std::exchange(is_poked_, false)) lingers = true;
      int64_t until = Scan();
      if (until == kNever && std::exchange(lingers, false)) until = NowNanoseconds() + kLingerNanoseconds;
      next_wake_.store(until, std::memory_order_seq_cst);
      // An Arm() that compared against the old value has stored its deadline before: this second look sees it.
      if (Scan() < until) continue;
      const auto poked = [this] { return is_poked_; };
      if (until == kNever) {
        wake_.wait(lock, poked);
      } else {
        wake_.wait_until(lock, Clock::time_point(std::chrono::nanoseconds(until)), poked);
      }
    }
  }

  // Requests what is due, repeats what was missed; when to look again.
  int64_t Scan() {
    const int64_t now = NowNanoseconds();
    int64_t wake = kNever;
    for (InterruptRecord* record : records_) {
      // The deadline that is read belongs to this word's generation or to a later one; in the latter case Request finds
      // the word changed and does nothing.
      const uint64_t word = record->word_.load(std::memory_order_seq_cst);
      const int64_t deadline = record->deadline_.load(std::memory_order_seq_cst);
      switch (InterruptRecord::StateOf(word)) {
        case State::kRunning:
          if (deadline <= now) {
            record->Request(word, InterruptReason::kDeadline);
            wake = std::min(wake, now + kRetryNanoseconds);
          } else {
            wake = std::min(wake, deadline);
          }
          break;
        case State::kMissed:
          record->Send(word);
          wake = std::min(wake, now + kRetryNanoseconds);
          break;
        case State::kSending:
        case State::kSent:
          wake = std::min(wake, now + kFollowNanoseconds);
          break;
        case State::kReady:
        case State::kKicked:
          break;
      }
    }
    return wake;
  }

  void AfterForkInChild() {
    // The thread is gone; what it waited on may be in any state.
    new (&wake_) std::condition_variable;
    is_running_ = false;
    next_wake_ = kNever;
    mutex_.unlock();
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<InterruptRecord*> records_;
  bool is_poked_ = false;
  std::atomic<bool> is_running_ = false;
  std::atomic<int64_t> next_wake_ = kNever;
};

InterruptRecord::~InterruptRecord() {
  if (is_registered_) Watcher::Get().Unregister(this);
}

Result<void> InterruptRecord::Arm(std::atomic<uint32_t>* flag, int tid, std::optional<Clock::time_point> deadline) {
  Watcher& watcher = Watcher::Get();
  if (!is_registered_ || !watcher.is_running()) GUARDC_CHECK(watcher.Register(this));
  const int64_t nanoseconds =
      deadline ? std::chrono::duration_cast<std::chrono::nanoseconds>(deadline->time_since_epoch()).count() : kNever;
  reason_.store(InterruptReason::kNone, std::memory_order_relaxed);
  flag_.store(flag, std::memory_order_relaxed);
  tid_.store(tid, std::memory_order_relaxed);
  deadline_.store(nanoseconds, std::memory_order_relaxed);
  const uint64_t next = With(word_.load(std::memory_order_relaxed) + kStateMask + 1, kRunning);
  word_.store(next, std::memory_order_seq_cst);
  if (watcher.SleepsBeyond(nanoseconds)) watcher.Poke();
  return {};
}

void InterruptRecord::Disarm() {
  uint64_t word = With(word_.load(std::memory_order_relaxed), kRunning);
  if (word_.compare_exchange_strong(word, With(word, kReady), std::memory_order_seq_cst)) return;
  // Somebody has requested. Wait for the kick, so that it cannot reach what this thread does next; each system call
  // lets a pending signal in. A thread on which the signal is blocked will not get it.
  const auto is_answered = [this] {
    return senders_.load(std::memory_order_acquire) == 0 &&
           StateOf(word_.load(std::memory_order_acquire)) == State::kKicked;
  };
  for (int i = 0; i < 20 && !is_answered(); ++i) sched_yield();
  while (!is_answered() && !(senders_.load(std::memory_order_acquire) == 0 && IsBlockedHere())) {
    const timespec pause = {.tv_sec = 0, .tv_nsec = kRetryNanoseconds};
    nanosleep(&pause, nullptr);
  }
  word_.store(With(word, kReady), std::memory_order_seq_cst);
}

void InterruptRecord::Request(uint64_t word, InterruptReason reason) {
  // Counted before the word is taken: Disarm() waits for the count, so the thread cannot end under the signal.
  senders_.fetch_add(1, std::memory_order_acq_rel);
  uint64_t expected = With(word, kRunning);
  if (word_.compare_exchange_strong(expected, With(word, kSending), std::memory_order_seq_cst)) {
    reason_.store(reason, std::memory_order_relaxed);
    flag_.load(std::memory_order_relaxed)->store(1, std::memory_order_seq_cst);
    KickAndTell(word);
  }
  senders_.fetch_sub(1, std::memory_order_acq_rel);
}

void InterruptRecord::KickAndTell(uint64_t word) {
  const bool sent = trap::Kick(tid_.load(std::memory_order_relaxed));
  uint64_t expected = With(word, kSending);
  // Fails where the handler has answered already.
  word_.compare_exchange_strong(expected, With(word, sent ? kSent : kMissed), std::memory_order_acq_rel);
}

void InterruptRecord::Send(uint64_t word) {
  senders_.fetch_add(1, std::memory_order_acq_rel);
  uint64_t expected = With(word, kMissed);
  if (word_.compare_exchange_strong(expected, With(word, kSending), std::memory_order_seq_cst)) {
    KickAndTell(word);
  }
  senders_.fetch_sub(1, std::memory_order_acq_rel);
}

void InterruptRecord::RequestAndFollow(uint64_t word, InterruptReason reason) {
  Request(word, reason);
  for (int i = 0; i < 20; ++i) {
    const uint64_t now = word_.load(std::memory_order_acquire);
    if ((now & ~kStateMask) != (word & ~kStateMask) || StateOf(now) == State::kKicked ||
        StateOf(now) == State::kReady) {
      return;
    }
    sched_yield();
  }
  Watcher::Get().Poke();
}

}  // namespace guardc
