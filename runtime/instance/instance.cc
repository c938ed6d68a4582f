// Instantiation: one reservation per instance
//
//   [guard][guest stack][guard][context][memory 0 ... its reservation]
//
// with memory 0 exactly `context_size` above the context (abi.h), further memories on their own, and the context filled
// from the artifact's facts. STACK-1, MEM-1.
#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "base/format.h"
#include "base/map_count.h"
#include "runtime/instance/store_impl.h"
#include "runtime/instance/type_registry.h"
#include "runtime/memory/reservation_cache.h"

namespace guardc {

namespace {

size_t CountImports(const loader::LoadedArtifact& artifact, ExternKind kind) {
  size_t count = 0;
  for (const abi::ImportRecord& import : artifact.List<abi::ImportRecord>(artifact.header().imports)) {
    if (static_cast<ExternKind>(import.kind) == kind) ++count;
  }
  return count;
}

}  // namespace

Limits ToLimits(const abi::LimitsRecord& record) {
  Limits limits;
  limits.min = record.min;
  if ((record.flags & abi::LimitsRecord::kHasMax) != 0) limits.max = record.max;
  limits.is_64 = (record.flags & abi::LimitsRecord::kIs64) != 0;
  limits.is_shared = (record.flags & abi::LimitsRecord::kIsShared) != 0;
  return limits;
}

Result<std::unique_ptr<Instance::Impl>> Instance::Impl::Create(Store::Impl& store, std::shared_ptr<const Module> module,
                                                               std::span<const ResolvedImport> imports,
                                                               Store::Impl::Contents contents) {
  std::unique_ptr<Impl> out(new Impl(store, std::move(module)));
  for (const ResolvedImport& import : imports) {
    if (const auto* table = std::get_if<TableObject*>(&import)) out->tables.push_back(*table);
    if (const auto* memory = std::get_if<LinearMemory*>(&import)) out->memories.push_back(*memory);
    if (const auto* global = std::get_if<GlobalObject*>(&import)) out->globals.push_back(*global);
  }
  GUARDC_CHECK(out->CheckBudgets());
  GUARDC_CHECK(out->Allocate(contents));
  GUARDC_CHECK(out->CreateMemories(contents));
  if (contents == Store::Impl::Contents::kInitial) GUARDC_CHECK(out->MapImage());
  out->leaves_space = contents == Store::Impl::Contents::kInitial && out->layout_.has_memory;
  GUARDC_CHECK(out->CreateTables());
  out->CreateGlobals();
  out->FillFunctions(imports);
  out->FillElemSegments();
  const loader::LoadedArtifact& artifact = out->module->artifact();
  const auto data_sizes = artifact.List<uint32_t>(out->header().data_sizes);
  std::memcpy(out->ContextAt<uint32_t>(out->header().ctx_data_sizes), data_sizes.data(), data_sizes.size_bytes());
  // From here on nothing fails: the addresses stay this instance's while the Store lives.
  for (const LinearMemory* memory : std::span(out->memories).subspan(CountImports(artifact, ExternKind::kMemory))) {
    store.regions.Add(reinterpret_cast<uintptr_t>(memory->vm->base), memory->reserved);
  }
  return out;
}

namespace {

// Sums cannot wrap: each is at most 2^48 pages or 2^64 elements.
uint64_t Sum(uint64_t a, uint64_t b) { return a > ~uint64_t{0} - b ? ~uint64_t{0} : a + b; }

Result<void> CheckBudget(std::string_view what, std::string_view unit, std::string_view option, uint64_t initial,
                         uint64_t cap, const Module& module) {
  if (initial <= cap) return {};
  ErrorDetails details;
  details.needed_size = initial;
  details.limit = cap;
  return Fail(ErrorKind::kLimit,
              Format("the {} of '{}' begin with {} {} together, limit {}: raise {}", what, module.name(), initial, unit,
                     cap, option),
              std::move(details));
}

}  // namespace

Result<void> Instance::Impl::CheckBudgets() const {
  const loader::LoadedArtifact& artifact = module->artifact();
  uint64_t pages = 0, elements = 0;
  for (const auto& memory : artifact.List<abi::MemoryRecord>(header().memories)) {
    pages = Sum(pages, memory.limits.min);
  }
  for (const auto& table : artifact.List<abi::TableRecord>(header().tables)) {
    if ((table.flags & abi::TableRecord::kStatic) == 0) elements = Sum(elements, table.limits.min);
  }
  GUARDC_CHECK(CheckBudget("memories", "pages", "memory_cap_pages (--memory-cap)", pages, memory_budget.cap, *module));
  return CheckBudget("tables", "elements", "table_cap (--table-cap)", elements, table_budget.cap, *module);
}

Result<Instance::Impl::Layout> Instance::Impl::PlanLayout() const {
  Layout out;
  out.stack_at = abi::kStackGuardSize;
  out.stack_size = RoundUp(std::max<uint64_t>(store.options.stack_size, 65536), kLayoutPage);
  out.context_at = out.stack_at + out.stack_size + abi::kStackGuardSize;
  out.memory_at = out.context_at + header().context_size;
  out.initial_size = out.size = out.memory_at;
  const auto defined = module->artifact().List<abi::MemoryRecord>(header().memories);
  if (memories.empty() && !defined.empty()) {
    out.has_memory = true;
    const Limits limits = ToLimits(defined[0].limits);
    GUARDC_TRY(const uint64_t max_pages, MaxPages(limits, store.options.memory_cap_pages));
    out.initial_size += limits.min * kWasmPageSize;
    out.size += MemoryReservation(max_pages, (defined[0].flags & abi::MemoryRecord::kBoundsChecked) != 0);
  }
  return out;
}

Result<void> Instance::Impl::Allocate(Store::Impl::Contents contents) {
  GUARDC_TRY(layout_, PlanLayout());
  if (contents == Store::Impl::Contents::kInitial && layout_.has_memory) {
    space = spare_spaces::Take(module->artifact(), layout_.size, layout_.stack_size);
    is_spare_ = space.begin() != nullptr;
  }
  if (!is_spare_) {
    GUARDC_TRY(space, ReserveAddressSpace(layout_.size, "an instance", module->name()));
    // The context and the initial pages lie side by side.
    const uint64_t end = contents == Store::Impl::Contents::kInitial ? layout_.initial_size : layout_.memory_at;
    if (!Commit(space.begin() + layout_.stack_at, layout_.stack_size) ||
        !Commit(space.begin() + layout_.context_at, end - layout_.context_at)) {
      return Fail(ErrorKind::kOutOfMemory,
                  Format("cannot make {} KiB accessible for the stack, the context and the initial memory of '{}'{}",
                         (layout_.stack_size + end - layout_.context_at) >> 10, module->name(), MapCountNote()));
    }
  }
  activation.stack_guard_low = reinterpret_cast<uintptr_t>(space.begin());
  activation.stack_low = activation.stack_guard_low + layout_.stack_at;
  activation.stack_top = activation.stack_low + layout_.stack_size;
  activation.regions = &store.regions;
  context = reinterpret_cast<abi::VmContext*>(space.begin() + layout_.context_at);
  *context = {&guardc_call_host, &kBuiltins, this, 0};
  return {};
}

Instance::Impl::~Impl() {
  // Of an instance that failed nothing is used again.
  if (!leaves_space || failure != nullptr) return;
  // The Store's record of the memory is gone already.
  const uint64_t memory_size = ContextAt<abi::VmMemory>(header().ctx_memories)->size;
  spare_spaces::Keep(module->artifact(), std::move(space), layout_.stack_size, layout_.initial_size,
                     layout_.memory_at + memory_size);
}

Result<void> Instance::Impl::CreateMemories(Store::Impl::Contents contents) {
  const size_t imported = memories.size();
  auto** pointers = ContextAt<abi::VmMemory*>(header().ctx_imported_memories);
  for (size_t i = 0; i < imported; ++i) pointers[i] = memories[i]->vm;

  const auto defined = module->artifact().List<abi::MemoryRecord>(header().memories);
  for (size_t i = 0; i < defined.size(); ++i) {
    LinearMemory& memory = store.memories.emplace_back();
    memory.store = &store;
    memory.type.limits = ToLimits(defined[i].limits);
    GUARDC_TRY(memory.max_pages, MaxPages(memory.type.limits, store.options.memory_cap_pages));
    memory.reserved = MemoryReservation(memory.max_pages, (defined[i].flags & abi::MemoryRecord::kBoundsChecked) != 0);
    std::byte* base = reinterpret_cast<std::byte*>(context) + header().context_size;
    if (imported + i != 0) {
      GUARDC_TRY(memory.space, ReserveAddressSpace(memory.reserved, "a further memory", module->name()));
      base = memory.space.begin();
    }
    memory.vm = ContextAt<abi::VmMemory>(header().ctx_memories) + i;
    *memory.vm = {reinterpret_cast<uint8_t*>(base), 0};
    if (contents == Store::Impl::Contents::kNone) {
      // The snapshot's, later.
    } else if (imported + i == 0) {
      memory.vm->size = memory.type.limits.min * kWasmPageSize;  // accessible, see Allocate
    } else if (memory.Grow(memory.type.limits.min) != 0) {
      return Fail(ErrorKind::kOutOfMemory, Format("cannot make the initial {} pages of a memory of '{}' accessible{}",
                                                  memory.type.limits.min, module->name(), MapCountNote()));
    }
    memories.push_back(&memory);
    memory.budget = &memory_budget;
    memory_budget.members.push_back(&memory);
  }
  return {};
}

// Data segments with constant offsets, as pages of the artifact's file: nothing is copied until the guest writes.
Result<void> Instance::Impl::MapImage() {
  const loader::LoadedArtifact& artifact = module->artifact();
  const size_t imported = CountImports(artifact, ExternKind::kMemory);
  for (const abi::ImageRange& range : artifact.List<abi::ImageRange>(header().image_ranges)) {
    if (is_spare_ && imported + range.memory == 0) continue;  // still mapped
    const abi::VmMemory& memory = *memories[imported + range.memory]->vm;
    if (range.memory_offset > memory.size || range.size > memory.size - range.memory_offset) {
      return Fail(ErrorKind::kCorruptArtifact,
                  Format("the memory image of '{}' does not fit into its memory", module->name()));
    }
    void* at = memory.base + range.memory_offset;
    if (mmap(at, range.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, artifact.image_fd(),
             static_cast<off_t>(artifact.image_file_offset() + range.image_offset)) != at) {
      return Fail(ErrorKind::kOutOfMemory,
                  Format("cannot map the memory image of '{}': {}{}", module->name(), strerror(errno), MapCountNote()));
    }
  }
  return {};
}

Result<void> Instance::Impl::CreateTables() {
  auto** pointers = ContextAt<abi::VmTable*>(header().ctx_imported_tables);
  for (size_t i = 0; i < tables.size(); ++i) pointers[i] = tables[i]->vm;

  auto* records = ContextAt<abi::VmTable>(header().ctx_tables);
  for (const abi::TableRecord& defined : module->artifact().List<abi::TableRecord>(header().tables)) {
    abi::VmTable* record = records++;
    if ((defined.flags & abi::TableRecord::kStatic) != 0) {
      tables.push_back(nullptr);
      continue;
    }
    TableObject& table = store.tables.emplace_back();
    table.store = &store;
    const TableType type{static_cast<ValType>(defined.element), ToLimits(defined.limits)};
    GUARDC_CHECK(table.Create(type, store.options.table_cap, record, nullptr));
    tables.push_back(&table);
    table.budget = &table_budget;
    table_budget.members.push_back(&table);
  }
  return {};
}

void Instance::Impl::CreateGlobals() {
  auto** pointers = ContextAt<abi::Value*>(header().ctx_imported_globals);
  for (size_t i = 0; i < globals.size(); ++i) pointers[i] = globals[i]->value;

  auto* values = ContextAt<abi::Value>(header().ctx_globals);
  for (const abi::GlobalRecord& defined : module->artifact().List<abi::GlobalRecord>(header().globals)) {
    GlobalObject& global = store.globals.emplace_back();
    global.store = &store;
    global.type = {static_cast<ValType>(defined.type), defined.is_mutable != 0};
    global.value = values++;
    globals.push_back(&global);
  }
}

void Instance::Impl::FillFunctions(std::span<const ResolvedImport> imports) {
  const loader::LoadedArtifact& artifact = module->artifact();
  const auto types = artifact.List<abi::TypeRecord>(header().types);
  const auto type_ids = TypeIdsOf(artifact);
  std::ranges::copy(type_ids, ContextAt<uint32_t>(header().ctx_type_ids));

  auto* slot = ContextAt<abi::VmFuncRef>(header().ctx_funcrefs);
  const auto import_records = artifact.List<abi::ImportRecord>(header().imports);
  for (size_t i = 0; i < imports.size(); ++i) {
    const auto* func = std::get_if<ImportedFunc>(&imports[i]);
    if (func == nullptr) continue;
    const void* function_code = func->code;
    if (function_code == nullptr) function_code = artifact.At<char>(types[import_records[i].type].host_thunk);
    *slot++ = {function_code, func->context, func->type_id, 0};
  }
  for (const abi::FuncRefRecord& func : artifact.List<abi::FuncRefRecord>(header().funcrefs)) {
    const int32_t tail_offset = func.tail_code != 0 ? func.tail_code - func.code : 0;
    *slot++ = {artifact.At<char>(func.code), context, type_ids[func.type], tail_offset};
  }
}

void Instance::Impl::FillElemSegments() {
  const loader::LoadedArtifact& artifact = module->artifact();
  const auto items = artifact.List<uint32_t>(header().elem_items);
  auto* funcrefs = ContextAt<abi::VmFuncRef>(header().ctx_funcrefs);
  auto* records = ContextAt<abi::VmElemSegment>(header().ctx_elem_segments);
  for (const abi::ElemSegmentRecord& segment : artifact.List<abi::ElemSegmentRecord>(header().elem_segments)) {
    std::vector<void*>& elements = elem_segments.emplace_back();
    elements.reserve(segment.count);
    for (const uint32_t item : items.subspan(segment.first_item, segment.count)) {
      if (item == abi::ElemSegmentRecord::kNullItem) {
        elements.push_back(nullptr);
      } else if ((item & abi::ElemSegmentRecord::kGlobalItem) != 0) {
        elements.push_back(globals[item & ~abi::ElemSegmentRecord::kGlobalItem]->value->ref);
      } else {
        elements.push_back(&funcrefs[item]);
      }
    }
    *records++ = {elements.data(), elements.size()};
  }
}

const abi::ExportRecord* Instance::Impl::FindExport(std::string_view name) const {
  const loader::LoadedArtifact& artifact = module->artifact();
  for (const abi::ExportRecord& record : artifact.List<abi::ExportRecord>(header().exports)) {
    if (artifact.String(record.name) == name) return &record;
  }
  return nullptr;
}

}  // namespace guardc
