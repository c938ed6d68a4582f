// What generated code asks of the runtime (abi::VmBuiltins). Host functions like any other: they run on the caller's
// stack and return.
#include <algorithm>
#include <cstring>

#include "runtime/call/call_control.h"
#include "runtime/instance/store_impl.h"

namespace guardc {

namespace {

Instance::Impl& InstanceOf(void* self) {
  return *static_cast<Instance::Impl*>(static_cast<abi::VmContext*>(self)->instance);
}

TrapCode MemoryGrow(void* self, abi::Value* values) {
  values[0].i64 = InstanceOf(self).memories[values[0].i64]->Grow(values[1].i64);
  return TrapCode::kNone;
}

TrapCode TableGrow(void* self, abi::Value* values) {
  values[0].i64 = InstanceOf(self).tables[values[0].i64]->Grow(values[2].i64, values[1].ref);
  return TrapCode::kNone;
}

TrapCode TableFill(void* self, abi::Value* values) {
  TableObject& table = *InstanceOf(self).tables[values[0].i64];
  const uint64_t start = values[1].i64, count = values[3].i64;
  if (!table.Holds(start, count)) return TrapCode::kTableOutOfBounds;
  std::fill_n(table.elements.begin() + static_cast<ptrdiff_t>(start), count, values[2].ref);
  return TrapCode::kNone;
}

TrapCode TableCopy(void* self, abi::Value* values) {
  TableObject& to = *InstanceOf(self).tables[values[0].i64];
  const TableObject& from = *InstanceOf(self).tables[values[1].i64];
  const uint64_t to_index = values[2].i64, from_index = values[3].i64, count = values[4].i64;
  if (!to.Holds(to_index, count) || !from.Holds(from_index, count)) return TrapCode::kTableOutOfBounds;
  if (count > 0) std::memmove(&to.elements[to_index], &from.elements[from_index], count * sizeof(void*));
  return TrapCode::kNone;
}

TrapCode TableInit(void* self, abi::Value* values) {
  Instance::Impl& instance = InstanceOf(self);
  TableObject& table = *instance.tables[values[0].i64];
  const auto& segment = instance.ContextAt<abi::VmElemSegment>(instance.header().ctx_elem_segments)[values[1].i64];
  const uint64_t to = values[2].i64, from = values[3].i64, count = values[4].i64;
  if (count > segment.size || from > segment.size - count || !table.Holds(to, count)) {
    return TrapCode::kTableOutOfBounds;
  }
  std::copy_n(segment.elements + from, count, table.elements.begin() + static_cast<ptrdiff_t>(to));
  return TrapCode::kNone;
}

// The address of an atomic operand, checked; null with the trap.
uint8_t* AtomicAddress(const LinearMemory& memory, uint64_t address, uint64_t width, TrapCode& trap) {
  if (address % width != 0) {
    trap = TrapCode::kUnalignedAtomic;
    return nullptr;
  }
  if (memory.vm->size < width || address > memory.vm->size - width) {
    trap = TrapCode::kMemoryOutOfBounds;
    return nullptr;
  }
  return memory.vm->base + address;
}

// Answers 0 woken, 1 not equal, 2 timed out. A Store belongs to one thread at a time, so nobody can wake a waiter:
// waiting ends by its time or by an interruption of the call.
TrapCode AtomicWait(void* self, abi::Value* values) {
  const LinearMemory& memory = *InstanceOf(self).memories[values[0].i64];
  const uint64_t width = values[4].i64;
  TrapCode trap = TrapCode::kNone;
  uint8_t* address = AtomicAddress(memory, values[1].i64, width, trap);
  if (address == nullptr) return trap;
  if (!memory.type.limits.is_shared) return TrapCode::kExpectedSharedMemory;
  uint64_t found = 0;
  std::memcpy(&found, address, width);
  const uint64_t expected = width == 4 ? values[2].i64 & 0xffffffff : values[2].i64;
  if (found != expected) {
    values[0].i32 = 1;
    return TrapCode::kNone;
  }
  const auto timeout = static_cast<int64_t>(values[3].i64);
  const Clock::time_point now = Clock::now();
  const auto longest = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::hours(24 * 365));
  const auto wait = timeout < 0 ? longest : std::min(std::chrono::nanoseconds(timeout), longest);
  SleepUntilInterrupted(now + wait);
  values[0].i32 = 2;
  return TrapCode::kNone;
}

TrapCode AtomicNotify(void* self, abi::Value* values) {
  const LinearMemory& memory = *InstanceOf(self).memories[values[0].i64];
  TrapCode trap = TrapCode::kNone;
  if (AtomicAddress(memory, values[1].i64, 4, trap) == nullptr) return trap;
  values[0].i32 = 0;
  return TrapCode::kNone;
}

}  // namespace

const abi::VmBuiltins kBuiltins = {MemoryGrow, TableGrow, TableFill, TableCopy, TableInit, AtomicWait, AtomicNotify};

}  // namespace guardc
