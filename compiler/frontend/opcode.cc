#include "compiler/frontend/opcode.h"

#include <iterator>

namespace guardc::compiler {
namespace {

constexpr std::string_view kNames[] = {
#define WABT_OPCODE(rtype, type1, type2, type3, mem_size, prefix, code, Name, text, decomp) text,
#include <wabt/opcode.def>
#undef WABT_OPCODE
};

}  // namespace

std::string_view OpName(Op op) {
  const auto index = static_cast<size_t>(op);
  return index < std::size(kNames) ? kNames[index] : "unknown";
}

}  // namespace guardc::compiler
