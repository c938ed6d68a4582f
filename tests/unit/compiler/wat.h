// Modules for tests, from text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace guardc::test {

// The binary of a module in text form, not validated. Aborts the test program where the text does not parse.
std::vector<std::byte> Wat(std::string_view text);

// "00 61 73 6d" -> bytes.
std::vector<std::byte> Hex(std::string_view digits);

// A guard that keeps the ABI, with `extra` fields of a module in it.
std::vector<std::byte> Guard(std::string_view extra = {});

}  // namespace guardc::test
