#include "gateway/answers/label_json.h"

#include "gateway/policy/policy_text.h"

namespace guardc::gateway {

std::string Place::ToString() const {
  if (within_ == nullptr) return std::string(name_);
  const std::string outer = within_->ToString();
  return name_.empty() ? outer + "[" + std::to_string(index_) + "]" : outer + "." + std::string(name_);
}

std::unexpected<Error> BadResponse(LabelFunction function, std::string key, std::string_view why) {
  std::string message(LabelFunctionName(function));
  message += " answered wrongly: ";
  if (!key.empty()) message += "\"" + key + "\" ";
  message += why;
  ErrorDetails details;
  details.key = std::move(key);
  return Fail(ErrorKind::kBadResponse, std::move(message), std::move(details));
}

std::unexpected<Error> BadResponse(LabelFunction function, const Place& at, std::string_view why) {
  return BadResponse(function, at.ToString(), why);
}

Result<std::shared_ptr<const JsonText>> ParseAnswer(LabelFunction function, std::string answer) {
  auto parsed = JsonText::Parse(std::move(answer), "the answer");
  if (!parsed && parsed.error().kind == ErrorKind::kOutOfMemory) return parsed;
  if (!parsed) return BadResponse(function, "", parsed.error().message);
  return parsed;
}

Result<KnownMembers> ReadMembers(LabelFunction function, JsonValue object,
                                 std::initializer_list<std::string_view> known, const Place* at) {
  auto members = KnownMembers::Scan(object, known);
  if (members) [[likely]]
    return std::move(*members);
  std::string what = std::string(LabelFunctionName(function)) + " answered wrongly";
  if (at != nullptr) {
    what += ": \"" + at->ToString() + "\"";
  } else if (!members.error().key) {
    what += ": the answer";
  }
  return std::unexpected(KnownMembers::ToError(std::move(members.error()), ErrorKind::kBadResponse, what));
}

Result<TagSet> LabelReader::ReadTags(const KnownMembers& members, std::string_view key, LabelForm form, const Place& at,
                                     bool trimmed) {
  auto value = form == LabelForm::kTyped ? members.FindNotNull(key) : members.Find(key);
  if (!value) return TagSet();
  const Place place = at.Member(key);
  if (!value->Is(JsonType::kArray)) {
    return BadResponse(function_, place,
                       "is " + std::string(JsonTypeName(value->type())) + "; expected an array of strings");
  }
  if (value->size() == 0) return TagSet();
  if (known_) {
    if (auto known = known_->sets.find(value->raw()); known != known_->sets.end()) return known->second;
  }
  tags_ += value->size();
  if (value->size() > kMaxTagsPerLabel || tags_ > kMaxTagsPerAnswer) {
    ErrorDetails details;
    details.key = place.ToString();
    details.limit = value->size() > kMaxTagsPerLabel ? kMaxTagsPerLabel : kMaxTagsPerAnswer;
    std::string message = std::string(LabelFunctionName(function_)) + " answered wrongly: \"" + details.key +
                          "\" has " + std::to_string(value->size()) + " tags; the limit is " +
                          std::to_string(kMaxTagsPerLabel) + " in a label and " + std::to_string(kMaxTagsPerAnswer) +
                          " in an answer";
    return Fail(ErrorKind::kBadResponse, std::move(message), std::move(details));
  }
  std::vector<std::string> tags;
  tags.reserve(value->size());
  for (JsonValue element : *value) {
    if (form == LabelForm::kTyped && element.Is(JsonType::kNull)) {
      if (!trimmed) tags.emplace_back();
      continue;
    }
    if (!element.Is(JsonType::kString)) {
      return BadResponse(function_, place, "holds " + std::string(JsonTypeName(element.type())) + "; expected strings");
    }
    auto tag = element.String();
    if (!tag) return BadResponse(function_, place, tag.error().message);
    if (trimmed) *tag = std::string(Trim(*tag));
    if (!trimmed || !tag->empty()) tags.push_back(std::move(*tag));
  }
  TagSet set = TagSet::From(std::move(tags));
  if (known_) known_->sets.emplace(value->raw(), set);
  return set;
}

Result<ItemLabels> LabelReader::ReadLabels(JsonValue value, LabelForm form, const Place& at) {
  if (!value.Is(JsonType::kObject)) {
    return BadResponse(function_, at, "is " + std::string(JsonTypeName(value.type())) + "; expected an object");
  }
  GUARDC_TRY(auto members, ReadMembers(function_, value, {"description", "secrecy", "integrity"}, &at));
  ItemLabels out;
  GUARDC_TRY(out.labels.secrecy, ReadTags(members, "secrecy", form, at));
  GUARDC_TRY(out.labels.integrity, ReadTags(members, "integrity", form, at));
  if (auto description = members.FindNotNull("description")) {
    if (description->Is(JsonType::kString)) {
      auto text = description->String();
      if (!text) return BadResponse(function_, at.Member("description"), text.error().message);
      out.description = std::move(*text);
    } else if (form == LabelForm::kTyped) {
      return BadResponse(function_, at.Member("description"),
                         "is " + std::string(JsonTypeName(description->type())) + "; expected a string");
    }
  }
  return out;
}

Result<std::shared_ptr<const ItemLabels>> LabelReader::ReadShared(JsonValue value, LabelForm form, const Place& at) {
  if (known_) {
    if (auto known = known_->labels.find(value.raw()); known != known_->labels.end()) return known->second;
  }
  GUARDC_TRY(ItemLabels labels, ReadLabels(value, form, at));
  auto shared = std::make_shared<const ItemLabels>(std::move(labels));
  if (known_) known_->labels.emplace(value.raw(), shared);
  return shared;
}

}  // namespace guardc::gateway
