// env.call_backend: the guard asks a read-only tool of the backend MCP server (docs/guard-abi.md, 1).
//
//   (tool, tool_size, args, args_size, result, result_capacity) -> i32
//   >= 0  bytes of JSON at `result`
//   -2    the answer is larger than the capacity; if that is 4 or more, the size needed is at `result` (u32, LE)
//   -1    anything else: a pointer outside memory, arguments that are no JSON, the backend's error, no backend, or more
//         calls than the limit in one label call
//
// Every call counts towards the limit, those that fail included: a guard that retries must come to an end.
#include <cstring>
#include <limits>
#include <string>

#include "base/json_check.h"
#include "base/utf8.h"
#include "runtime/host/env.h"

namespace guardc::env {
namespace {

constexpr int32_t kFailed = -1;
constexpr int32_t kTooSmall = -2;

std::string_view Text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

int32_t Fail(const HostState& state, std::string_view reason) {
  DebugLine(state, "call_backend: " + std::string(reason));
  return kFailed;
}

int32_t StoreAnswer(const HostState& state, std::string_view answer, GuestPtr result, uint32_t capacity) {
  if (answer.size() > std::numeric_limits<int32_t>::max()) return Fail(state, "the answer is larger than 2 GiB");
  if (answer.size() > capacity) {
    if (capacity >= sizeof(uint32_t) && !state.memory.Store(result, static_cast<uint32_t>(answer.size()))) {
      return Fail(state, "the result buffer is outside memory");
    }
    return kTooSmall;
  }
  if (answer.empty()) return 0;
  const auto buffer = state.memory.Span(result, answer.size());
  if (!buffer) return Fail(state, "the result buffer is outside memory");
  std::memcpy(buffer->data(), answer.data(), answer.size());
  return static_cast<int32_t>(answer.size());
}

int32_t Call(HostState& state, const abi::Value* values) {
  if (state.backend_calls_left == 0) return Fail(state, "more calls than one label call may make");
  --state.backend_calls_left;
  const auto tool = state.memory.Span(GuestPtr{values[0].i32}, values[1].i32);
  if (!tool) return Fail(state, "the tool's name is outside memory");
  if (!IsUtf8(Text(*tool))) return Fail(state, "the tool's name is not UTF-8");
  std::string_view args = "null";
  if (values[3].i32 != 0) {
    const auto bytes = state.memory.Span(GuestPtr{values[2].i32}, values[3].i32);
    if (!bytes) return Fail(state, "the arguments are outside memory");
    args = Text(*bytes);  // passed on as they are, numbers with all their digits
    const Result<void> sound = CheckJson(args, "the text of the arguments");
    if (!sound) return Fail(state, sound.error().message);
  }
  if (!state.backend) return Fail(state, "there is no backend");
  // Straight from guest memory: the guest stands still until we return.
  const Result<std::string> answer =
      state.backend(Text(*tool), args, state.control == nullptr ? CallOptions() : state.control->Options());
  // A backend that gives up at the deadline may be back before the watcher has come to it: looked at here, the call
  // ends on our return, and the guard does not get to answer.
  if (state.control != nullptr) (void)state.control->Interrupted();
  if (!answer) return Fail(state, answer.error().message);
  return StoreAnswer(state, *answer, GuestPtr{values[4].i32}, values[5].i32);
}

}  // namespace

TrapCode CallBackend(void* self, abi::Value* values) {
  HostState& state = StateOf(self);
  int32_t result = kFailed;
  try {
    result = Call(state, values);
  } catch (const std::exception& e) {
    DebugLine(state, e.what());
  } catch (...) {
    // The guest sees only that it failed.
  }
  if (state.control != nullptr) {
    if (auto resumed = state.control->Resume(); !resumed) {
      state.error = std::move(resumed).error();
      return TrapCode::kHostUnwind;
    }
  }
  values[0].i32 = static_cast<uint32_t>(result);
  return TrapCode::kNone;
}

}  // namespace guardc::env
