// Which functions were inlined at a place in the code (abi.h, the inline table).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace guardc {

// Function indices, innermost first; empty where nothing was inlined. `code`: where the machine function that holds
// `pc` begins. Bytes that are no such table give a wrong answer at worst.
std::vector<uint32_t> InlinedAt(std::span<const uint8_t> inline_table, uintptr_t code, uintptr_t pc);

}  // namespace guardc
