// One number that the label calls and the gateway's side agree on.
#pragma once

#include <cstddef>

namespace guardc {

// Capacity that an answer's string has behind its bytes: the JSON parser reads past a text's end, and would otherwise
// have to copy it first.
inline constexpr size_t kAnswerSpare = 64;

}  // namespace guardc
