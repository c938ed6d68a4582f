#include "runtime/instance/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <span>
#include <utility>

#include "base/format.h"
#include "base/map_count.h"
#include "base/memory_file.h"
#include "base/quiet_writes.h"
#include "runtime/instance/store_impl.h"

namespace guardc {

namespace {

constexpr uint64_t kPage = kLayoutPage;
// Mapping a range costs as much as copying some pages: ranges closer than this are one, and there are at most so many.
constexpr uint64_t kSmallestGap = 16 * kPage;
constexpr size_t kMostRanges = 16;

std::unexpected<Error> OutOfMemory(const Module& module, std::string_view what) {
  return Fail(ErrorKind::kOutOfMemory, Format("cannot {} a copy of an instance of '{}': {}{}", what, module.name(),
                                              strerror(errno), MapCountNote()));
}

std::unexpected<Error> CannotCarry(const Module& module, std::string_view what) {
  return Fail(ErrorKind::kUnsupported, Format("an instance of '{}' cannot be copied: {}", module.name(), what));
}

bool IsZero(const std::byte* page) {
  // Comparing with itself, shifted: the C library's memcmp is the fastest loop there is.
  return page[0] == std::byte{0} && std::memcmp(page, page + 1, kPage - 1) == 0;
}

Result<void> WriteAt(int fd, std::span<const std::byte> bytes, uint64_t offset, const Module& module) {
  while (!bytes.empty()) {
    const ssize_t n = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return OutOfMemory(module, "write");
    bytes = bytes.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return {};
}

struct Run {
  uint64_t begin;
  uint64_t end;
};

// The pages that are not all zero, in runs.
std::vector<Run> FindRuns(std::span<const std::byte> memory) {
  std::vector<Run> runs;
  for (uint64_t at = 0; at < memory.size(); at += kPage) {
    if (IsZero(memory.data() + at)) continue;
    if (!runs.empty() && at - runs.back().end < kSmallestGap) {
      runs.back().end = at + kPage;
    } else {
      runs.push_back({at, at + kPage});
    }
  }
  // Too many to map: the narrowest gaps are closed.
  if (runs.size() > kMostRanges) {
    std::vector<uint64_t> gaps;
    for (size_t i = 1; i < runs.size(); ++i) gaps.push_back(runs[i].begin - runs[i - 1].end);
    std::ranges::sort(gaps, std::greater());
    const uint64_t widest_closed = gaps[kMostRanges - 1];
    std::vector<Run> fewer = {runs[0]};
    for (const Run& run : std::span(runs).subspan(1)) {
      if (run.begin - fewer.back().end <= widest_closed) {
        fewer.back().end = run.end;
      } else {
        fewer.push_back(run);
      }
    }
    runs = std::move(fewer);
  }
  return runs;
}

// The instance's own funcrefs: imported functions first.
std::span<abi::VmFuncRef> FuncRefs(const Instance::Impl& instance) {
  size_t imported = 0;
  for (const abi::ImportRecord& import :
       instance.module->artifact().List<abi::ImportRecord>(instance.header().imports)) {
    if (static_cast<ExternKind>(import.kind) == ExternKind::kFunc) ++imported;
  }
  return {instance.ContextAt<abi::VmFuncRef>(instance.header().ctx_funcrefs),
          imported + instance.header().funcrefs.count};
}

constexpr uint32_t kNotOurs = ~uint32_t{0};

// The slot of a reference, from 1; 0 for null.
uint32_t ToSlot(const void* reference, std::span<const abi::VmFuncRef> funcrefs) {
  if (reference == nullptr) return 0;
  const auto offset = reinterpret_cast<uintptr_t>(reference) - reinterpret_cast<uintptr_t>(funcrefs.data());
  if (offset >= funcrefs.size_bytes() || offset % sizeof(abi::VmFuncRef) != 0) return kNotOurs;
  return static_cast<uint32_t>(offset / sizeof(abi::VmFuncRef)) + 1;
}

void* FromSlot(uint32_t slot, std::span<abi::VmFuncRef> funcrefs) { return slot == 0 ? nullptr : &funcrefs[slot - 1]; }

}  // namespace

InstanceSnapshot::InstanceSnapshot(std::shared_ptr<const Module> module)
    : id_([] {
        static std::atomic<uint64_t> next = 1;
        return next.fetch_add(1, std::memory_order_relaxed);
      }()),
      module_(std::move(module)) {}

Result<std::shared_ptr<const InstanceSnapshot>> InstanceSnapshot::Take(const Instance::Impl& instance) {
  const abi::ArtifactHeader& header = instance.header();
  for (const abi::ImportRecord& import : instance.module->artifact().List<abi::ImportRecord>(header.imports)) {
    if (static_cast<ExternKind>(import.kind) != ExternKind::kFunc) {
      return CannotCarry(*instance.module, "it imports what others share with it");
    }
  }
  if (instance.is_active || instance.failure != nullptr) {
    return CannotCarry(*instance.module, "it is in a call, or has failed");
  }
  std::shared_ptr<InstanceSnapshot> out(new InstanceSnapshot(instance.module));
  GUARDC_CHECK(out->TakeMemories(instance));
  GUARDC_CHECK(out->TakeTables(instance));
  GUARDC_CHECK(out->TakeGlobals(instance));
  const auto* data_sizes = instance.ContextAt<uint32_t>(header.ctx_data_sizes);
  out->data_sizes_.assign(data_sizes, data_sizes + header.data_sizes.count);
  const auto* segments = instance.ContextAt<abi::VmElemSegment>(header.ctx_elem_segments);
  for (uint32_t i = 0; i < header.elem_segments.count; ++i) out->elem_sizes_.push_back(segments[i].size);
  return out;
}

Result<void> InstanceSnapshot::TakeMemories(const Instance::Impl& instance) {
  const QuietWrites quiet;
  GUARDC_TRY(MemoryFile file, MemoryFile::Create("guardc:snapshot", MemoryFile::Use::kData));
  for (const LinearMemory* memory : instance.memories) {
    MemoryState& state = memories_.emplace_back();
    state.size = memory->vm->size;
    const std::span bytes(reinterpret_cast<const std::byte*>(memory->vm->base), state.size);
    for (const Run& run : FindRuns(bytes)) {
      state.ranges.push_back({run.begin, stored_bytes_, run.end - run.begin});
      stored_bytes_ += run.end - run.begin;
      // Pages of zeros stay holes of the file.
      if (ftruncate(file.fd(), static_cast<off_t>(stored_bytes_)) != 0) return OutOfMemory(*module_, "write");
      for (uint64_t at = run.begin; at < run.end; at += kPage) {
        if (IsZero(bytes.data() + at)) continue;
        const uint64_t offset = state.ranges.back().file_offset + (at - run.begin);
        GUARDC_CHECK(WriteAt(file.fd(), bytes.subspan(at, kPage), offset, *module_));
      }
    }
  }
  GUARDC_TRY(file_, std::move(file).Seal());
  return {};
}

Result<void> InstanceSnapshot::TakeTables(const Instance::Impl& instance) {
  const auto funcrefs = FuncRefs(instance);
  for (const TableObject* table : instance.tables) {
    TableState& state = tables_.emplace_back();
    if (table == nullptr) continue;  // static
    for (const void* element : table->elements) {
      const uint32_t slot = ToSlot(element, funcrefs);
      if (slot == kNotOurs) return CannotCarry(*module_, "a table refers to what is not its own");
      state.elements.push_back(slot);
    }
  }
  return {};
}

Result<void> InstanceSnapshot::TakeGlobals(const Instance::Impl& instance) {
  const auto funcrefs = FuncRefs(instance);
  for (const GlobalObject* global : instance.globals) {
    abi::Value& value = globals_.emplace_back(*global->value);
    if (!IsReference(global->type.type)) continue;
    const uint32_t slot = ToSlot(value.ref, funcrefs);
    if (slot == kNotOurs) return CannotCarry(*module_, "a global refers to what is not its own");
    value.i64 = slot;
  }
  return {};
}

Result<void> InstanceSnapshot::Restore(Instance::Impl& instance) const {
  if (instance.module != module_ || instance.is_active || instance.failure != nullptr) {
    return Fail(ErrorKind::kInternal, "an instance is restored that is another module's, in a call, or has failed");
  }
  instance.leaves_space = false;  // from now on the snapshot's pages are mapped there, or some of them
  for (size_t i = 0; i < memories_.size(); ++i) GUARDC_CHECK(RestoreMemory(instance, i));
  instance.snapshot_id = id_;
  const Activation& activation = instance.activation;
  if (!Discard(reinterpret_cast<std::byte*>(activation.stack_low), activation.stack_top - activation.stack_low)) {
    return OutOfMemory(*module_, "reset the stack of");
  }

  const auto funcrefs = FuncRefs(instance);
  for (size_t i = 0; i < tables_.size(); ++i) {
    TableObject* table = instance.tables[i];
    if (table == nullptr) continue;
    table->elements.resize(tables_[i].elements.size());
    for (size_t k = 0; k < table->elements.size(); ++k) {
      table->elements[k] = FromSlot(tables_[i].elements[k], funcrefs);
    }
    *table->vm = {table->elements.data(), table->elements.size()};
  }
  for (size_t i = 0; i < globals_.size(); ++i) {
    const GlobalObject& global = *instance.globals[i];
    *global.value = globals_[i];
    if (IsReference(global.type.type)) global.value->ref = FromSlot(static_cast<uint32_t>(globals_[i].i64), funcrefs);
  }
  std::ranges::copy(data_sizes_, instance.ContextAt<uint32_t>(instance.header().ctx_data_sizes));
  auto* segments = instance.ContextAt<abi::VmElemSegment>(instance.header().ctx_elem_segments);
  for (size_t i = 0; i < elem_sizes_.size(); ++i) {
    segments[i] = {instance.elem_segments[i].data(), elem_sizes_[i]};
  }
  return {};
}

// Where the memory was made from this snapshot, dropping its pages makes them the snapshot's again. Else, and for
// what it has grown by, it is mapped anew.
Result<void> InstanceSnapshot::RestoreMemory(Instance::Impl& instance, size_t index) const {
  const MemoryState& state = memories_[index];
  abi::VmMemory& memory = *instance.memories[index]->vm;
  auto* base = reinterpret_cast<std::byte*>(memory.base);
  // MEM-1: what lies beyond its maximum may not be its own.
  if (state.size > instance.memories[index]->max_pages * kWasmPageSize) {
    return Fail(ErrorKind::kInternal, "an instance is restored that has another limit of memory");
  }
  const bool is_ours = instance.snapshot_id == id_;
  const uint64_t kept = is_ours ? state.size : 0;
  if (!Discard(base, kept)) return OutOfMemory(*module_, "reset the memory of");
  if (memory.size > kept && !Decommit(base + kept, memory.size - kept)) {
    return OutOfMemory(*module_, "reset the memory of");
  }
  memory.size = kept;
  if (is_ours) return {};

  if (!Commit(base, state.size)) return OutOfMemory(*module_, "make accessible the memory of");
  for (const Range& range : state.ranges) {
    if (mmap(base + range.memory_offset, range.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, file_.get(),
             static_cast<off_t>(range.file_offset)) == MAP_FAILED) {
      return OutOfMemory(*module_, "map the memory of");
    }
  }
  memory.size = state.size;
  return {};
}

}  // namespace guardc
