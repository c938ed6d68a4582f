#include "runtime/label/guard_instance.h"

#include "base/log.h"
#include "runtime/label/guard_abi.h"

namespace guardc {
namespace {

log::Logger& InstanceLog() {
  static log::Logger& log = log::Logger::Make("guard:guard_instance");
  return log;
}

}  // namespace

GuardInstance::GuardInstance(const GuardOptions& options)
    : options_(options),
      store_({.memory_cap_pages = options.memory_cap_pages,
              .table_cap = options.table_cap,
              .stack_size = options.stack_size}) {
  host_.backend = options.backend;
  host_.backend_calls_left = options.backend_call_limit;
  host_.log = options.log.get();
  host_.stdout_writer = options.stdout_writer;
  host_.stderr_writer = options.stderr_writer;
  host_.sleep_really = options.sleep_really;
}

Result<std::unique_ptr<GuardInstance>> GuardInstance::Create(std::shared_ptr<const Module> module,
                                                             const GuardOptions& options, const CallOptions& call) {
  GUARDC_CHECK(CheckGuardAbi(*module));
  std::unique_ptr<GuardInstance> guard(new GuardInstance(options));
  if (InstanceLog().Enabled(log::Level::kDebug)) {
    InstanceLog().Write(log::Level::kDebug, "an instance of " + module->key(),
                        {.guard = options.name, .request_id = call.request_id});
  }
  GUARDC_TRY(guard->instance_, InstantiateWithHost(guard->store_, std::move(module), guard->host_, call));
  GUARDC_CHECK(guard->LookUp());
  GUARDC_CHECK(guard->Initialize(call));
  return guard;
}

Result<std::unique_ptr<GuardInstance>> GuardInstance::Clone(const GuardSnapshot& snapshot,
                                                            const GuardOptions& options) {
  std::unique_ptr<GuardInstance> guard(new GuardInstance(options));
  GUARDC_TRY(guard->instance_, CloneWithHost(guard->store_, *snapshot.instance, guard->host_));
  GUARDC_CHECK(guard->LookUp());
  guard->buffers_->set_placement(snapshot.placement);
  guard->host_.streams = snapshot.streams;
  return guard;
}

Result<GuardSnapshot> GuardInstance::Snapshot() const {
  GUARDC_TRY(auto instance, InstanceSnapshot::Take(instance_->impl()));
  return GuardSnapshot{std::move(instance), buffers_->placement(), host_.streams};
}

Result<void> GuardInstance::Reset(const GuardSnapshot& snapshot) {
  GUARDC_CHECK(snapshot.instance->Restore(instance_->impl()));
  buffers_->set_placement(snapshot.placement);
  host_.streams = snapshot.streams;
  return {};
}

// Exports are found once, not at every call.
Result<void> GuardInstance::LookUp() {
  host_.memory = MemoryOf(*instance_, kMemoryExport);  // which need not be memory 0
  for (size_t i = 0; i < functions_.size(); ++i) {
    const std::string_view name = LabelFunctionName(static_cast<LabelFunction>(i));
    GUARDC_TRY(functions_[i], GuestFunction::Bind(*instance_, name, LabelFunctionType()));
  }
  GUARDC_TRY(buffers_, GuestBuffers::Create(*instance_, host_));
  return {};
}

Result<void> GuardInstance::Initialize(const CallOptions& call) {
  if (FindFunctionExport(instance_->module(), kInitializeExport) == nullptr) return {};
  GUARDC_TRY(const auto initialize, GuestFunction::Bind(*instance_, kInitializeExport, InitializeType()));
  abi::Value none[1] = {};
  return initialize.Call(none, host_, call);
}

}  // namespace guardc
