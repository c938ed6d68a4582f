// A stretch of calls into one instance under one set of bounds: a label call allocates, labels and frees, and arms its
// deadline once for all of it. INT-1 holds over the whole stretch: from the first entry to the end the activation is
// this thread's innermost, and a request that comes between two entries is found by the next.
#pragma once

#include <optional>
#include <stop_token>

#include "artifact/abi.h"
#include "guardc/call.h"
#include "guardc/instance.h"
#include "guardc/result.h"
#include "runtime/call/call_control.h"
#include "runtime/trap/thread_setup.h"

namespace guardc {

// On one thread, and in the reverse order of their beginnings, as objects on a stack are.
class GuestRun {
 public:
  // `call` outlives the run. Nothing happens before the first entry.
  GuestRun(Instance::Impl& instance, const CallOptions& call) : instance_(instance), call_(call) {}
  ~GuestRun() {
    if (is_begun_) End();
  }
  GuestRun(const GuestRun&) = delete;
  GuestRun& operator=(const GuestRun&) = delete;

  // Runs `entry(context, code, values)` on the instance's stack. What ends the guest ends the run; a later entry begins
  // anew, where the instance has not failed.
  [[nodiscard]] Result<void> Enter(abi::EntryFn entry, const void* code, abi::Value* values);

  const CallOptions& call() const { return call_; }

 private:
  struct StopRequest {
    InterruptRecord* record;
    uint64_t word;
    void operator()() const { record->RequestAndFollow(word, InterruptReason::kCancelled); }
  };

  Result<void> Begin();
  void End();
  InterruptReason ReasonNow() const;

  Instance::Impl& instance_;
  const CallOptions& call_;
  bool is_begun_ = false;
  bool is_armed_ = false;
  std::optional<std::stop_callback<StopRequest>> on_stop_;
  ActiveCall control_;
  trap::LentStack alternate_stack_;
  CallControl* control_before_ = nullptr;  // the same for all hosts of a Store
};

}  // namespace guardc
