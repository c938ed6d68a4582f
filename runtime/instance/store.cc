// Store and Instance as embedders see them, and the general calls behind them.
#include <algorithm>

#include "base/format.h"
#include "base/map_count.h"
#include "runtime/call/guest_run.h"
#include "runtime/instance/snapshot.h"
#include "runtime/instance/store_impl.h"
#include "runtime/instance/type_registry.h"
#include "runtime/trap/trap_handler.h"

namespace guardc {

Store::Store(StoreOptions options) : impl_(std::make_unique<Impl>(this, options)) {}
Store::~Store() = default;

Func Store::NewFunc(FuncType type, HostFunction function) {
  HostFuncObject& object = impl_->host_funcs.emplace_back();
  object.function = std::move(function);
  object.store = impl_.get();
  object.vm = {&guardc_call_host, &CallHostFunction, &object};
  object.ref = {nullptr, &object.vm, InternType(type), 0};
  return RuntimeAccess::MakeFunc(this, &object.ref);
}

Result<Global> Store::NewGlobal(GlobalType type, const Val& value) {
  GUARDC_TRY(const abi::Value initial, impl_->ToValue(value, type.type));
  GlobalObject& global = impl_->globals.emplace_back();
  global.type = type;
  global.own = initial;
  global.value = &global.own;
  global.store = impl_.get();
  return RuntimeAccess::MakeGlobal(&global);
}

Result<Memory> Store::NewMemory(MemoryType type) {
  GUARDC_TRY(const uint64_t max_pages, MaxPages(type.limits, impl_->options.memory_cap_pages));
  // Whoever imports it may rely on the guard region. 64-bit memories are always accessed with checks.
  const uint64_t reserved = MemoryReservation(max_pages, type.limits.is_64);
  GUARDC_TRY(Mapping space, ReserveAddressSpace(reserved, "a memory made by the host"));
  LinearMemory& memory = impl_->memories.emplace_back();
  memory.type = type;
  memory.max_pages = max_pages;
  memory.reserved = reserved;
  memory.space = std::move(space);
  memory.own = {reinterpret_cast<uint8_t*>(memory.space.begin()), 0};
  memory.vm = &memory.own;
  memory.store = impl_.get();
  impl_->regions.Add(reinterpret_cast<uintptr_t>(memory.space.begin()), reserved);
  if (memory.Grow(type.limits.min) != 0) {
    return Fail(ErrorKind::kOutOfMemory,
                Format("cannot make {} pages of memory accessible{}", type.limits.min, MapCountNote()));
  }
  return RuntimeAccess::MakeMemory(&memory);
}

Result<Table> Store::NewTable(TableType type, const Val& initial) {
  GUARDC_TRY(const abi::Value element, impl_->ToValue(initial, type.element));
  TableObject& table = impl_->tables.emplace_back();
  table.store = impl_.get();
  GUARDC_CHECK(table.Create(type, impl_->options.table_cap, &table.own, element.ref));
  return RuntimeAccess::MakeTable(&table);
}

Result<Instance*> Store::Instantiate(std::shared_ptr<const Module> module, std::span<const Extern> imports,
                                     const CallOptions& call) {
  std::vector<ResolvedImport> resolved;
  resolved.reserve(imports.size());
  for (const Extern& import : imports) {
    GUARDC_TRY(ResolvedImport one, impl_->Resolve(import));
    resolved.push_back(one);
  }
  return impl_->Instantiate(std::move(module), std::move(resolved), nullptr, {}, call);
}

Result<ResolvedImport> Store::Impl::Resolve(const Extern& import) {
  struct Opener {
    const Impl* store;
    std::pair<ResolvedImport, bool> operator()(const Func& func) const {
      const abi::VmFuncRef& ref = *RuntimeAccess::Open(func);
      return {ImportedFunc{ref.code, ref.context, ref.type_id}, RuntimeAccess::StoreOf(func) == store->self};
    }
    std::pair<ResolvedImport, bool> operator()(const Table& table) const {
      TableObject* object = RuntimeAccess::Open(table);
      return {object, object->store == store};
    }
    std::pair<ResolvedImport, bool> operator()(const Memory& memory) const {
      LinearMemory* object = RuntimeAccess::Open(memory);
      return {object, object->store == store};
    }
    std::pair<ResolvedImport, bool> operator()(const Global& global) const {
      GlobalObject* object = RuntimeAccess::Open(global);
      return {object, object->store == store};
    }
  };
  const auto [resolved, is_ours] = std::visit(Opener{this}, import);
  if (!is_ours) return Fail(ErrorKind::kInvalidArgument, "an import belongs to another Store than the one that links");
  return resolved;
}

Result<Instance*> Store::Impl::Instantiate(std::shared_ptr<const Module> module, std::vector<ResolvedImport> imports,
                                           HostState* host, std::vector<BoundImport> host_imports,
                                           const CallOptions& call) {
  GUARDC_TRY(Instance * out, Add(std::move(module), imports, host, std::move(host_imports), Contents::kInitial));
  // Kept even if `init` fails: what it wrote into shared tables stays callable (core specification 4.5.4).
  Instance::Impl& instance = out->impl();
  if (instance.header().init != 0) {
    const auto init = reinterpret_cast<abi::EntryFn>(
        reinterpret_cast<uintptr_t>(instance.module->artifact().At<char>(instance.header().init)));
    GUARDC_CHECK(GuestRun(instance, call).Enter(init, nullptr, nullptr));
  }
  return out;
}

Result<Instance*> Store::Impl::Clone(const InstanceSnapshot& snapshot, std::vector<ResolvedImport> imports,
                                     HostState* host, std::vector<BoundImport> host_imports) {
  GUARDC_TRY(Instance * out, Add(snapshot.module(), imports, host, std::move(host_imports), Contents::kNone));
  GUARDC_CHECK(snapshot.Restore(out->impl()));
  return out;
}

Result<Instance*> Store::Impl::Add(std::shared_ptr<const Module> module, std::span<const ResolvedImport> imports,
                                   HostState* host, std::vector<BoundImport> host_imports, Contents contents) {
  GUARDC_CHECK(trap::EnsureHandlers());
  GUARDC_CHECK(CheckImports(*module, imports));
  GUARDC_TRY(std::unique_ptr<Instance::Impl> created,
             Instance::Impl::Create(*this, std::move(module), imports, contents));
  Instance::Impl& instance = *created;
  instance.host = host;
  instance.host_imports = std::move(host_imports);
  if (host != nullptr) {
    if (std::ranges::find(hosts, host) == hosts.end()) hosts.push_back(host);
    host->memory = GuestMemory(instance.memories.empty() ? nullptr : instance.memories[0]->vm);
  }
  by_context.emplace(instance.context, &instance);
  return instances.emplace_back(RuntimeAccess::MakeInstance(std::move(created))).get();
}

Instance::Impl* Store::Impl::InstanceOf(const abi::VmFuncRef& function) const {
  const auto it = by_context.find(function.context);
  return it == by_context.end() ? nullptr : it->second;
}

abi::EntryFn Store::Impl::EntryFor(uint32_t type_id) const {
  return reinterpret_cast<abi::EntryFn>(reinterpret_cast<uintptr_t>(CodeFor(type_id, &abi::TypeRecord::entry)));
}

const void* Store::Impl::CodeFor(uint32_t type_id, int32_t abi::TypeRecord::* code) const {
  for (const std::unique_ptr<Instance>& instance : instances) {
    const loader::LoadedArtifact& artifact = instance->module().artifact();
    const auto type_ids = TypeIdsOf(artifact);
    const auto types = artifact.List<abi::TypeRecord>(artifact.header().types);
    for (size_t i = 0; i < types.size(); ++i) {
      if (type_ids[i] == type_id && types[i].*code != 0) return artifact.At<char>(types[i].*code);
    }
  }
  return nullptr;
}

Result<void> Store::Impl::Call(const abi::VmFuncRef& function, abi::Value* values, const CallOptions& call) {
  Instance::Impl* instance = InstanceOf(function);
  if (instance == nullptr) {
    // A host function: no guest is entered.
    auto& host_func = *static_cast<abi::VmHostFunc*>(function.context);
    const TrapCode code = host_func.fn(&host_func, values);
    if (code == TrapCode::kNone) return {};
    if (code == TrapCode::kHostUnwind) return std::unexpected(TakeHostError());
    ErrorDetails details;
    details.trap = code;
    return Fail(ErrorKind::kTrap, Format("a host function trapped: {}", TrapText(code)), std::move(details));
  }
  const abi::EntryFn entry = EntryFor(function.type_id);
  if (entry == nullptr) {
    return Fail(ErrorKind::kInternal, Format("'{}' has no entry for functions of type {}", instance->module->name(),
                                             ToString(TypeOf(function.type_id))));
  }
  return GuestRun(*instance, call).Enter(entry, function.code, values);
}

Result<void> Store::Impl::MakeCallable(void* funcref) const {
  auto& ref = *static_cast<abi::VmFuncRef*>(funcref);
  if (ref.code != nullptr) return {};
  const void* thunk = CodeFor(ref.type_id, &abi::TypeRecord::host_thunk);
  if (thunk == nullptr) {
    return Fail(ErrorKind::kUnsupported,
                Format("a host function of type {} cannot be passed as a funcref: no module in this Store imports "
                       "a function of that type",
                       ToString(TypeOf(ref.type_id))));
  }
  ref.code = thunk;
  return {};
}

Instance::Instance(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Instance::~Instance() = default;

std::optional<Extern> Instance::Export(std::string_view name) const {
  const abi::ExportRecord* record = impl_->FindExport(name);
  if (record == nullptr) return std::nullopt;
  switch (static_cast<ExternKind>(record->kind)) {
    case ExternKind::kFunc:
      return RuntimeAccess::MakeFunc(impl_->store.self,
                                     impl_->ContextAt<abi::VmFuncRef>(impl_->header().ctx_funcrefs) + record->index);
    case ExternKind::kTable:
      if (impl_->tables[record->index] == nullptr) return std::nullopt;  // static: no compiler exports such a table
      return RuntimeAccess::MakeTable(impl_->tables[record->index]);
    case ExternKind::kMemory:
      return RuntimeAccess::MakeMemory(impl_->memories[record->index]);
    case ExternKind::kGlobal:
      return RuntimeAccess::MakeGlobal(impl_->globals[record->index]);
  }
  return std::nullopt;
}

std::optional<Func> Instance::ExportedFunc(std::string_view name) const {
  const std::optional<Extern> found = Export(name);
  if (!found || !std::holds_alternative<Func>(*found)) return std::nullopt;
  return std::get<Func>(*found);
}

std::optional<Memory> Instance::ExportedMemory(std::string_view name) const {
  const std::optional<Extern> found = Export(name);
  if (!found || !std::holds_alternative<Memory>(*found)) return std::nullopt;
  return std::get<Memory>(*found);
}

const Module& Instance::module() const { return *impl_->module; }

bool Instance::failed() const { return impl_->failure != nullptr; }

}  // namespace guardc
