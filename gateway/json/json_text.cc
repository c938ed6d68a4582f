#include "gateway/json/json_text.h"

#include <algorithm>

namespace guardc::gateway {

Result<std::shared_ptr<const JsonText>> JsonText::Parse(std::string text, std::string_view what) {
  if (text.size() > kMaxJsonBytes) {
    return Fail(ErrorKind::kLimit, std::string(what) + " has " + std::to_string(text.size()) + " bytes; the limit is " +
                                       std::to_string(kMaxJsonBytes));
  }
  std::shared_ptr<JsonText> parsed(new JsonText);
  parsed->text_ = std::move(text);
  const Indexed indexed = parsed->BuildIndex();
  if (indexed == Indexed::kDone) return parsed;
  if (indexed == Indexed::kOutOfMemory) {
    return Fail(ErrorKind::kOutOfMemory, std::string(what) + " needs more memory than there is");
  }
  GUARDC_CHECK(CheckJson(parsed->text_, what));
  return Fail(ErrorKind::kInternal, std::string(what) + " is JSON, and yet has no index");
}

std::string JsonText::Take(std::shared_ptr<const JsonText>&& text) {
  if (text.use_count() != 1) return text->text_;
  // Nobody else has it, and it was not made const.
  return std::move(const_cast<JsonText&>(*text).text_);
}

std::string OnOneLine(std::string_view json) {
  constexpr std::string_view kSpaces = " \t\n\r";
  json = json.substr(0, json.find_last_not_of(kSpaces) + 1);
  if (json.find_first_of("\n\r") == std::string_view::npos) return std::string(json);
  std::string out;
  out.reserve(json.size());
  bool in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '\n' || c == '\r' || (!in_string && (c == ' ' || c == '\t'))) continue;
    out += c;
    if (c == '"') in_string = !in_string;
    const bool is_escape = c == '\\' && (json.substr(i + 1).starts_with('"') || json.substr(i + 1).starts_with('\\'));
    if (is_escape) out += json[++i];
  }
  return out;
}

}  // namespace guardc::gateway
