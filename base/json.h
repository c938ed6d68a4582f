// Text into a DOM: nlohmann's parser behind the one check of what JSON text is. It is called nowhere else.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "base/json_check.h"
#include "guardc/result.h"

namespace guardc {

// The errors of CheckJson(), and kInvalidArgument for what a DOM cannot hold. `Json` is nlohmann::json or ordered_json.
template <class Json = nlohmann::json>
Result<Json> ParseJson(std::string_view text, std::string_view what);

// In json.cc alone, since the parser is large.
extern template Result<nlohmann::json> ParseJson(std::string_view text, std::string_view what);
extern template Result<nlohmann::ordered_json> ParseJson(std::string_view text, std::string_view what);

}  // namespace guardc
