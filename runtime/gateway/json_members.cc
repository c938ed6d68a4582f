// The members of an object that mean something, and the keys that must not be there. Go's encoding/json, which guards
// were tried with, folds case and lets the last of two equal keys win; here both are errors.
#include <algorithm>
#include <unordered_set>

#include "runtime/gateway/json_text.h"

namespace guardc::gateway {

Result<KnownMembers> KnownMembers::Read(JsonValue object, std::initializer_list<std::string_view> known, ErrorKind kind,
                                        std::string_view what) {
  auto fail = [&](std::string_view key, std::string_view why) {
    ErrorDetails details;
    details.key = Printable(key);
    return Fail(kind, std::string(what) + ": key \"" + details.key + "\" " + std::string(why), details);
  };
  KnownMembers out;
  if (!object.Is(JsonType::kObject)) {
    return Fail(kind, std::string(what) + " is " + std::string(JsonTypeName(object.type())) + "; expected an object");
  }
  // Few keys are compared one by one; a guest that sends a million of them must not cost a million squared.
  constexpr uint32_t kFew = 16;
  std::vector<std::string> few;
  std::unordered_set<std::string> many;
  std::string storage;
  for (auto it = object.begin(); it != object.end(); ++it) {
    auto decoded = (*it).StringView(storage);
    if (!decoded) return fail((*it).raw(), "is not valid Unicode");
    std::string_view key = *decoded;
    ++it;
    bool is_new = object.size() <= kFew ? std::find(few.begin(), few.end(), key) == few.end()
                                        : many.insert(std::string(key)).second;
    if (!is_new) return fail(key, "stands there twice; expected it once");
    if (object.size() <= kFew) few.emplace_back(key);
    auto match = std::find_if(known.begin(), known.end(), [&](std::string_view k) { return EqualFold(k, key); });
    if (match == known.end()) {
      if (!out.unknown_) out.unknown_ = std::string(key);
    } else if (*match != key) {
      return fail(key,
                  "is \"" + std::string(*match) + "\" in another spelling; expected \"" + std::string(*match) + "\"");
    } else {
      out.members_.emplace_back(*match, *it);
    }
  }
  return out;
}

std::optional<JsonValue> KnownMembers::Find(std::string_view key) const {
  for (const auto& [name, value] : members_) {
    if (name == key) return value;
  }
  return std::nullopt;
}

std::optional<JsonValue> KnownMembers::FindNotNull(std::string_view key) const {
  auto found = Find(key);
  if (found && found->Is(JsonType::kNull)) return std::nullopt;
  return found;
}

bool EqualFold(std::string_view a, std::string_view b) {
  auto next = [](std::string_view& s) {
    if (s.starts_with("\u017f")) {  // long s
      s.remove_prefix(2);
      return 's';
    }
    if (s.starts_with("\u212a")) {  // Kelvin sign
      s.remove_prefix(3);
      return 'k';
    }
    char c = s.front();
    s.remove_prefix(1);
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  while (!a.empty() && !b.empty()) {
    if (next(a) != next(b)) return false;
  }
  return a.empty() && b.empty();
}

}  // namespace guardc::gateway
