// One call into an instance: armed, entered, left, and what came of it told as an error. TRAP-5, INT-1.
#include <fmt/format.h>
#include <stop_token>

#include "runtime/call_control.h"
#include "runtime/store_impl.h"
#include "runtime/trap/backtrace.h"
#include "runtime/trap/thread_setup.h"

namespace guardc {

namespace {

struct StopRequest {
  InterruptRecord* record;
  uint64_t word;
  void operator()() const { record->RequestAndFollow(word, InterruptReason::kCancelled); }
};

// The hosts' view of the running call; puts back what was there before.
class ScopedControl {
 public:
  explicit ScopedControl(std::span<HostState* const> hosts) : hosts_(hosts) {
    if (hosts_.empty()) return;
    before_ = hosts_.front()->control;
    for (HostState* host : hosts_) host->control = &call_;
  }
  ~ScopedControl() {
    for (HostState* host : hosts_) host->control = before_;
  }
  ScopedControl(const ScopedControl&) = delete;
  ScopedControl& operator=(const ScopedControl&) = delete;

 private:
  std::span<HostState* const> hosts_;
  ActiveCall call_;
  CallControl* before_ = nullptr;  // the same for all hosts of a Store
};

TrapCode CallTimed(void* self, abi::Value* values) {
  const auto* import = static_cast<BoundImport*>(self);  // `vm` is its first member
  HostTiming& timing = StateOf(self).timing;
  const Clock::time_point start = Clock::now();
  const TrapCode code = import->real(self, values);
  timing.host_ns += static_cast<uint64_t>(std::chrono::nanoseconds(Clock::now() - start).count());
  return code;
}
static_assert(offsetof(BoundImport, vm) == 0);

Error InterruptionError(InterruptReason reason, ErrorDetails details, std::string_view what) {
  if (reason == InterruptReason::kDeadline) {
    return {ErrorKind::kDeadline, fmt::format("the call's deadline passed {}", what), std::move(details)};
  }
  return {ErrorKind::kCancelled, fmt::format("the call was cancelled {}", what), std::move(details)};
}

// Nothing of the guest has run: the instance stays as it is.
Result<void> CheckNotExpired(const CallOptions& call) {
  constexpr std::string_view kBefore = "before the guest was entered";
  if (call.stop.stop_requested()) {
    return std::unexpected(InterruptionError(InterruptReason::kCancelled, {}, kBefore));
  }
  if (call.deadline && *call.deadline <= Clock::now()) {
    return std::unexpected(InterruptionError(InterruptReason::kDeadline, {}, kBefore));
  }
  return {};
}

}  // namespace

Result<void> Instance::Impl::Run(abi::EntryFn entry, const void* function_code, abi::Value* values,
                                 const CallOptions& call) {
  if (failure != nullptr) {
    ErrorDetails details;
    details.cause = failure;
    return Fail(
        ErrorKind::kInstanceFailed,
        fmt::format("the instance of '{}' failed earlier and is not run again: {}", module->name(), failure->message),
        std::move(details));
  }
  // TRAP-1: the activation, and the stack, exist once per instance.
  if (is_active) {
    return Fail(ErrorKind::kInvalidArgument,
                fmt::format("the instance of '{}' is in a call already: its host functions may enter other instances, "
                            "but not the one that called them",
                            module->name()));
  }
  GUARDC_CHECK(CheckNotExpired(call));
  const int tid = trap::EnsureThread();
  if (host != nullptr && host->timing.enabled != is_timed) SetTimed(host->timing.enabled);
  const ScopedControl control(store.hosts);

  activation.interrupted.store(0, std::memory_order_relaxed);
  activation.options = &call;
  activation.outer = guardc_current_activation;
  is_active = true;
  guardc_current_activation = &activation;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  // A kick for an outer call that came before the line above has not reached this activation.
  for (const Activation* a = activation.outer; a != nullptr; a = a->outer) {
    if (a->interrupted.load(std::memory_order_acquire) != 0) activation.interrupted.store(1, std::memory_order_relaxed);
  }

  uint32_t outcome = kNotEntered;
  InterruptReason reason = InterruptReason::kNone;
  Result<void> armed;
  if (call.deadline || call.stop.stop_possible()) {
    armed = activation.request.Arm(&activation.interrupted, tid, call.deadline);
    if (armed) {
      const std::stop_callback on_stop(call.stop, StopRequest{&activation.request, activation.request.word()});
      outcome = guardc_enter_guest(&activation, entry, context, function_code, values);
      activation.request.Disarm();
      reason = activation.request.reason();
    }
  } else {
    outcome = guardc_enter_guest(&activation, entry, context, function_code, values);
  }
  for (const Activation* a = activation.outer; a != nullptr && reason == InterruptReason::kNone; a = a->outer) {
    if (a->interrupted.load(std::memory_order_acquire) != 0) reason = a->request.reason();
  }
  guardc_current_activation = activation.outer;
  is_active = false;

  if (!armed) return armed;
  if (outcome == 0) return {};
  return std::unexpected(DescribeOutcome(outcome, reason));
}

Error Instance::Impl::DescribeOutcome(uint32_t outcome, InterruptReason reason) {
  if (outcome == kNotEntered) return InterruptionError(reason, {}, "before the guest was entered");
  const auto trap = static_cast<TrapCode>(outcome);
  Backtrace backtrace = WalkGuestStack(activation, store.instances.size() > 1);
  const std::string of_module = module->name().empty() ? "" : fmt::format(" of '{}'", module->name());
  const std::string where = backtrace.frames.empty()
                                ? "in code" + of_module
                                : fmt::format("in function '{}'{}", backtrace.frames.front().function_name, of_module);
  ErrorDetails details;
  details.trap = trap;
  details.backtrace = std::move(backtrace.frames);

  Error error = [&] {
    if (trap == TrapCode::kInterrupted)
      return InterruptionError(reason, std::move(details), "while the guest was " + where);
    if (trap == TrapCode::kHostUnwind) return store.TakeHostError();
    return Error(ErrorKind::kTrap, fmt::format("the guest trapped {}: {}", where, TrapText(trap)), std::move(details));
  }();
  const bool is_clean_exit = error.kind == ErrorKind::kExit && error.details().exit_code == 0u;
  if (!is_clean_exit && store.options.fail_after_trap) FailAllOnStack(error, backtrace.artifacts);
  return error;
}

// Whoever was left midway must not run again: this instance, and those that it had called without a host in between.
// Instances of one artifact cannot be told apart on the stack: all of them, then.
void Instance::Impl::FailAllOnStack(const Error& error, std::span<const loader::LoadedArtifact* const> artifacts) {
  failure = std::make_shared<const Error>(error);
  for (const std::unique_ptr<Instance>& instance : store.instances) {
    Impl& other = instance->impl();
    if (other.failure != nullptr) continue;
    for (const loader::LoadedArtifact* artifact : artifacts) {
      if (artifact == &other.module->artifact() && artifact != &module->artifact()) other.failure = failure;
    }
  }
}

void Instance::Impl::SetTimed(bool timed) {
  for (const std::unique_ptr<BoundImport>& import : host_imports) import->vm.fn = timed ? &CallTimed : import->real;
  is_timed = timed;
}

Error Store::Impl::TakeHostError() {
  if (host_error) {
    Error error = *std::move(host_error);
    host_error.reset();
    return error;
  }
  for (HostState* host : hosts) {
    if (host->error) {
      Error error = *std::move(host->error);
      host->error.reset();
      return error;
    }
    if (host->exit_code) {
      ErrorDetails details;
      details.exit_code = host->exit_code;
      host->exit_code.reset();
      return {ErrorKind::kExit, fmt::format("the guest called proc_exit({})", *details.exit_code), details};
    }
  }
  return {ErrorKind::kHostError, "a host function ended the call and did not say why"};
}

TrapCode CallHostFunction(void* self, abi::Value* values) {
  const auto& function = *static_cast<HostFuncObject*>(static_cast<abi::VmHostFunc*>(self)->env);
  Store::Impl& store = *function.store;
  try {
    const FuncType& type = RuntimeAccess::MakeFunc(store.self, const_cast<abi::VmFuncRef*>(&function.ref)).type();
    std::vector<Val> args, results;
    for (size_t i = 0; i < type.params.size(); ++i) args.push_back(ToVal(values[i], type.params[i]));
    for (const ValType t : type.results) results.push_back(Val::Ref(t, nullptr));
    Result<void> done = function.function(args, results);
    for (size_t i = 0; done && i < type.results.size(); ++i) {
      Result<abi::Value> value = store.ToValue(results[i], type.results[i]);
      if (value) {
        values[i] = *value;
      } else {
        done = std::unexpected(std::move(value).error());
      }
    }
    if (done) return TrapCode::kNone;
    store.host_error = std::move(done).error();
  } catch (const std::exception& e) {
    // Host functions must not throw; if one does, the guest's frames must not be unwound.
    store.host_error = Error(ErrorKind::kHostError, fmt::format("a host function threw an exception: {}", e.what()));
  } catch (...) {
    store.host_error = Error(ErrorKind::kHostError, "a host function threw an exception");
  }
  return TrapCode::kHostUnwind;
}

}  // namespace guardc
