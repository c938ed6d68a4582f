#include "runtime/memory/linear_memory.h"

#include <algorithm>

#include "base/format.h"

namespace guardc {

uint64_t LinearMemory::Grow(uint64_t delta_pages) {
  constexpr uint64_t kRefused = ~uint64_t{0};
  const uint64_t old_pages = pages();
  if (delta_pages > max_pages - old_pages) return kRefused;
  if (budget != nullptr && delta_pages > budget->Left()) return kRefused;
  if (!Commit(reinterpret_cast<std::byte*>(vm->base) + vm->size, delta_pages * kWasmPageSize)) return kRefused;
  vm->size += delta_pages * kWasmPageSize;
  return old_pages;
}

uint64_t MemoryReservation(uint64_t max_pages, bool is_bounds_checked) {
  // A page behind the end, so that not even a defect of the checks meets a neighbour at once.
  if (is_bounds_checked) return RoundUp(max_pages * kWasmPageSize, kLayoutPage) + 65536;
  return abi::kMemoryReservation;
}

Result<uint64_t> MaxPages(const Limits& limits, uint64_t cap) {
  // What fits into the reservation, or (64-bit memories) into an address space.
  const uint64_t most = limits.is_64 ? uint64_t{1} << 30 : 65536;
  const uint64_t limit = std::min(cap, most);
  if (limits.min > limit) {
    ErrorDetails details;
    details.limit = limit;
    details.needed_size = limits.min;
    return Fail(ErrorKind::kLimit,
                Format("memory minimum {} pages, limit {} pages of 64 KiB: the module begins with more memory than "
                       "its instance may have; raise the cap (--memory-cap, memory_cap_pages) to {}, or reduce the "
                       "module's initial memory or stack",
                       limits.min, limit, limits.min),
                std::move(details));
  }
  return std::min(limits.max.value_or(most), limit);
}

}  // namespace guardc
