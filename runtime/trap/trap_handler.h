// Signals: what the process needs once, and the kick.
#pragma once

#include "guardc/result.h"

namespace guardc::trap {

// Installs the handlers, once per process, at the first use (never in a constructor: a Go runtime must have started
// before). kUnsupported where the process uses shadow stacks.
[[nodiscard]] Result<void> InstallHandlers();

// As chosen by SetInterruptionSignal() of guardc/instance.h.
int InterruptionSignal();

// Sends the signal of interruption to a thread of this process. False where the system refuses: too many real-time
// signals are queued.
bool Kick(int tid);

}  // namespace guardc::trap
