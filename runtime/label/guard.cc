// Guard: limits and the queue around a GuardInstance; remembers what poisoned it, and may put another in its place.
#include "guardc/guard.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <utility>

#include "base/map_count.h"
#include "runtime/label/call_queue.h"
#include "runtime/label/guard_instance.h"
#include "runtime/label/guard_options.h"
#include "runtime/label/guest_time.h"
#include "runtime/label/recorded_label_agent.h"

namespace guardc {

constinit const AfterFailure AfterFailure::kStayPoisoned{nullptr};

class Guard::Impl {
 public:
  Impl(std::shared_ptr<const Module> module, GuardOptions options)
      : module_(std::move(module)), options_(std::move(options)) {}

  Result<void> Start() {
    GUARDC_CHECK(CompleteOptions(options_));
    if (module_ == nullptr) return Fail(ErrorKind::kInvalidArgument, "no module");
    GUARDC_TRY(instance_, GuardInstance::Create(module_, options_, WithTimeout({}, options_)));
    return {};
  }

  Result<std::string> Call(LabelFunction function, std::string_view input, const CallOptions& given) {
    const CallOptions call = WithTimeout(given, options_);
    GUARDC_CHECK(queue_.Enter(call));
    const Turn turn{queue_};
    if (failure_ != nullptr) GUARDC_CHECK(Recover(call));
    const bool is_timed = wants_timing_.load(std::memory_order_relaxed);
    auto answer = is_timed ? CallTimed(function, input, call) : instance_->Call(function, input, call);
    if (replaces() && answer && function == LabelFunction::kAgent) {
      if (auto lesson = options_.after_failure.learn_(input, *answer)) lesson_ = std::move(lesson);
    }
    if (instance_->failure() != nullptr) [[unlikely]] {
      failure_ = instance_->failure();
      instance_.reset();
      if (!replaces()) is_healthy_.store(false, std::memory_order_release);
    }
    return answer;
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

  bool replaces() const { return options_.after_failure.learn_ != nullptr; }

  // After a failure: a fresh instance that was taught what the failed one was, or why there is none. Only the guard's
  // own fault is final; with more time, or memory, the next call may succeed.
  Result<void> Recover(const CallOptions& call) {
    if (is_healthy()) {
      const Result<void> prepared = Prepare(call);
      if (prepared) {
        LogReplacement(call);
        failure_ = nullptr;
        return {};
      }
      instance_.reset();
      const Error& error = prepared.error();
      const std::string reason = "no fresh instance could be prepared: " + error.message;
      if (error.kind == ErrorKind::kDeadline || error.kind == ErrorKind::kCancelled ||
          error.kind == ErrorKind::kOutOfMemory) {
        return Fail(error.kind, reason, error.details());
      }
      failure_ = std::make_shared<const Error>(error.kind, failure_->message + "; " + reason, error.details());
      is_healthy_.store(false, std::memory_order_release);
    }
    return Fail(ErrorKind::kInstanceFailed, "out of use since an earlier failure in " + failure_->message,
                {.cause = failure_});
  }

  Result<void> Prepare(const CallOptions& call) {
    GUARDC_TRY(instance_, GuardInstance::Create(module_, options_, call));
    if (lesson_ != nullptr) GUARDC_CHECK(lesson_->Teach(*instance_, call));
    return {};
  }

  void LogReplacement(const CallOptions& call) const {
    if (!options_.log->Enabled(LogLevel::kWarn)) return;
    options_.log->Log(LogLevel::kWarn, "a fresh instance takes the place of the one that failed: " + failure_->message,
                      call.request_id);
  }

  Result<std::string> CallTimed(LabelFunction function, std::string_view input, const CallOptions& call) {
    HostTiming& timing = instance_->timing();
    timing = {.enabled = true};
    const auto start = Clock::now();
    auto answer = instance_->Call(function, input, call);
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
  // With the queue's turn only. Either there is an instance or there is why it failed.
  std::unique_ptr<GuardInstance> instance_;
  std::shared_ptr<const Error> failure_;
  std::shared_ptr<const Lesson> lesson_;  // the last, where instances are replaced

  std::atomic<bool> is_healthy_ = true;
  std::atomic<bool> wants_timing_ = false;
  std::mutex close_mutex_;
  mutable std::mutex timing_mutex_;
  CallTiming last_timing_;
};

Guard::Guard(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Guard::~Guard() { (void)Close(); }

Result<std::shared_ptr<Guard>> Guard::Create(std::shared_ptr<const Module> module, GuardOptions options) {
  try {
    auto impl = std::make_unique<Impl>(std::move(module), std::move(options));
    if (auto started = impl->Start(); !started) {
      return std::unexpected(Named(impl->options(), std::move(started).error()));
    }
    return std::shared_ptr<Guard>(new Guard(std::move(impl)));
  } catch (const std::exception& e) {
    return Fail(ErrorKind::kOutOfMemory, std::string("guard: ") + e.what() + MapCountNote());
  }
}

Result<std::string> Guard::Call(LabelFunction function, std::string_view input_json, const CallOptions& call) {
  Result<std::string> answer;
  try {
    answer = impl_->Call(function, input_json, call);
  } catch (const std::exception& e) {
    answer = Fail(ErrorKind::kOutOfMemory, e.what() + MapCountNote());
  }
  if (answer) return answer;
  return std::unexpected(Named(impl_->options(), function, std::move(answer).error()));
}

bool Guard::healthy() const { return impl_->is_healthy(); }
const std::string& Guard::name() const { return impl_->options().name; }
const Module& Guard::module() const { return impl_->module(); }
void Guard::EnableTiming(bool on) { impl_->EnableTiming(on); }
CallTiming Guard::last_timing() const { return impl_->last_timing(); }
Result<void> Guard::Close() { return impl_->Close(); }

}  // namespace guardc
