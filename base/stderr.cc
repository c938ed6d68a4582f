#include "base/stderr.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <utility>

#include "base/bounded_write.h"
#include "base/log.h"
#include "guardc/call.h"
#include "guardc/log.h"

namespace guardc {
namespace {

constinit thread_local const StderrBound* current_bound = nullptr;
constinit thread_local bool is_telling = false;  // our own line of a loss is none

log::Logger& StderrLog() {
  static log::Logger& log = log::Logger::Make("base:stderr");
  return log;
}

struct Shared {
  // One write at a time, so that long lines stay whole. No mutex: after a fork nobody would give it back, and what
  // holds it may wait for a reader.
  std::atomic<bool> is_writing = false;
  std::atomic<bool> is_stuck = false;
  std::atomic<uint64_t> lost_writes = 0;
  std::atomic<uint64_t> lost_bytes = 0;
  bool is_torn = false;  // the last that went out was the beginning of something
  OutputLoss told;       // the loss up to which base:stderr has spoken
};

// Never destroyed: threads may write while the process ends.
Shared& TheShared() {
  static Shared& shared = *new Shared;
  return shared;
}

// The turn to write, which is only waited for while `may_wait` says so.
class Turn {
 public:
  Turn(std::atomic<bool>& is_writing, const std::function<bool()>& may_wait) : is_writing_(is_writing) {
    // A write takes some microseconds, unless it waits for the reader.
    for (int i = 0; !(is_mine_ = !is_writing.exchange(true, std::memory_order_acquire)) && may_wait(); ++i) {
      if (i < 20) {
        sched_yield();
      } else {
        std::this_thread::sleep_for(std::chrono::microseconds(200));
      }
    }
  }
  ~Turn() { Pass(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  explicit operator bool() const { return is_mine_; }
  void Pass() {
    if (std::exchange(is_mine_, false)) is_writing_.store(false, std::memory_order_release);
  }

 private:
  std::atomic<bool>& is_writing_;
  bool is_mine_ = false;
};

void Lose(Shared& shared, size_t bytes) {
  if (is_telling) return;
  ++shared.lost_writes;
  shared.lost_bytes += bytes;
  if (shared.is_stuck.exchange(true)) return;
  // Reaches a log that goes elsewhere; on stderr itself it is dropped like the rest.
  is_telling = true;
  StderrLog().Write(log::Level::kError, "stderr has no reader, or one that does not read: what goes there is dropped");
  is_telling = false;
}

// What to tell now that stderr takes bytes; "" where nothing is untold. In one's turn.
std::string TakeUntold(Shared& shared) {
  const OutputLoss now = StderrLoss();
  const OutputLoss told = std::exchange(shared.told, now);
  if (now.writes == told.writes) return "";
  return std::to_string(now.bytes - told.bytes) + " bytes in " + std::to_string(now.writes - told.writes) +
         " writes to stderr were dropped: nobody read them";
}

}  // namespace

StderrBound::StderrBound(std::function<bool()> may_wait) : may_wait_(std::move(may_wait)), outer_(current_bound) {
  current_bound = this;
}
StderrBound::~StderrBound() { current_bound = outer_; }

bool StderrMayWait() {
  for (const StderrBound* bound = current_bound; bound != nullptr; bound = bound->outer_) {
    if (!bound->may_wait_()) return false;
  }
  return true;
}

void WriteToStderr(std::string_view bytes, std::chrono::milliseconds patience) noexcept {
  if (bytes.empty()) return;
  try {
    Shared& shared = TheShared();
    const Clock::time_point give_up = Clock::now() + patience;
    const auto may_wait = [&] { return !shared.is_stuck && Clock::now() < give_up && StderrMayWait(); };
    Turn turn(shared.is_writing, may_wait);
    if (!turn) {
      Lose(shared, bytes.size());
      return;
    }
    Written written;
    if (shared.is_torn) written = BoundedWrite(STDERR_FILENO, "\n", may_wait);
    if (written.error == 0) {
      shared.is_torn = false;
      written = BoundedWrite(STDERR_FILENO, bytes, may_wait);
    }
    if (written.error != 0) {
      const bool is_begun = written.size > 0 && !shared.is_torn;
      if (is_begun) shared.is_torn = bytes[written.size - 1] != '\n';
      const size_t lost = bytes.size() - (is_begun ? written.size : 0);
      turn.Pass();
      Lose(shared, lost);
      return;
    }
    shared.is_stuck = false;
    const std::string untold = TakeUntold(shared);
    turn.Pass();
    if (!untold.empty()) StderrLog().Write(log::Level::kError, untold);
  } catch (...) {
    // A line that cannot be written must not end a call.
  }
}

OutputLoss StderrLoss() {
  const Shared& shared = TheShared();
  return {shared.lost_writes, shared.lost_bytes};
}

}  // namespace guardc
