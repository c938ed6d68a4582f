// Ranges of reserved address space, of which parts are made accessible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/file.h"
#include "guardc/result.h"

namespace guardc {

// Granule of what generated code and runtime lay out: the largest page size of the machine's kernels.
#if defined(__aarch64__)
inline constexpr uint64_t kLayoutPage = 65536;
#else
inline constexpr uint64_t kLayoutPage = 4096;
#endif

constexpr uint64_t RoundUp(uint64_t value, uint64_t granule) { return (value + granule - 1) / granule * granule; }

// Inaccessible at first. `what` and `of` name the purpose in the error: kOutOfMemory, with the size that was asked for.
[[nodiscard]] Result<Mapping> ReserveAddressSpace(uint64_t size, std::string_view what, std::string_view of = {});

// Makes whole pages of a reservation readable and writable, zero at first. False where the system refuses.
[[nodiscard]] bool Commit(std::byte* begin, uint64_t size);

// The opposite: inaccessible again, and what was there is gone.
[[nodiscard]] bool Decommit(std::byte* begin, uint64_t size);

// Gives the pages back to the system: what is mapped there is untouched again, zeros or a file's contents. What is
// accessible stays so.
[[nodiscard]] bool Discard(std::byte* begin, uint64_t size);

}  // namespace guardc
