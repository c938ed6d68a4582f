// A table that changes or is seen from outside: its elements and the record that generated code reads.
#pragma once

#include <cstdint>
#include <vector>

#include "artifact/abi.h"
#include "guardc/result.h"
#include "guardc/types.h"
#include "runtime/memory/budget.h"

namespace guardc {

struct TableObject {
  TableType type;
  uint64_t max = 0;                             // elements: of the type and the Store's cap, the smaller
  const Budget<TableObject>* budget = nullptr;  // of the instance that defines it; the host's have none
  abi::VmTable* vm = nullptr;                   // in the defining instance's context, or `own`
  abi::VmTable own = {};
  std::vector<void*> elements;
  const void* store = nullptr;

  uint64_t units() const { return elements.size(); }

  // Gives it its minimum size, all `initial`. kLimit where that is above the cap.
  [[nodiscard]] Result<void> Create(const TableType& table_type, uint64_t cap, abi::VmTable* record, void* initial);
  // The old size, or all ones where the limit forbids or memory is short.
  uint64_t Grow(uint64_t delta, void* initial);
  // [start, start + count) is inside.
  bool Holds(uint64_t start, uint64_t count) const { return count <= vm->size && start <= vm->size - count; }
};

}  // namespace guardc
