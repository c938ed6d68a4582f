// One label call and its buffer protocol (docs/guard-abi.md, 2).
//
//   label_X(input, input size, output, output capacity) -> i32
//
//   >= 0   that many bytes of answer are in the output buffer; 0 is an empty answer. More than the capacity is a breach
//          of the protocol and nothing is read.
//   -2     the answer does not fit. The first four bytes of the output buffer may hold the size needed (u32, little
//          endian, not 0); the host sets them to 0 beforehand, so that what lay there is not taken for a size. Without
//          one, or with one below the capacity, the host doubles; one that is the capacity it takes at its word. A size
//          above the limit is an error.
//   other  an error of the guard's own, handed on as its code.
//
// The output starts at 4 MiB and ends at 16 (GuardOptions), in at most three attempts. Each attempt gets both buffers
// anew, the input freshly copied in, since a guard may parse it in place. The answer is copied out before anything else
// runs in the guest; then both buffers are freed, output first, however the attempt ended, unless it made the instance
// fail. Freeing has a time limit of its own and is not cancelled with the call.
#include <algorithm>
#include <cstring>
#include <limits>

#include "base/log.h"
#include "runtime/label/guard_instance.h"
#include "runtime/label/guest_time.h"
#include "runtime/label/json_padding.h"

namespace guardc {
namespace {

log::Logger& CallLog() {
  static log::Logger& log = log::Logger::Make("guard:label_call");
  return log;
}

constexpr int kMaxAttempts = 3;
constexpr int32_t kDoesNotFit = -2;

std::string Bytes(uint64_t n) { return std::to_string(n) + " bytes"; }

// The capacity for the next attempt; kLimit names both sizes.
Result<uint32_t> NextCapacity(uint32_t capacity, uint32_t needed, uint64_t limit) {
  uint64_t next = needed;
  if (needed < capacity) next = capacity < limit ? std::min(uint64_t{capacity} * 2, limit) : uint64_t{capacity} * 2;
  if (next <= limit) return static_cast<uint32_t>(next);
  return Fail(ErrorKind::kLimit, "the answer needs " + Bytes(next) + ", more than the limit of " + Bytes(limit),
              {.needed_size = next, .limit = limit});
}

}  // namespace

Result<std::string> GuardInstance::Call(LabelFunction function, std::string_view input, const CallOptions& call) {
  if (input.size() > options_.input_limit) {
    return Fail(ErrorKind::kLimit,
                "the input is " + Bytes(input.size()) + ", more than the limit of " + Bytes(options_.input_limit),
                {.needed_size = input.size(), .limit = options_.input_limit});
  }
  auto answer = CallWithRetries(function, input, call);
  if (!answer) NoteFailure(function, answer.error());
  if (CallLog().Enabled(log::Level::kTrace)) [[unlikely]]
    LogCall(function, input, answer, call);
  if (failure_ != nullptr) [[unlikely]] {
    CallLog().Write(log::Level::kWarn, "never runs again: " + failure_->message,
                    {.guard = options_.name, .request_id = call.request_id});
  }
  return answer;
}

void GuardInstance::LogCall(LabelFunction function, std::string_view input, const Result<std::string>& answer,
                            const CallOptions& call) const {
  const log::Context about{.guard = options_.name, .request_id = call.request_id};
  const std::string name(LabelFunctionName(function));
  CallLog().Write(log::Level::kTrace, name + " was asked: " + std::string(input), about);
  CallLog().Write(log::Level::kTrace, name + (answer ? " answered: " + *answer : " failed: " + answer.error().message),
                  about);
}

Result<std::string> GuardInstance::CallWithRetries(LabelFunction function, std::string_view input,
                                                   const CallOptions& call) {
  host_.backend_calls_left = options_.backend_call_limit;  // of the whole call, its attempts together
  auto capacity = static_cast<uint32_t>(options_.output_initial);
  for (int attempt = 1;; ++attempt) {
    GUARDC_TRY(Attempt result, Try(function, input, capacity, call));
    if (result.fits) return std::move(result.answer);
    GUARDC_TRY(const uint32_t next, NextCapacity(capacity, result.needed_size, options_.output_limit));
    if (attempt == kMaxAttempts) {
      const uint32_t asked = result.needed_size != 0 ? result.needed_size : next;
      return Fail(ErrorKind::kBufferProtocol,
                  "after " + std::to_string(kMaxAttempts) + " attempts the answer still does not fit in " +
                      Bytes(capacity) + "; the guard now asks for " + Bytes(asked),
                  {.needed_size = asked, .limit = capacity});
    }
    capacity = next;
  }
}

Result<GuardInstance::Attempt> GuardInstance::Try(LabelFunction function, std::string_view input, uint32_t capacity,
                                                  const CallOptions& call) {
  GuestBuffers::Pair pair{.input_size = static_cast<uint32_t>(input.size()), .output_size = capacity};
  auto result = CallWithBuffers(function, input, pair, call);
  if (!result) NoteFailure(function, result.error());
  // A failure to free is the guard's own affair as long as it lives, and the answer is the answer; where it has ended
  // the instance, later calls learn of it.
  if (const auto released = buffers_->Release(pair, call); !released) NoteFailure(function, released.error());
  return result;
}

Result<GuardInstance::Attempt> GuardInstance::CallWithBuffers(LabelFunction function, std::string_view input,
                                                              GuestBuffers::Pair& pair, const CallOptions& call) {
  GuestRun run(instance_->impl(), call);
  GUARDC_CHECK(buffers_->Acquire(pair, run));
  std::memcpy(host_.memory.Span(pair.input, pair.input_size)->data(), input.data(), input.size());
  const uint32_t no_size = 0;
  std::memcpy(host_.memory.Span(pair.output, pair.output_size)->data(), &no_size,
              std::min<size_t>(sizeof(no_size), pair.output_size));

  abi::Value values[4] = {};
  values[0].i32 = ToU32(pair.input);
  values[1].i32 = pair.input_size;
  values[2].i32 = ToU32(pair.output);
  values[3].i32 = pair.output_size;
  GUARDC_CHECK(CallGuest(functions_[static_cast<size_t>(function)], values, host_, run));

  const auto code = static_cast<int32_t>(values[0].i32);
  if (code == kDoesNotFit) {
    // Acquired inside memory, which never shrinks.
    const auto needed = pair.output_size < sizeof(uint32_t) ? 0 : host_.memory.Load<uint32_t>(pair.output);
    return Attempt{.fits = false, .answer = {}, .needed_size = needed.value_or(0)};
  }
  if (code < 0) {
    return Fail(ErrorKind::kGuardError, "answered with the error code " + std::to_string(code), {.guard_code = code});
  }
  const auto size = static_cast<uint32_t>(code);
  if (size > pair.output_size) {
    return Fail(ErrorKind::kBufferProtocol,
                "claims to have written " + Bytes(size) + " into a buffer of " + Bytes(pair.output_size));
  }
  const auto bytes = host_.memory.Span(pair.output, size);
  if (!bytes) return Fail(ErrorKind::kBufferProtocol, "the answer of " + Bytes(size) + " lies outside memory");
  Attempt attempt{.fits = true};
  attempt.answer.reserve(size + kAnswerSpare);
  attempt.answer.assign(reinterpret_cast<const char*>(bytes->data()), size);
  return attempt;
}

void GuardInstance::NoteFailure(LabelFunction function, const Error& error) {
  if (failure_ != nullptr || !instance_->failed()) return;
  Error named = error;
  named.message = std::string(LabelFunctionName(function)) + ": " + error.message;
  failure_ = std::make_shared<const Error>(std::move(named));
}

}  // namespace guardc
