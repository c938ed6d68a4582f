// What bounds one call: deadline, stop token, and the name under which it is logged.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string_view>

namespace guardc {

using Clock = std::chrono::steady_clock;

struct CallOptions {
  std::optional<Clock::time_point> deadline;  // then the call fails with kDeadline
  std::stop_token stop;                       // when it is requested, the call fails with kCancelled
  std::string_view request_id;                // joins the guard's log lines with the caller's request
};

}  // namespace guardc
