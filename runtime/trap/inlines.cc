#include "runtime/trap/inlines.h"

#include "runtime/trap/byte_reader.h"

namespace guardc {

namespace {

struct Scope {
  uint32_t function;
  uint64_t parent;  // 0: the machine function; else 1 + a place before this one
};

// Of one function's record, behind its head.
std::vector<uint32_t> InlinedIn(ByteReader record, uintptr_t code, uintptr_t pc) {
  std::vector<Scope> scopes;
  for (uint64_t count = record.Uleb(); scopes.size() < count && !record.failed();) {
    const auto function = static_cast<uint32_t>(record.Uleb());
    const uint64_t parent = record.Uleb();
    if (parent > scopes.size()) return {};  // so that the way up ends
    scopes.push_back({function, parent});
  }
  uint64_t scope = 0;
  for (uintptr_t at = code; !record.AtEnd() && !record.failed();) {
    at += record.Uleb();
    const uint64_t next = record.Uleb();
    if (at > pc) break;
    scope = next;
  }
  std::vector<uint32_t> functions;
  while (scope != 0 && scope <= scopes.size()) {
    functions.push_back(scopes[scope - 1].function);
    scope = scopes[scope - 1].parent;
  }
  return functions;
}

}  // namespace

std::vector<uint32_t> InlinedAt(std::span<const uint8_t> inline_table, uintptr_t code, uintptr_t pc) {
  ByteReader table(inline_table);
  while (!table.AtEnd() && !table.failed()) {
    ByteReader record(table.Bytes(table.Fixed<uint32_t>()));
    if (record.PcRelative() == code && !record.failed()) return InlinedIn(record, code, pc);
  }
  return {};
}

}  // namespace guardc
