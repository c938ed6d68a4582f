#include "runtime/gateway/policy_text.h"

#include <algorithm>

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
  constexpr std::string_view kBlank = " \t\n\v\f\r";
  size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

Result<std::shared_ptr<const JsonText>> ParsePolicyText(std::string_view text) {
  if (Trim(text).empty()) return PolicyError("", "there is none; expected a JSON object with \"allow-only\"");
  auto parse = [](std::string json) -> Result<std::shared_ptr<const JsonText>> {
    auto parsed = JsonText::Parse(std::move(json), "policy");
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
