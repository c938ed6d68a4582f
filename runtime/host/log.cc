// env.host_log. Guards call it hundreds of times in a label call, from within `alloc` too, so a level that is off must
// cost no more than the question.
#include "base/stderr.h"
#include "runtime/host/env.h"

namespace guardc::env {
namespace {

void LogLine(const HostState& state, LogLevel level, std::string_view message) {
  try {
    const CallOptions call = state.control == nullptr ? CallOptions() : state.control->Options();
    const StderrBound bound([&state] { return state.control == nullptr || !state.control->Interrupted(); });
    state.log->Log(level, message, call.request_id);
  } catch (...) {
    // A log that fails, or memory for its line, is no reason to end the guard, and nothing may unwind into it.
  }
}

bool Wanted(const HostState& state, LogLevel level) { return state.log != nullptr && state.log->Enabled(level); }

}  // namespace

// (level, message, size): docs/guard-abi.md, 1
TrapCode HostLog(void* self, abi::Value* values) {
  const HostState& state = StateOf(self);
  const uint32_t number = values[0].i32;
  const LogLevel level =
      number <= static_cast<uint32_t>(LogLevel::kError) ? static_cast<LogLevel>(number) : LogLevel::kNone;
  if (!Wanted(state, level)) return TrapCode::kNone;
  const auto message = state.memory.Span(GuestPtr{values[1].i32}, values[2].i32);
  if (!message) {
    DebugLine(state, "host_log: the message is outside memory; dropped");
    return TrapCode::kNone;
  }
  LogLine(state, level, {reinterpret_cast<const char*>(message->data()), message->size()});
  return TrapCode::kNone;
}

void DebugLine(const HostState& state, std::string_view message) {
  if (Wanted(state, LogLevel::kDebug)) LogLine(state, LogLevel::kDebug, message);
}

}  // namespace guardc::env
