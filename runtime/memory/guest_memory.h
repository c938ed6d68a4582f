// The one way host functions reach guest memory: a checked span or nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

#include "artifact/abi.h"

namespace guardc {

// A guest address of a 32-bit memory: never a bare integer, never a host pointer.
enum class GuestPtr : uint32_t {};

constexpr uint32_t ToU32(GuestPtr p) { return static_cast<uint32_t>(p); }

// A view of one linear memory. The size is read at every check, since the guest may have grown it; a span is valid
// until guest code runs again. Copy small structures out before use: nothing else writes guest memory meanwhile (calls
// are serialised), but checks and use must see the same bytes.
class GuestMemory {
 public:
  GuestMemory() = default;
  explicit GuestMemory(const abi::VmMemory* memory) : memory_(memory) {}

  // Empty when [ptr, ptr + size) is not inside memory. A size of 0 is fine at any ptr <= memory size.
  std::optional<std::span<std::byte>> Span(GuestPtr ptr, uint64_t size) const {
    if (memory_ == nullptr || size > memory_->size || ToU32(ptr) > memory_->size - size) return std::nullopt;
    // The only place where a guest address becomes a host pointer.
    return std::span(reinterpret_cast<std::byte*>(memory_->base) + ToU32(ptr), size);
  }

  template <class T>
    requires std::is_trivially_copyable_v<T>
  std::optional<T> Load(GuestPtr ptr) const {
    const auto span = Span(ptr, sizeof(T));
    if (!span) return std::nullopt;
    T value;
    std::memcpy(&value, span->data(), sizeof(T));
    return value;
  }

  template <class T>
    requires std::is_trivially_copyable_v<T>
  bool Store(GuestPtr ptr, const T& value) const {
    const auto span = Span(ptr, sizeof(T));
    if (!span) return false;
    std::memcpy(span->data(), &value, sizeof(T));
    return true;
  }

  uint64_t size() const { return memory_ == nullptr ? 0 : memory_->size; }

 private:
  const abi::VmMemory* memory_ = nullptr;
};

}  // namespace guardc
