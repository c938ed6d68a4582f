// A linear memory: its type, its limit here, and the record that generated code reads.
#pragma once

#include <cstdint>

#include "artifact/abi.h"
#include "guardc/types.h"
#include "runtime/memory/address_space.h"
#include "runtime/memory/budget.h"

namespace guardc {

struct LinearMemory {
  MemoryType type;
  uint64_t max_pages = 0;                        // of the type and the Store's cap, the smaller
  const Budget<LinearMemory>* budget = nullptr;  // of the instance that defines it; the host's have none
  uint64_t reserved = 0;                         // bytes of address space from the base
  abi::VmMemory* vm = nullptr;                   // in the defining instance's context, or `own`
  abi::VmMemory own = {};
  Mapping space;  // unless it lies in the defining instance's reservation
  const void* store = nullptr;

  uint64_t pages() const { return vm->size / kWasmPageSize; }
  uint64_t units() const { return pages(); }

  // The old size in pages, or all ones where the limit forbids or the system refuses.
  uint64_t Grow(uint64_t delta_pages);
};

// Bytes of address space for a memory of this type. Code that checks each access needs what the memory may grow to;
// other code needs MEM-1's reservation.
uint64_t MemoryReservation(uint64_t max_pages, bool is_bounds_checked);

// kLimit where the type's minimum is above the cap.
[[nodiscard]] Result<uint64_t> MaxPages(const Limits& limits, uint64_t cap);

}  // namespace guardc
