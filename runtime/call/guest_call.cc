#include "runtime/call/guest_call.h"

#include "base/format.h"
#include "runtime/call/guest_run.h"
#include "runtime/instance/snapshot.h"
#include "runtime/instance/store_impl.h"
#include "runtime/instance/type_registry.h"

namespace guardc {

namespace {

struct BoundImports {
  std::vector<ResolvedImport> resolved;
  std::vector<BoundImport> bound;  // never resized: guests hold its addresses
};

// By import, once for all instances: null where the host has none of that name and type.
std::span<const abi::HostFn> HostFunctionsOf(const Module& module) {
  loader::LoadedArtifact::ForRuntime& known = module.artifact().for_runtime();
  std::call_once(known.host_functions_once, [&] {
    std::vector<abi::HostFn> functions;
    for (const ImportType& import : module.imports()) {
      const auto def = FindHostFunction(import.module, import.name);
      const bool fits = def && import.type.kind == ExternKind::kFunc && def->import->Is(import.type.func);
      functions.push_back(fits ? def->fn : nullptr);
    }
    known.host_functions = std::move(functions);
  });
  return known.host_functions;
}

std::unexpected<Error> FailUnknown(const ImportType& import) {
  const auto def = FindHostFunction(import.module, import.name);
  const std::string given =
      def ? "the host gives func " + ToString(def->import->type()) : "the host has nothing of that name";
  return Fail(ErrorKind::kUnknownImport, Format("import '{}.{}': the module wants {}, but {}", import.module,
                                                import.name, ToString(import.type), given));
}

Result<BoundImports> Bind(const Module& module, HostState& host) {
  BoundImports out;
  const loader::LoadedArtifact& artifact = module.artifact();
  const auto records = artifact.List<abi::ImportRecord>(artifact.header().imports);
  const auto type_ids = TypeIdsOf(artifact);
  const auto functions = HostFunctionsOf(module);
  out.bound.reserve(functions.size());
  out.resolved.reserve(functions.size());
  for (size_t i = 0; i < functions.size(); ++i) {
    if (functions[i] == nullptr) return FailUnknown(module.imports()[i]);
    BoundImport& made = out.bound.emplace_back();
    made.vm = {&guardc_call_host, functions[i], &host};
    made.real = functions[i];
    out.resolved.emplace_back(ImportedFunc{nullptr, &made.vm, type_ids[records[i].type]});
  }
  return out;
}

}  // namespace

Result<Instance*> InstantiateWithHost(Store& store, std::shared_ptr<const Module> module, HostState& host,
                                      const CallOptions& call) {
  GUARDC_TRY(BoundImports imports, Bind(*module, host));
  return store.impl().Instantiate(std::move(module), std::move(imports.resolved), &host, std::move(imports.bound),
                                  call);
}

Result<Instance*> CloneWithHost(Store& store, const InstanceSnapshot& snapshot, HostState& host) {
  GUARDC_TRY(BoundImports imports, Bind(*snapshot.module(), host));
  return store.impl().Clone(snapshot, std::move(imports.resolved), &host, std::move(imports.bound));
}

Result<GuestFunction> GuestFunction::Bind(Instance& instance, std::string_view name, const FuncType& type) {
  const std::optional<Extern> found = instance.Export(name);
  const Func* func = found ? std::get_if<Func>(&*found) : nullptr;
  if (func == nullptr) {
    return Fail(ErrorKind::kGuardAbi,
                Format("'{}' must export a function '{}' of type {}; it {}", instance.module().name(), name,
                       ToString(type), found ? "exports something else by that name" : "exports nothing of that name"));
  }
  if (TypeOf(RuntimeAccess::Open(*func)->type_id) != type) {
    return Fail(ErrorKind::kGuardAbi, Format("'{}' exports '{}' as {}; expected {}", instance.module().name(), name,
                                             ToString(func->type()), ToString(type)));
  }
  GuestFunction out;
  out.instance_ = &instance;
  out.funcref_ = RuntimeAccess::Open(*func);
  out.entry_ = instance.impl().store.EntryFor(out.funcref_->type_id);
  return out;
}

Result<void> GuestFunction::Call(abi::Value* values, HostState& host, const CallOptions& call) const {
  GuestRun run(instance_->impl(), call);
  return Call(values, host, run);
}

Result<void> GuestFunction::Call(abi::Value* values, HostState& host, GuestRun& run) const {
  host.exit_code.reset();
  host.error.reset();
  // Its own function, by far the most usual case; else one that it imports and exports again.
  const Instance::Impl& instance = instance_->impl();
  if (funcref_->context == instance.context && entry_ != nullptr) [[likely]]
    return run.Enter(entry_, funcref_->code, values);
  return instance.store.Call(*funcref_, values, run.call());
}

GuestMemory MemoryOf(const Instance& instance, std::string_view name) {
  const Instance::Impl& impl = instance.impl();
  if (name.empty()) return GuestMemory(impl.memories.empty() ? nullptr : impl.memories[0]->vm);
  const std::optional<Memory> memory = instance.ExportedMemory(name);
  return GuestMemory(memory ? RuntimeAccess::Open(*memory)->vm : nullptr);
}

bool GrowMemory(Instance& instance, uint64_t delta_pages) {
  std::optional<Memory> memory = instance.ExportedMemory("memory");
  return memory && memory->Grow(delta_pages).has_value();
}

}  // namespace guardc
