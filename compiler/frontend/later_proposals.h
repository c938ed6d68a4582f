// Names for what modules of later proposals are refused by. wabt, which does not know them, calls them malformed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace guardc::compiler {

// "" where the byte is a type of no proposal.
std::string_view ProposalOfType(uint8_t byte);

// Of the instruction at `at`.
std::string_view ProposalOfOpcode(std::span<const uint8_t> wasm, size_t at);

// The proposal to which belongs what wabt complains of. `at` is where its reader stands, `item_start` the offset of the
// instruction being read. "" where the module is malformed for all proposals known here.
std::string_view ProposalBehind(std::string_view message, std::span<const uint8_t> wasm, size_t at, size_t item_start);

}  // namespace guardc::compiler
