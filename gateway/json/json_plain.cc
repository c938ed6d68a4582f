// The index of a JsonText without simdjson: slower, and nothing to load. A program that has to start fast has this file
// among its sources; it then takes nothing of json_simd.cc from the library.
#include <utility>

#include "base/utf8.h"
#include "gateway/json/json_text.h"

namespace guardc::gateway {

JsonText::Indexed JsonText::BuildIndex() {
  auto index = JsonIndex::Of(text_, "");
  if (!index) return Indexed::kNotJson;
  index_ = std::move(*index);
  return Indexed::kDone;
}

bool IsUtf8(std::string_view text) { return guardc::IsUtf8(text); }

}  // namespace guardc::gateway
