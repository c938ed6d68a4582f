// Bytes as lower-case hexadecimal digits, as manifests and the cache's names have them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace guardc {

inline constexpr std::string_view kHexDigits = "0123456789abcdef";

inline std::string HexOf(std::span<const uint8_t> bytes) {
  std::string text;
  text.reserve(2 * bytes.size());
  for (const uint8_t byte : bytes) {
    text += kHexDigits[byte >> 4];
    text += kHexDigits[byte & 15];
  }
  return text;
}

// Exactly the digits of `bytes` bytes.
inline bool IsHexOf(std::string_view text, size_t bytes) {
  return text.size() == 2 * bytes && text.find_first_not_of(kHexDigits) == std::string_view::npos;
}

}  // namespace guardc
