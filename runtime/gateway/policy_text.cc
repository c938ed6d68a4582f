#include "runtime/gateway/policy_text.h"

#include <algorithm>
#include <iterator>

namespace guardc::gateway {

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
