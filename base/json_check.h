// What JSON text is, for every reader in the house: one value of RFC 8259 with white space around it, in UTF-8 and
// without a byte order mark; numbers of any size; no deeper than kMaxJsonDepth. Nothing may follow, NUL bytes included,
// which nlohmann's parser takes for the end of the text.
#pragma once

#include <cstdint>
#include <string_view>

#include "guardc/result.h"

namespace guardc {

// Guests and backends write what is read. A guard's own parser (serde_json) ends at 128 levels.
inline constexpr uint32_t kMaxJsonDepth = 1000;

// For text that is passed on unread, and before any that is read into a DOM. kInvalidArgument with the place: not
// JSON; kLimit: too deep. `what` names the text.
Result<void> CheckJson(std::string_view text, std::string_view what);

}  // namespace guardc
