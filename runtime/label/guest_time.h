// Calls into the guest by the guard layer, timed where somebody wants to know.
#pragma once

#include <chrono>

#include "runtime/call/guest_call.h"
#include "runtime/call/guest_run.h"

namespace guardc {

inline uint64_t NanosecondsSince(Clock::time_point start) {
  return static_cast<uint64_t>(std::chrono::nanoseconds(Clock::now() - start).count());
}

[[nodiscard]] inline Result<void> CallGuest(const GuestFunction& function, abi::Value* values, HostState& host,
                                            GuestRun& run) {
  if (!host.timing.enabled) [[likely]]
    return function.Call(values, host, run);
  const auto start = Clock::now();
  auto result = function.Call(values, host, run);
  host.timing.call_ns += NanosecondsSince(start);
  return result;
}

}  // namespace guardc
