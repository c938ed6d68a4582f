#include "tests/fuzz/validity/parts.h"

#include <algorithm>

#include "compiler/frontend/byte_cursor.h"

namespace guardc::validity {
namespace {

constexpr size_t kHeaderSize = 8;

Bytes Range(std::span<const uint8_t> wasm, size_t begin, size_t size) {
  const auto part = wasm.subspan(begin, size);
  return Bytes(part.begin(), part.end());
}

bool SplitBodies(std::span<const uint8_t> wasm, size_t begin, size_t end, std::vector<Bytes>& bodies) {
  compiler::ByteCursor cursor(wasm, begin, end);
  const auto count = cursor.U32();
  if (!count || *count > cursor.left()) return false;
  for (uint32_t i = 0; i < *count; ++i) {
    const auto size = cursor.U32();
    if (!size) return false;
    const size_t at = cursor.offset();
    if (!cursor.Bytes(*size)) return false;
    bodies.push_back(Range(wasm, at, *size));
  }
  return cursor.AtEnd();
}

}  // namespace

std::optional<Parts> Parts::Of(std::span<const uint8_t> wasm) {
  if (wasm.size() < kHeaderSize) return std::nullopt;
  Parts parts;
  compiler::ByteCursor cursor(wasm, kHeaderSize, wasm.size());
  while (!cursor.AtEnd()) {
    SectionPart part{.id = *cursor.U8(), .content = {}, .bodies = {}};
    const auto size = cursor.U32();
    if (!size) return std::nullopt;
    const size_t at = cursor.offset();
    if (!cursor.Bytes(*size)) return std::nullopt;
    if (part.id != kCodeSection) {
      part.content = Range(wasm, at, *size);
    } else if (!SplitBodies(wasm, at, at + *size, part.bodies)) {
      return std::nullopt;
    }
    parts.sections.push_back(std::move(part));
  }
  return parts;
}

Bytes Parts::Join() const {
  Bytes wasm = {0, 'a', 's', 'm', 1, 0, 0, 0};
  const auto append = [](Bytes& to, const Bytes& from) {
    AppendU32(to, static_cast<uint32_t>(from.size()));
    to.insert(to.end(), from.begin(), from.end());
  };
  for (const SectionPart& part : sections) {
    wasm.push_back(part.id);
    if (part.id != kCodeSection) {
      append(wasm, part.content);
      continue;
    }
    Bytes code;
    AppendU32(code, static_cast<uint32_t>(part.bodies.size()));
    for (const Bytes& body : part.bodies) append(code, body);
    append(wasm, code);
  }
  return wasm;
}

SectionPart* Parts::Find(uint8_t id) {
  const auto found = std::ranges::find(sections, id, &SectionPart::id);
  return found == sections.end() ? nullptr : &*found;
}

}  // namespace guardc::validity
