#include "compiler/frontend/byte_cursor.h"

#include <wabt/utf8.h>

#include <type_traits>

namespace guardc::compiler {

bool IsUtf8(std::string_view bytes) { return wabt::IsValidUtf8(bytes.data(), bytes.size()); }

std::optional<uint8_t> ByteCursor::U8() {
  if (AtEnd()) return std::nullopt;
  return bytes_[at_++];
}

template <class T>
std::optional<T> ByteCursor::Unsigned() {
  constexpr int kBits = sizeof(T) * 8;
  T value = 0;
  size_t at = at_;
  for (int shift = 0; shift < kBits; shift += 7) {
    if (at == end_) return std::nullopt;
    const uint8_t byte = bytes_[at++];
    if (shift + 7 > kBits && (byte >> (kBits - shift)) != 0) return std::nullopt;  // bits that the type has not
    value |= static_cast<T>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) {
      at_ = at;
      return value;
    }
  }
  return std::nullopt;
}

template <class T>
std::optional<T> ByteCursor::Signed() {
  using U = std::make_unsigned_t<T>;
  constexpr int kBits = sizeof(T) * 8;
  U value = 0;
  size_t at = at_;
  for (int shift = 0; shift < kBits; shift += 7) {
    if (at == end_) return std::nullopt;
    const uint8_t byte = bytes_[at++];
    if (shift + 7 > kBits) {
      // The unused bits of the last byte must repeat the sign bit.
      const uint8_t used = kBits - shift;
      const uint8_t rest = static_cast<uint8_t>(byte >> (used - 1));
      if (rest != 0 && rest != (0x7f >> (used - 1))) return std::nullopt;
    }
    value |= static_cast<U>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) {
      if (shift + 7 < kBits && (byte & 0x40) != 0) value |= ~U{0} << (shift + 7);
      at_ = at;
      return static_cast<T>(value);
    }
  }
  return std::nullopt;
}

template std::optional<uint32_t> ByteCursor::Unsigned();
template std::optional<uint64_t> ByteCursor::Unsigned();
template std::optional<int32_t> ByteCursor::Signed();
template std::optional<int64_t> ByteCursor::Signed();

std::optional<std::string_view> ByteCursor::Bytes(size_t size) {
  if (size > left()) return std::nullopt;
  const std::string_view bytes(reinterpret_cast<const char*>(bytes_.data()) + at_, size);
  at_ += size;
  return bytes;
}

std::optional<std::string_view> ByteCursor::Name() {
  const size_t start = at_;
  const auto size = U32();
  const auto name = size ? Bytes(*size) : std::nullopt;
  if (!name || !IsUtf8(*name)) {
    at_ = start;
    return std::nullopt;
  }
  return name;
}

}  // namespace guardc::compiler
