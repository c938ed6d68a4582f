// Calls into an instance: armed, entered, left, and what came of it told as an error. TRAP-5, INT-1.
#include <algorithm>
#include <stop_token>

#include "base/format.h"
#include "base/log.h"
#include "runtime/call/guest_run.h"
#include "runtime/instance/store_impl.h"

namespace guardc {

namespace {

// A name out of a module, which may hold anything and be of any length, for a message.
std::string Shown(std::string_view name) {
  constexpr size_t kLongest = 256;
  return log::PrintableLine(name, kLongest);
}

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
    return {ErrorKind::kDeadline, Format("the call's deadline passed {}", what), std::move(details)};
  }
  return {ErrorKind::kCancelled, Format("the call was cancelled {}", what), std::move(details)};
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

Result<void> GuestRun::Begin() {
  Instance::Impl& instance = instance_;
  if (instance.failure != nullptr) {
    ErrorDetails details;
    details.cause = instance.failure;
    return Fail(ErrorKind::kInstanceFailed,
                Format("the instance of '{}' failed earlier and is not run again: {}", instance.module->name(),
                       instance.failure->message),
                std::move(details));
  }
  // TRAP-1: the activation, and the stack, exist once per instance.
  if (instance.is_active) {
    return Fail(ErrorKind::kInvalidArgument,
                Format("the instance of '{}' is in a call already: its host functions may enter other instances, "
                       "but not the one that called them",
                       instance.module->name()));
  }
  GUARDC_CHECK(CheckNotExpired(call_));
  GUARDC_CHECK(trap::PrepareThread());
  alternate_stack_.Lend();
  if (instance.host != nullptr && instance.host->timing.enabled != instance.is_timed) {
    instance.SetTimed(instance.host->timing.enabled);
  }
  Activation& activation = instance.activation;
  activation.interrupted.store(0, std::memory_order_relaxed);
  is_begun_ = true;
  instance.is_active = true;
  const std::span<HostState* const> hosts = instance.store.hosts;
  if (!hosts.empty()) control_before_ = hosts.front()->control;
  for (HostState* host : hosts) host->control = &control_;
  activation.options = &call_;
  activation.outer = guardc_current_activation;
  guardc_current_activation = &activation;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  // A kick for an outer call that came before the line above has not reached this activation.
  for (const Activation* a = activation.outer; a != nullptr; a = a->outer) {
    if (a->interrupted.load(std::memory_order_acquire) != 0) activation.interrupted.store(1, std::memory_order_relaxed);
  }
  // Only now: a kick finds the activation, or nobody would answer it.
  if (!call_.deadline && !call_.stop.stop_possible()) return {};
  if (auto armed = activation.request.Arm(&activation.interrupted, trap::ThreadId(), call_.deadline); !armed) {
    End();
    return armed;
  }
  is_armed_ = true;
  if (call_.stop.stop_possible()) {
    on_stop_.emplace(call_.stop, StopRequest{&activation.request, activation.request.word()});
  }
  return {};
}

void GuestRun::End() {
  Activation& activation = instance_.activation;
  if (is_armed_) activation.request.Disarm();
  on_stop_.reset();
  guardc_current_activation = activation.outer;
  for (HostState* host : instance_.store.hosts) host->control = control_before_;
  alternate_stack_.TakeBack();
  instance_.is_active = false;
  is_begun_ = is_armed_ = false;
}

// Why this activation was interrupted: its own request, or one for an activation around it.
InterruptReason GuestRun::ReasonNow() const {
  const Activation* a = &instance_.activation;
  InterruptReason reason = is_armed_ ? a->request.reason() : InterruptReason::kNone;
  while (reason == InterruptReason::kNone && (a = a->outer) != nullptr) {
    if (a->interrupted.load(std::memory_order_acquire) != 0) reason = a->request.reason();
  }
  return reason;
}

Result<void> GuestRun::Enter(abi::EntryFn entry, const void* code, abi::Value* values) {
  if (!is_begun_) GUARDC_CHECK(Begin());
  const uint32_t outcome = guardc_enter_guest(&instance_.activation, entry, instance_.context, code, values);
  if (outcome == 0) [[likely]]
    return {};
  const InterruptReason reason = ReasonNow();
  End();
  return std::unexpected(instance_.DescribeOutcome(outcome, reason));
}

Error Instance::Impl::DescribeOutcome(uint32_t outcome, InterruptReason reason) {
  if (outcome == kNotEntered) return InterruptionError(reason, {}, "before the guest was entered");
  const auto trap = static_cast<TrapCode>(outcome);
  Backtrace backtrace = WalkGuestStack(activation, store.instances.size() > 1);
  const std::string of_module = module->name().empty() ? "" : Format(" of '{}'", Shown(module->name()));
  const std::string where =
      backtrace.frames.empty()
          ? "outside the functions" + of_module + ", where its data and element segments are put in place"
          : Format("in function '{}'{}", Shown(backtrace.frames.front().function_name), of_module);
  ErrorDetails details;
  details.trap = trap;
  details.backtrace = std::move(backtrace.frames);

  Error error = [&] {
    if (trap == TrapCode::kInterrupted)
      return InterruptionError(reason, std::move(details), "while the guest was " + where);
    if (trap == TrapCode::kHostUnwind) return store.TakeHostError();
    return Error(ErrorKind::kTrap, Format("the guest trapped {}: {}", where, TrapText(trap)), std::move(details));
  }();
  const bool is_clean_exit = error.kind == ErrorKind::kExit && error.details().exit_code == 0u;
  if (!is_clean_exit && store.options.fail_after_trap) FailAllOnStack(error, backtrace);
  return error;
}

// Whoever was left midway must not run again: this instance, and those that it had called without a host in between.
// Instances of one artifact cannot be told apart on the stack: all of them, then. Where the stack could not be read to
// its end, anybody may have been there.
void Instance::Impl::FailAllOnStack(const Error& error, const Backtrace& backtrace) {
  failure = std::make_shared<const Error>(error);
  for (const std::unique_ptr<Instance>& instance : store.instances) {
    Impl& other = instance->impl();
    if (other.failure != nullptr) continue;
    const loader::LoadedArtifact* artifact = &other.module->artifact();
    const bool was_there = artifact != &module->artifact() &&
                           std::ranges::find(backtrace.artifacts, artifact) != backtrace.artifacts.end();
    if (was_there || !backtrace.is_complete) other.failure = failure;
  }
}

void Instance::Impl::SetTimed(bool timed) {
  for (BoundImport& import : host_imports) import.vm.fn = timed ? &CallTimed : import.real;
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
      return {ErrorKind::kExit, Format("the guest called proc_exit({})", *details.exit_code), details};
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
    if (done) done = trap::PrepareThread();
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
    store.host_error = Error(ErrorKind::kHostError, Format("a host function threw an exception: {}", e.what()));
  } catch (...) {
    store.host_error = Error(ErrorKind::kHostError, "a host function threw an exception");
  }
  return TrapCode::kHostUnwind;
}

}  // namespace guardc
