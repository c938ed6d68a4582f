// SHA-256, the hash of all that somebody may rely on: cache keys, the wasm's name in the cache, an object that is
// pinned. Beside it there is only base/checksum.h, against damage.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace guardc {

struct Sha256Digest {
  std::array<uint8_t, 32> bytes{};
  bool operator==(const Sha256Digest&) const = default;

  std::string Hex() const;  // 64 lower-case digits
};

// Exactly 64 lower-case hexadecimal digits.
bool IsSha256Hex(std::string_view text);

// Streaming form. One thread at a time.
class Sha256 {
 public:
  Sha256();
  void Update(std::span<const std::byte> bytes);
  void Update(std::string_view text);
  Sha256Digest Finish();  // ends it: no further Update

 private:
  // libcrypto's SHA256_CTX, whose header stays out of this one; hash.cc asserts size and alignment.
  alignas(8) std::array<std::byte, 112> state_;
};

Sha256Digest Sha256Of(std::span<const std::byte> bytes);
Sha256Digest Sha256Of(std::string_view text);

}  // namespace guardc
