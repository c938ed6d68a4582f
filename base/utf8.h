// UTF-8 (RFC 3629) in short texts: log lines, names. For text of megabytes see gateway/json/json_text.h.
#pragma once

#include <cstddef>
#include <string_view>

namespace guardc {

// The length of the well-formed sequence at the start of `bytes`, which are not empty; 0 where there is none.
size_t Utf8Length(std::string_view bytes);

bool IsUtf8(std::string_view text);

// Whether a character, one well-formed sequence, moves or turns the text around it: controls (C0 and C1), separators of
// lines and paragraphs, marks of direction.
bool IsControl(std::string_view character);

}  // namespace guardc
