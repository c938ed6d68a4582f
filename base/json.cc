#include "base/json.h"

#include <string>

namespace guardc {

template <class Json>
Result<Json> ParseJson(std::string_view text, std::string_view what) {
  GUARDC_CHECK(CheckJson(text, what));
  Json parsed = Json::parse(text, /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (parsed.is_discarded()) {
    return Fail(ErrorKind::kInvalidArgument,
                std::string(what) + " holds a number outside of a double's range, or half of a surrogate pair");
  }
  return parsed;
}

template Result<nlohmann::json> ParseJson(std::string_view text, std::string_view what);
template Result<nlohmann::ordered_json> ParseJson(std::string_view text, std::string_view what);

}  // namespace guardc
