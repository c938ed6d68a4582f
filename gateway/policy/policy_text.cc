#include "gateway/policy/policy_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <optional>
#include <vector>

namespace guardc::gateway {
namespace {

// Numbers up to here are told apart by their value as doubles; others stay as they are written.
constexpr double kLargestExact = 9007199254740992.0;

// Deeper ones, of which no guard has any, stay as they are written: a caller's stack is not ours to fill.
constexpr int kMaxCanonicalDepth = 32;

// nullopt for what has no canonical text: it nests too deep, or holds half of a surrogate pair.
std::optional<std::string> Canonical(JsonValue value, int depth);

std::optional<std::string> CanonicalString(JsonValue string) {
  std::string storage;
  const auto text = string.StringView(storage);
  if (!text) return std::nullopt;
  std::string out;
  AppendJsonString(out, *text);
  return out;
}

std::string CanonicalNumber(std::string_view raw) {
  double number = 0;
  const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), number);
  if (error != std::errc() || end != raw.data() + raw.size() || std::abs(number) >= kLargestExact) {
    return std::string(raw);
  }
  char text[32];
  return {text, std::to_chars(std::begin(text), std::end(text), number + 0.0).ptr};  // -0 becomes 0
}

std::optional<std::string> CanonicalObject(JsonValue object, int depth) {
  std::vector<std::string> members;
  for (auto it = object.begin(); it != object.end(); ++it) {
    const auto key = CanonicalString(*it);
    const auto value = Canonical(*++it, depth);
    if (!key || !value) return std::nullopt;
    members.push_back(*key + ":" + *value);
  }
  std::sort(members.begin(), members.end());
  std::string out = "{";
  for (const std::string& member : members) out += (out.size() > 1 ? "," : "") + member;
  return out + "}";
}

std::optional<std::string> Canonical(JsonValue value, int depth) {
  if (depth > kMaxCanonicalDepth) return std::nullopt;
  switch (value.type()) {
    case JsonType::kString:
      return CanonicalString(value);
    case JsonType::kNumber:
      return CanonicalNumber(value.raw());
    case JsonType::kObject:
      return CanonicalObject(value, depth + 1);
    case JsonType::kArray:
      break;
    default:
      return std::string(value.raw());
  }
  std::string out = "[";
  for (JsonValue element : value) {
    const auto text = Canonical(element, depth + 1);
    if (!text) return std::nullopt;
    out += (out.size() > 1 ? "," : "") + *text;
  }
  return out + "]";
}

}  // namespace

std::unexpected<Error> PolicyError(std::string key, std::string_view why) {
  std::string message = "policy: ";
  if (!key.empty()) message += "\"" + key + "\" ";
  message += why;
  ErrorDetails details;
  details.key = std::move(key);
  return Fail(ErrorKind::kPolicy, std::move(message), std::move(details));
}

std::string_view Trim(std::string_view text) {
  const auto is_visible = [](char c) { return c > ' ' && c < '\x7f'; };
  if (!text.empty() && is_visible(text.front()) && is_visible(text.back())) return text;
  // Unicode's White_Space, as Go's strings.TrimSpace takes it.
  static constexpr std::string_view kBlanks[] = {" ",      "\t",     "\n",     "\v",     "\f",     "\r",     "\u0085",
                                                 "\u00a0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004",
                                                 "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200a", "\u2028",
                                                 "\u2029", "\u202f", "\u205f", "\u3000"};
  auto cut = [&](auto has, auto remove) {
    while (!text.empty()) {
      auto blank = std::find_if(std::begin(kBlanks), std::end(kBlanks), has);
      if (blank == std::end(kBlanks)) return;
      remove(blank->size());
    }
  };
  cut([&](std::string_view b) { return text.starts_with(b); }, [&](size_t n) { text.remove_prefix(n); });
  cut([&](std::string_view b) { return text.ends_with(b); }, [&](size_t n) { text.remove_suffix(n); });
  return text;
}

std::string LowerCase(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

Result<std::shared_ptr<const JsonText>> ParsePolicyText(std::string_view text) {
  if (Trim(text).empty()) return PolicyError("", "there is none; expected a JSON object with \"allow-only\"");
  auto parse = [](std::string json) -> Result<std::shared_ptr<const JsonText>> {
    auto parsed = JsonText::Parse(std::move(json), "the text");
    if (!parsed && parsed.error().kind == ErrorKind::kInvalidArgument) return PolicyError("", parsed.error().message);
    return parsed;
  };
  GUARDC_TRY(auto parsed, parse(std::string(text)));
  if (parsed->root().Is(JsonType::kString)) {
    auto inner = parsed->root().String();
    if (!inner) return PolicyError("", inner.error().message);
    if (Trim(*inner).empty()) return PolicyError("", "is an empty string; expected a JSON object with \"allow-only\"");
    GUARDC_TRY(parsed, parse(std::move(*inner)));
  }
  if (!parsed->root().Is(JsonType::kObject)) {
    return PolicyError("", "is " + std::string(JsonTypeName(parsed->root().type())) +
                               "; expected a JSON object with \"allow-only\", or a string that holds one");
  }
  return parsed;
}

bool IsNoPolicy(std::string_view text) {
  text = Trim(text);
  return text.empty() || text == "null";
}

std::string CanonicalPolicy(std::string_view text) {
  const auto parsed = ParsePolicyText(text);
  if (!parsed) return std::string(text);
  auto canonical = Canonical((*parsed)->root(), 0);
  return canonical ? std::move(*canonical) : std::string(text);
}

Result<KnownMembers> ReadPolicyObject(JsonValue object, std::string_view at,
                                      std::initializer_list<std::string_view> known) {
  std::string what = at.empty() ? "policy" : "policy: \"" + std::string(at) + "\"";
  auto members = KnownMembers::Read(object, known, ErrorKind::kPolicy, what);
  std::string prefix = at.empty() ? "" : std::string(at) + ".";
  if (!members) {
    ErrorDetails details = members.error().details();
    details.key = prefix + details.key;
    return Fail(members.error().kind, members.error().message, std::move(details));
  }
  if (members->unknown()) {
    std::string expected;
    for (std::string_view key : known) expected += (expected.empty() ? "" : ", ") + std::string(key);
    return PolicyError(prefix + Printable(*members->unknown()), "is not a key of a policy; expected " + expected);
  }
  return members;
}

}  // namespace guardc::gateway
