// A module taken apart at its sections and function bodies, changed, and put together again with sizes that are right.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tests/fuzz/validity/writer.h"

namespace guardc::validity {

inline constexpr uint8_t kCodeSection = 10;
inline constexpr uint8_t kDataSection = 11;

struct SectionPart {
  uint8_t id = 0;
  Bytes content;              // empty for the code section
  std::vector<Bytes> bodies;  // of the code section, without their sizes
};

struct Parts {
  std::vector<SectionPart> sections;

  // Empty where section or body sizes are not right.
  static std::optional<Parts> Of(std::span<const uint8_t> wasm);
  Bytes Join() const;
  // The first of that id, or null.
  SectionPart* Find(uint8_t id);
  const SectionPart* Find(uint8_t id) const { return const_cast<Parts*>(this)->Find(id); }
};

}  // namespace guardc::validity
