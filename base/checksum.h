// XXH3-128: tells damage from what was written, at the speed of memory. Whoever can choose the bytes can make two that
// agree, so it stands beside a SHA-256, never in the place of one that somebody relies on (docs/security.md).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace guardc {

struct Xxh3Digest {
  std::array<uint8_t, 16> bytes{};
  bool operator==(const Xxh3Digest&) const = default;

  std::string Hex() const;  // 32 lower-case digits, as `xxh128sum` prints them
};

// Exactly 32 lower-case hexadecimal digits.
bool IsXxh3Hex(std::string_view text);

// Streaming form. One thread at a time.
class Xxh3 {
 public:
  Xxh3();
  void Update(std::span<const std::byte> bytes);
  Xxh3Digest Finish();  // ends it: no further Update

 private:
  // XXH3_state_t, whose header stays out of this one; checksum.cc asserts size and alignment.
  alignas(64) std::array<std::byte, 576> state_;
};

Xxh3Digest Xxh3Of(std::span<const std::byte> bytes);

}  // namespace guardc
