#include "runtime/label/guard_instance.h"

#include "runtime/label/guard_abi.h"

namespace guardc {

Result<std::unique_ptr<GuardInstance>> GuardInstance::Create(std::shared_ptr<const Module> module,
                                                             const GuardOptions& options, const CallOptions& call) {
  GUARDC_CHECK(CheckGuardAbi(*module));
  std::unique_ptr<GuardInstance> guard(
      new GuardInstance(options, {.memory_cap_pages = options.memory_cap_pages, .stack_size = options.stack_size}));
  HostState& host = guard->host_;
  host.backend = options.backend;
  host.backend_calls_left = options.backend_call_limit;
  host.log = options.log.get();
  host.stdout_writer = options.stdout_writer;
  host.stderr_writer = options.stderr_writer;
  host.sleep_really = options.sleep_really;
  GUARDC_TRY(guard->instance_, InstantiateWithHost(guard->store_, std::move(module), host, call));
  host.memory = MemoryOf(*guard->instance_, kMemoryExport);  // which need not be memory 0
  GUARDC_CHECK(guard->Initialize(call));
  return guard;
}

Result<void> GuardInstance::Initialize(const CallOptions& call) {
  for (size_t i = 0; i < functions_.size(); ++i) {
    const std::string_view name = LabelFunctionName(static_cast<LabelFunction>(i));
    GUARDC_TRY(functions_[i], GuestFunction::Bind(*instance_, name, LabelFunctionType()));
  }
  GUARDC_TRY(buffers_, GuestBuffers::Create(*instance_, host_));
  if (FindFunctionExport(instance_->module(), kInitializeExport) == nullptr) return {};
  GUARDC_TRY(const auto initialize, GuestFunction::Bind(*instance_, kInitializeExport, InitializeType()));
  abi::Value none[1] = {};
  return initialize.Call(none, host_, call);
}

}  // namespace guardc
