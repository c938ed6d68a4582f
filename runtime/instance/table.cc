#include "runtime/instance/table.h"

#include <algorithm>
#include <new>
#include <stdexcept>

#include "base/format.h"

namespace guardc {

Result<void> TableObject::Create(const TableType& table_type, uint64_t cap, abi::VmTable* record, void* initial) {
  type = table_type;
  vm = record;
  max = std::min(type.limits.max.value_or(cap), cap);
  if (type.limits.min > cap) {
    ErrorDetails details;
    details.limit = cap;
    return Fail(ErrorKind::kLimit, Format("table minimum {} elements, limit {}", type.limits.min, cap),
                std::move(details));
  }
  if (Grow(type.limits.min, initial) != 0) {
    return Fail(ErrorKind::kOutOfMemory, Format("no memory for a table of {} elements", type.limits.min));
  }
  return {};
}

uint64_t TableObject::Grow(uint64_t delta, void* initial) {
  constexpr uint64_t kRefused = ~uint64_t{0};
  const uint64_t old_size = elements.size();
  if (delta > max - old_size) return kRefused;
  if (budget != nullptr && delta > budget->Left()) return kRefused;
  try {
    elements.resize(old_size + delta, initial);
  } catch (const std::bad_alloc&) {
    return kRefused;
  } catch (const std::length_error&) {
    return kRefused;
  }
  *vm = {elements.data(), elements.size()};
  return old_size;
}

}  // namespace guardc
