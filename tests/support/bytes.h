// Texts as the bytes that files hold.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace guardc::test {

// A view: `text` must outlive it.
inline std::span<const std::byte> Bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

}  // namespace guardc::test
