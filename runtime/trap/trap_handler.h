// Signals: what the process needs once, and the kick.
#pragma once

#include <signal.h>

#include "guardc/result.h"

namespace guardc::trap {

// Sees to it that the handlers are ours (TRAP-6): installs them at the first use (never in a constructor: a Go runtime
// must have started before), and takes the place of what somebody else has put there since, which is called for what is
// not ours. kUnsupported where the process uses shadow stacks, or where handlers change without end. Thread-safe.
[[nodiscard]] Result<void> EnsureHandlers();
// The same for one of our signals.
[[nodiscard]] Result<void> EnsureHandler(int signal);

// As chosen by SetInterruptionSignal() of guardc/instance.h.
int InterruptionSignal();

// Where a kick cannot be queued, this one is sent.
inline constexpr int kSpareKickSignal = SIGFPE;

// Sends the signal of interruption to a thread of this process, or the spare one where the system refuses: too many
// real-time signals are queued. False where the thread is gone.
bool Kick(int tid);

}  // namespace guardc::trap
