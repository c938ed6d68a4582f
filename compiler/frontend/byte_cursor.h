// Reads the primitives of the binary format (core 2.0, 5.2) out of a byte range: strict LEB128, names, sub-ranges.
// For the parts of a module that wabt does not read for us; every read is bounded by the range.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace guardc::compiler {

// Whether `bytes` is UTF-8 without surrogates and overlong forms, as names must be.
bool IsUtf8(std::string_view bytes);

class ByteCursor {
 public:
  // Reads bytes[begin, end); offsets are those of `bytes`.
  ByteCursor(std::span<const uint8_t> bytes, size_t begin, size_t end) : bytes_(bytes), at_(begin), end_(end) {}

  size_t offset() const { return at_; }
  size_t left() const { return end_ - at_; }
  bool AtEnd() const { return at_ == end_; }

  // Each is empty, and the cursor stays, when the bytes do not encode the thing.
  std::optional<uint8_t> U8();
  std::optional<uint32_t> U32() { return Unsigned<uint32_t>(); }
  std::optional<uint64_t> U64() { return Unsigned<uint64_t>(); }
  std::optional<int32_t> S32() { return Signed<int32_t>(); }
  std::optional<int64_t> S64() { return Signed<int64_t>(); }
  std::optional<std::string_view> Bytes(size_t size);
  std::optional<std::string_view> Name();

 private:
  template <class T>
  std::optional<T> Unsigned();
  template <class T>
  std::optional<T> Signed();

  std::span<const uint8_t> bytes_;
  size_t at_;
  size_t end_;
};

}  // namespace guardc::compiler
