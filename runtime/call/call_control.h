// What host functions may ask of the calls that are active on this thread.
#pragma once

#include "guardc/call.h"
#include "runtime/host/host_functions.h"
#include "runtime/trap/activation.h"

namespace guardc {

// Whether the innermost activation of this thread is to end: its own request or one for an activation around it. What
// it answers comes true: a deadline that has passed by now ends the call at the return to the guest.
bool CallIsInterrupted();

// Sleeps until `until` or until the call is interrupted; false if interrupted.
bool SleepUntilInterrupted(Clock::time_point until);

// In HostState::control while its instance's Store runs a call.
class ActiveCall final : public CallControl {
 public:
  bool Interrupted() const override { return CallIsInterrupted(); }
  Result<void> Resume() override;
  bool SleepUntil(Clock::time_point until) override { return SleepUntilInterrupted(until); }
  // The earliest deadline and the innermost stop token of the activations on this thread.
  CallOptions Options() const override;
};

}  // namespace guardc
