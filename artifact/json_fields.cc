#include "artifact/json_fields.h"

#include <algorithm>

#include "base/checksum.h"
#include "base/hash.h"

namespace guardc::artifact {

namespace {

std::string Shown(const nlohmann::json& json) {
  std::string text = json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  if (text.size() > 40) text = text.substr(0, 40) + "...";
  return text;
}

}  // namespace

std::string JsonPlace::Text() const {
  const std::string before = parent != nullptr ? parent->Text() : "";
  if (index != kNoIndex) return before + "[" + std::to_string(index) + "]";
  return before.empty() || key.empty() ? before + std::string(key) : before + "." + std::string(key);
}

JsonFields::JsonFields(const Json& json, const JsonPlace& place, std::string& problem)
    : json_(json), place_(place), problem_(problem) {
  if (!json.is_object()) Report("", std::string("is ") + json.type_name() + ", expected an object");
  asked_.reserve(json.size());
}

JsonFields::~JsonFields() {
  if (!json_.is_object() || json_.size() == asked_.size()) return;
  for (const auto& [key, value] : json_.items()) {
    if (std::find(asked_.begin(), asked_.end(), key) == asked_.end()) Report(key, "is unknown");
  }
}

void JsonFields::Get(std::string_view key, std::string& value) {
  const Json& json = Member(key);
  if (const auto* text = json.get_ptr<const std::string*>()) {
    value = *text;
  } else {
    ReportType(key, json, "a string");
  }
}

void JsonFields::Get(std::string_view key, bool& value) {
  const Json& json = Member(key);
  if (json.is_boolean()) {
    value = json.get<bool>();
  } else {
    ReportType(key, json, "true or false");
  }
}

void JsonFields::GetOrNull(std::string_view key, std::optional<uint64_t>& value) {
  const Json& json = Member(key);
  if (json.is_null()) return;
  if (const auto* number = json.get_ptr<const Json::number_unsigned_t*>()) {
    value = *number;
  } else {
    ReportType(key, json, "a number or null");
  }
}

void JsonFields::GetSha256(std::string_view key, std::string& value) {
  Get(key, value);
  if (!IsSha256Hex(value)) Report(key, "is \"" + value + "\", expected 64 lower-case hexadecimal digits");
}

void JsonFields::GetXxh3(std::string_view key, std::string& value) {
  Get(key, value);
  if (!IsXxh3Hex(value)) Report(key, "is \"" + value + "\", expected 32 lower-case hexadecimal digits");
}

void JsonFields::Expect(std::string_view key, std::string_view value) {
  std::string found;
  Get(key, found);
  if (found != value) Report(key, "is \"" + found + "\", expected \"" + std::string(value) + "\"");
}

void JsonFields::Get(std::string_view key, std::vector<std::string>& values) {
  const JsonPlace array{&place_, key};
  const Json& elements = Elements(key);
  values.reserve(elements.size());
  for (const Json& element : elements) {
    if (const auto* text = element.get_ptr<const std::string*>()) {
      values.push_back(*text);
    } else if (problem_.empty()) {
      problem_ = JsonPlace{&array, {}, values.size()}.Text() + " is " + Shown(element) + ", expected a string";
    }
  }
}

const JsonFields::Json& JsonFields::Member(std::string_view key) {
  static const Json kNull;
  if (!json_.is_object()) return kNull;
  asked_.push_back(key);
  const auto it = json_.find(key);
  if (it != json_.end()) return *it;
  Report(key, "is missing");
  return kNull;
}

const JsonFields::Json& JsonFields::Elements(std::string_view key) {
  static const Json kNone = Json::array();
  const Json& json = Member(key);
  if (json.is_array()) return json;
  ReportType(key, json, "an array");
  return kNone;
}

void JsonFields::GetNumber(std::string_view key, uint64_t& value, uint64_t max) {
  const Json& json = Member(key);
  const auto* number = json.get_ptr<const Json::number_unsigned_t*>();
  if (number != nullptr && *number <= max) {
    value = *number;
  } else {
    ReportType(key, json, "a number from 0 to " + std::to_string(max));
  }
}

void JsonFields::Report(std::string_view key, std::string_view what) {
  if (!problem_.empty()) return;
  const std::string place = key.empty() ? place_.Text() : JsonPlace{&place_, key}.Text();
  problem_ = (place.empty() ? "the text" : place) + " " + std::string(what);
}

void JsonFields::ReportType(std::string_view key, const Json& found, std::string_view expected) {
  if (problem_.empty()) Report(key, "is " + Shown(found) + ", expected " + std::string(expected));
}

std::string PrintJson(const nlohmann::ordered_json& json) {
  return json.dump(2, ' ', /*ensure_ascii=*/false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace guardc::artifact
