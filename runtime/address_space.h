// A range of reserved address space, of which parts are made accessible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "guardc/result.h"

namespace guardc {

// Granule of what generated code and runtime lay out: the largest page size of the machine's kernels.
#if defined(__aarch64__)
inline constexpr uint64_t kLayoutPage = 65536;
#else
inline constexpr uint64_t kLayoutPage = 4096;
#endif

constexpr uint64_t RoundUp(uint64_t value, uint64_t granule) { return (value + granule - 1) / granule * granule; }

// Unmapped on destruction.
class AddressSpace {
 public:
  // `what` names the purpose in the error: kOutOfMemory, with the size that was asked for.
  [[nodiscard]] static Result<AddressSpace> Reserve(uint64_t size, std::string_view what);

  AddressSpace() = default;
  AddressSpace(AddressSpace&& other) noexcept
      : base_(std::exchange(other.base_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  AddressSpace& operator=(AddressSpace&& other) noexcept {
    std::swap(base_, other.base_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~AddressSpace();

  std::byte* base() const { return base_; }
  uint64_t size() const { return size_; }

 private:
  std::byte* base_ = nullptr;
  uint64_t size_ = 0;
};

// Makes whole pages of a reservation readable and writable, zero at first. False where the system refuses.
[[nodiscard]] bool Commit(std::byte* begin, uint64_t size);

}  // namespace guardc
