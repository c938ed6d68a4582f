#include "runtime/call/call_control.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>

#include "runtime/trap/thread_setup.h"
#include "runtime/trap/trap_handler.h"

namespace guardc {

bool CallIsInterrupted() {
  bool interrupted = false;
  for (Activation* a = guardc_current_activation; a != nullptr; a = a->outer) {
    if (a->interrupted.load(std::memory_order_acquire) != 0) {
      interrupted = true;
      continue;
    }
    InterruptReason reason = InterruptReason::kNone;
    if (a->options->deadline && *a->options->deadline <= Clock::now()) reason = InterruptReason::kDeadline;
    if (a->options->stop.stop_requested()) reason = InterruptReason::kCancelled;
    if (reason == InterruptReason::kNone) continue;
    // Seen here before the watcher or the stop callback came to it: the call is to end all the same when the host
    // function that asks returns.
    a->request.Request(a->request.word(), reason);
    interrupted = true;
  }
  return interrupted;
}

bool SleepUntilInterrupted(Clock::time_point until) {
  Clock::time_point deadline = Clock::time_point::max();
  for (const Activation* a = guardc_current_activation; a != nullptr; a = a->outer) {
    if (a->options->deadline) deadline = std::min(deadline, *a->options->deadline);
  }
  // The kick is what ends the sleep early. Blocked between the test of the flag and ppoll, which lets it in.
  sigset_t kick, before;
  sigemptyset(&kick);
  sigaddset(&kick, trap::InterruptionSignal());
  sigaddset(&kick, trap::kSpareKickSignal);
  pthread_sigmask(SIG_BLOCK, &kick, &before);
  sigset_t while_asleep = before;
  sigdelset(&while_asleep, trap::InterruptionSignal());
  sigdelset(&while_asleep, trap::kSpareKickSignal);
  bool interrupted = false;
  for (;;) {
    interrupted = CallIsInterrupted();
    const Clock::time_point now = Clock::now();
    // A deadline that has passed only now is an interruption, not the end of the sleep: the next look finds it.
    if (interrupted || now >= until) break;
    const auto left =
        std::chrono::nanoseconds(std::max(std::min(until, deadline) - now, Clock::duration::zero())).count();
    const timespec time = {.tv_sec = static_cast<time_t>(left / 1'000'000'000), .tv_nsec = left % 1'000'000'000};
    ppoll(nullptr, 0, &time, &while_asleep);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return !interrupted;
}

Result<void> ActiveCall::Resume() { return trap::PrepareThread(); }

CallOptions ActiveCall::Options() const {
  CallOptions out;
  for (const Activation* a = guardc_current_activation; a != nullptr; a = a->outer) {
    const CallOptions& options = *a->options;
    if (options.deadline) out.deadline = out.deadline ? std::min(*out.deadline, *options.deadline) : *options.deadline;
    if (!out.stop.stop_possible()) out.stop = options.stop;
    if (out.request_id.empty()) out.request_id = options.request_id;
  }
  return out;
}

}  // namespace guardc
