// The members of an object that mean something, and the keys that must not be there. Go's encoding/json, which guards
// were tried with, folds case and lets the last of two equal keys win; here both are errors.
#include <algorithm>
#include <forward_list>
#include <optional>
#include <unordered_set>

#include "gateway/json/json_text.h"

namespace guardc::gateway {

namespace {

// The keys of one object, to find one that stands there twice. Few are compared one by one; a guest that sends a
// million of them must not cost a million squared.
class SeenKeys {
 public:
  explicit SeenKeys(uint32_t keys) {
    if (keys > kFew) many_.emplace();
  }
  // False where it was there. A key that has no escape lies in the JSON text, which outlives this.
  bool Add(std::string_view key, bool in_text) {
    if (many_) return many_->insert(std::string(key)).second;
    for (size_t i = 0; i < size_; ++i) {
      if (key == std::string_view(seen_[i].data, seen_[i].size)) return false;
    }
    if (!in_text) key = decoded_.emplace_front(key);
    seen_[size_++] = {key.data(), key.size()};
    return true;
  }

 private:
  static constexpr uint32_t kFew = 16;
  struct Key {  // a string_view that is not cleared before it is written
    const char* data;
    size_t size;
  };
  size_t size_ = 0;
  Key seen_[kFew];
  std::forward_list<std::string> decoded_;
  std::optional<std::unordered_set<std::string>> many_;
};

bool IsAscii(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

}  // namespace

std::expected<KnownMembers, KnownMembers::Problem> KnownMembers::Scan(JsonValue object,
                                                                      std::initializer_list<std::string_view> known) {
  if (!object.Is(JsonType::kObject)) {
    return std::unexpected(
        Problem{std::nullopt, "is " + std::string(JsonTypeName(object.type())) + "; expected an object"});
  }
  KnownMembers out;
  out.members_.reserve(std::min<size_t>(known.size(), object.size()));
  SeenKeys seen(object.size());
  std::string storage;
  for (auto it = object.begin(); it != object.end(); ++it) {
    std::string_view key = (*it).Inner();
    const bool in_text = (*it).escapes() == Escapes::kNone;
    if (!in_text) {
      auto decoded = (*it).StringView(storage);
      if (!decoded) return std::unexpected(Problem{std::string((*it).raw()), "is not valid Unicode"});
      key = *decoded;
    }
    ++it;
    if (!seen.Add(key, in_text)) {
      return std::unexpected(Problem{std::string(key), "stands there twice; expected it once"});
    }
    auto match = std::ranges::find(known, key);
    if (match != known.end()) {
      out.members_.emplace_back(*match, *it);
      continue;
    }
    const bool ascii = IsAscii(key);
    match = std::ranges::find_if(
        known, [&](std::string_view k) { return (!ascii || k.size() == key.size()) && EqualFold(k, key); });
    if (match != known.end()) {
      const std::string name(*match);
      return std::unexpected(
          Problem{std::string(key), "is \"" + name + "\" in another spelling; expected \"" + name + "\""});
    }
    if (!out.unknown_) out.unknown_ = std::string(key);
  }
  return out;
}

Error KnownMembers::ToError(Problem problem, ErrorKind kind, std::string_view what) {
  std::string message(what);
  if (!problem.key) return {kind, message + " " + problem.why};
  ErrorDetails details;
  details.key = Printable(*problem.key);
  message += ": key \"" + details.key + "\" " + problem.why;
  return {kind, std::move(message), std::move(details)};
}

Result<KnownMembers> KnownMembers::Read(JsonValue object, std::initializer_list<std::string_view> known, ErrorKind kind,
                                        std::string_view what) {
  auto members = Scan(object, known);
  if (!members) return std::unexpected(ToError(std::move(members.error()), kind, what));
  return std::move(*members);
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
