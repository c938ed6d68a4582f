#include "artifact/json_fields.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/checksum.h"
#include "base/hash.h"
#include "base/log.h"

namespace guardc::artifact {

namespace {

std::string Shown(JsonValue value) {
  constexpr size_t kShown = 40;  // bytes
  return log::PrintableLine(value.raw(), kShown);
}

// Keys are compared as they are meant.
bool IsKey(JsonValue key, std::string_view text) {
  if (key.escapes() == Escapes::kNone) return key.Inner() == text;
  const auto decoded = key.String();
  return decoded && *decoded == text;
}

}  // namespace

std::string JsonPlace::Text() const {
  const std::string before = parent != nullptr ? parent->Text() : "";
  if (index != kNoIndex) return before + "[" + std::to_string(index) + "]";
  return before.empty() || key.empty() ? before + std::string(key) : before + "." + std::string(key);
}

std::optional<JsonValue> FindMember(JsonValue object, std::string_view key) {
  for (auto it = object.begin(); it != object.end(); ++it) {
    const bool is_found = IsKey(*it, key);
    ++it;
    if (is_found) return *it;
  }
  return std::nullopt;
}

std::optional<uint64_t> UnsignedNumber(JsonValue value) {
  const std::string_view text = value.raw();
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (!value.Is(JsonType::kNumber) || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

JsonFields::JsonFields(std::optional<JsonValue> json, const JsonPlace& place, std::string& problem)
    : json_(json), place_(place), problem_(problem) {
  if (!json_) return;
  if (!json_->Is(JsonType::kObject)) {
    Report("", "is " + std::string(JsonTypeName(json_->type())) + ", expected an object");
    json_.reset();
    return;
  }
  asked_.reserve(json_->size());
}

JsonFields::~JsonFields() {
  if (!json_ || json_->size() == asked_.size() || !problem_.empty()) return;
  std::vector<std::string> seen;
  for (auto it = json_->begin(); it != json_->end() && problem_.empty(); ++it) {
    const std::string key = (*it).String().value_or(std::string((*it).Inner()));
    ++it;
    if (std::ranges::find(asked_, key) == asked_.end()) Report(log::PrintableLine(key, 40), "is unknown");
    if (std::ranges::find(seen, key) != seen.end()) Report(key, "stands there twice");
    seen.push_back(key);
  }
}

void JsonFields::Get(std::string_view key, std::string& value) {
  const std::optional<JsonValue> json = Member(key);
  if (!json) return;
  if (!json->Is(JsonType::kString)) return ReportType(key, *json, "a string");
  if (auto text = json->String()) {
    value = std::move(*text);
  } else {
    Report(key, ": " + text.error().message);
  }
}

void JsonFields::Get(std::string_view key, bool& value) {
  const std::optional<JsonValue> json = Member(key);
  if (!json) return;
  value = json->Is(JsonType::kTrue);
  if (!value && !json->Is(JsonType::kFalse)) ReportType(key, *json, "true or false");
}

void JsonFields::GetOrNull(std::string_view key, std::optional<uint64_t>& value) {
  const std::optional<JsonValue> json = Member(key);
  if (!json || json->Is(JsonType::kNull)) return;
  value = UnsignedNumber(*json);
  if (!value) ReportType(key, *json, "a number or null");
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
  const std::optional<JsonValue> elements = Elements(key);
  if (!elements) return;
  values.reserve(elements->size());
  for (const JsonValue element : *elements) {
    auto text = element.Is(JsonType::kString) ? element.String() : Result<std::string>(Fail(ErrorKind::kInternal, ""));
    if (text) {
      values.push_back(std::move(*text));
    } else if (problem_.empty()) {
      problem_ = JsonPlace{&array, {}, values.size()}.Text() + " is " + Shown(element) + ", expected a string";
    }
  }
}

std::optional<JsonValue> JsonFields::Member(std::string_view key) {
  if (!json_) return std::nullopt;
  asked_.push_back(key);
  const std::optional<JsonValue> found = FindMember(*json_, key);
  if (!found) Report(key, "is missing");
  return found;
}

std::optional<JsonValue> JsonFields::Elements(std::string_view key) {
  const std::optional<JsonValue> json = Member(key);
  if (!json || json->Is(JsonType::kArray)) return json;
  ReportType(key, *json, "an array");
  return std::nullopt;
}

void JsonFields::GetNumber(std::string_view key, uint64_t& value, uint64_t max) {
  const std::optional<JsonValue> json = Member(key);
  if (!json) return;
  const std::optional<uint64_t> number = UnsignedNumber(*json);
  if (number && *number <= max) {
    value = *number;
  } else {
    ReportType(key, *json, "a number from 0 to " + std::to_string(max));
  }
}

void JsonFields::Report(std::string_view key, std::string_view what) {
  if (!problem_.empty()) return;
  const std::string place = key.empty() ? place_.Text() : JsonPlace{&place_, key}.Text();
  problem_ = (place.empty() ? "the text" : place) + " " + std::string(what);
}

void JsonFields::ReportType(std::string_view key, JsonValue found, std::string_view expected) {
  if (problem_.empty()) Report(key, "is " + Shown(found) + ", expected " + std::string(expected));
}

std::string PrintJson(const nlohmann::ordered_json& json) {
  return json.dump(2, ' ', /*ensure_ascii=*/false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace guardc::artifact
