// Guard: names, limits and the queue around a GuardInstance; remembers what poisoned it.
#include "guardc/guard.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <utility>

#include "runtime/host/default_log.h"
#include "runtime/label/call_queue.h"
#include "runtime/label/guard_instance.h"
#include "runtime/label/guest_time.h"

namespace guardc {
namespace {

// Lengths cross to the guest as i32.
constexpr uint64_t kLargestBuffer = uint64_t{1} << 30;
constexpr uint32_t kLargestMemory = 65536;  // pages
constexpr uint64_t kSmallestStack = 64 * 1024;

Error Prefixed(const std::string& prefix, Error error) {
  error.message = prefix + ": " + error.message;
  return error;
}

Result<void> CheckOptions(const GuardOptions& options) {
  const auto refuse = [](const std::string& what) {
    return Fail(ErrorKind::kInvalidArgument, "GuardOptions: " + what);
  };
  if (options.memory_cap_pages > kLargestMemory) return refuse("memory_cap_pages is at most 65536");
  if (options.input_limit > kLargestBuffer) return refuse("input_limit is at most 1 GiB");
  if (options.output_limit > kLargestBuffer) return refuse("output_limit is at most 1 GiB");
  if (options.output_initial == 0 || options.output_initial > options.output_limit) {
    return refuse("output_initial is at least 1 and at most output_limit");
  }
  if (options.stack_size < kSmallestStack) return refuse("stack_size is at least 64 KiB");
  return {};
}

CallOptions WithTimeout(CallOptions call, const std::optional<std::chrono::nanoseconds>& timeout) {
  if (call.deadline || !timeout) return call;
  const auto now = Clock::now();
  call.deadline = *timeout > Clock::time_point::max() - now ? Clock::time_point::max() : now + *timeout;
  return call;
}

}  // namespace

std::string_view LabelFunctionName(LabelFunction function) {
  switch (function) {
    case LabelFunction::kAgent:
      return "label_agent";
    case LabelFunction::kResource:
      return "label_resource";
    case LabelFunction::kResponse:
      return "label_response";
  }
  return "";
}

class Guard::Impl {
 public:
  Impl(std::shared_ptr<const Module> module, GuardOptions options)
      : module_(std::move(module)), options_(std::move(options)) {}

  Result<void> Start() {
    GUARDC_CHECK(CheckOptions(options_));
    if (module_ == nullptr) return Fail(ErrorKind::kInvalidArgument, "no module");
    if (options_.log == nullptr) options_.log = MakeDefaultGuardLog(options_.name);
    GUARDC_TRY(instance_, GuardInstance::Create(module_, options_, WithTimeout({}, options_.timeout)));
    return {};
  }

  Result<std::string> Call(LabelFunction function, std::string_view input, const CallOptions& given) {
    const CallOptions call = WithTimeout(given, options_.timeout);
    GUARDC_CHECK(queue_.Enter(call));
    const Turn turn{queue_};
    if (const auto& failure = instance_->failure(); failure != nullptr) {
      return Fail(ErrorKind::kInstanceFailed, "out of use since an earlier failure in " + failure->message,
                  {.cause = failure});
    }
    const bool is_timed = wants_timing_.load(std::memory_order_relaxed);
    return is_timed ? CallTimed(function, input, call) : CallOnce(function, input, call);
  }

  Result<void> Close() {
    GUARDC_CHECK(queue_.Close());
    const std::lock_guard lock(close_mutex_);
    instance_.reset();
    return {};
  }

  bool is_healthy() const { return is_healthy_.load(std::memory_order_acquire); }
  const GuardOptions& options() const { return options_; }
  const Module& module() const { return *module_; }
  void EnableTiming(bool on) { wants_timing_.store(on, std::memory_order_relaxed); }
  CallTiming last_timing() const {
    const std::lock_guard lock(timing_mutex_);
    return last_timing_;
  }

 private:
  struct Turn {
    CallQueue& queue;
    ~Turn() { queue.Leave(); }
  };

  Result<std::string> CallOnce(LabelFunction function, std::string_view input, const CallOptions& call) {
    auto answer = instance_->Call(function, input, call);
    if (instance_->failure() != nullptr) is_healthy_.store(false, std::memory_order_release);
    return answer;
  }

  Result<std::string> CallTimed(LabelFunction function, std::string_view input, const CallOptions& call) {
    HostTiming& timing = instance_->timing();
    timing = {.enabled = true};
    const auto start = Clock::now();
    auto answer = CallOnce(function, input, call);
    const uint64_t total = NanosecondsSince(start);
    timing.enabled = false;
    const std::lock_guard lock(timing_mutex_);
    last_timing_ = {.total = total,
                    .guest = timing.call_ns - std::min(timing.call_ns, timing.host_ns),
                    .host_functions = timing.host_ns};
    return answer;
  }

  const std::shared_ptr<const Module> module_;
  GuardOptions options_;
  CallQueue queue_;
  // With the queue's turn only.
  std::unique_ptr<GuardInstance> instance_;

  std::atomic<bool> is_healthy_ = true;
  std::atomic<bool> wants_timing_ = false;
  std::mutex close_mutex_;
  mutable std::mutex timing_mutex_;
  CallTiming last_timing_;
};

Guard::Guard(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Guard::~Guard() { (void)Close(); }

Result<std::shared_ptr<Guard>> Guard::Create(std::shared_ptr<const Module> module, GuardOptions options) {
  const std::string prefix = "guard \"" + options.name + "\"";
  try {
    auto impl = std::make_unique<Impl>(std::move(module), std::move(options));
    if (auto started = impl->Start(); !started) {
      return std::unexpected(Prefixed(prefix, std::move(started).error()));
    }
    return std::shared_ptr<Guard>(new Guard(std::move(impl)));
  } catch (const std::exception& e) {
    return Fail(ErrorKind::kOutOfMemory, prefix + ": " + e.what());
  }
}

Result<std::string> Guard::Call(LabelFunction function, std::string_view input_json, const CallOptions& call) {
  Result<std::string> answer;
  try {
    answer = impl_->Call(function, input_json, call);
  } catch (const std::exception& e) {
    answer = Fail(ErrorKind::kOutOfMemory, e.what());
  }
  if (answer) return answer;
  return std::unexpected(
      Prefixed("guard \"" + name() + "\", " + std::string(LabelFunctionName(function)), std::move(answer).error()));
}

bool Guard::healthy() const { return impl_->is_healthy(); }
const std::string& Guard::name() const { return impl_->options().name; }
const Module& Guard::module() const { return impl_->module(); }
void Guard::EnableTiming(bool on) { impl_->EnableTiming(on); }
CallTiming Guard::last_timing() const { return impl_->last_timing(); }
Result<void> Guard::Close() { return impl_->Close(); }

}  // namespace guardc
