// Reads the tables beside generated code (.eh_frame, the inline table) and never beyond their end: after a read that
// does not fit, failed() is true and all that is read is 0. Encodings: DWARF 5, section 7.6.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace guardc {

class ByteReader {
 public:
  explicit ByteReader(std::span<const uint8_t> bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool AtEnd() const { return at_ >= end_; }
  bool failed() const { return failed_; }
  const uint8_t* at() const { return at_; }

  template <class T>
  T Fixed() {
    if (static_cast<size_t>(end_ - at_) < sizeof(T)) {
      failed_ = true;
      at_ = end_;
      return 0;
    }
    T value;
    std::memcpy(&value, at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }

  uint64_t Uleb() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = Fixed<uint8_t>();
      value |= uint64_t{byte & 0x7fu} << shift;
      if ((byte & 0x80) == 0) return value;
    }
    failed_ = true;
    return 0;
  }

  int64_t Sleb() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = Fixed<uint8_t>();
      value |= uint64_t{byte & 0x7fu} << shift;
      if ((byte & 0x80) == 0) {
        if ((byte & 0x40) != 0 && shift + 7 < 64) value |= ~uint64_t{0} << (shift + 7);
        return static_cast<int64_t>(value);
      }
    }
    failed_ = true;
    return 0;
  }

  std::span<const uint8_t> Bytes(uint64_t count) {
    if (static_cast<uint64_t>(end_ - at_) < count) {
      failed_ = true;
      at_ = end_;
      return {};
    }
    const std::span<const uint8_t> bytes(at_, count);
    at_ += count;
    return bytes;
  }

  std::span<const uint8_t> Rest() { return Bytes(static_cast<uint64_t>(end_ - at_)); }

  // A pointer of the one encoding that is used for code, relative to its own place.
  uintptr_t PcRelative() {
    const auto here = reinterpret_cast<uintptr_t>(at_);
    return here + static_cast<intptr_t>(Fixed<int32_t>());
  }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
  bool failed_ = false;
};

}  // namespace guardc
