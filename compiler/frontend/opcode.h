// The instructions of WebAssembly as an enumeration. The list is wabt's, so that it cannot drift from what the reader
// delivers; nothing else of wabt comes with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace guardc::compiler {

enum class Op : uint16_t {
#define WABT_OPCODE(rtype, type1, type2, type3, mem_size, prefix, code, Name, text, decomp) k##Name,
#include <wabt/opcode.def>
#undef WABT_OPCODE
};
inline constexpr size_t kOpCount = 0
#define WABT_OPCODE(rtype, type1, type2, type3, mem_size, prefix, code, Name, text, decomp) +1
#include <wabt/opcode.def>
#undef WABT_OPCODE
    ;

// The text format's name ("i32.add").
std::string_view OpName(Op op);

}  // namespace guardc::compiler
