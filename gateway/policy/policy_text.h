// What reading a policy and merging into one have in common: from text to an object, and the errors.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/json/json_text.h"
#include "guardc/result.h"

namespace guardc::gateway {

// "policy: "key" why", with the key in the details.
[[nodiscard]] std::unexpected<Error> PolicyError(std::string key, std::string_view why);

// Without white space around it; what levels, names and agents' tags are trimmed by.
std::string_view Trim(std::string_view text);

// ASCII letters only.
std::string LowerCase(std::string_view text);

// The object in `text`, taken out of a JSON string where it is in one. Everything else is kPolicy.
Result<std::shared_ptr<const JsonText>> ParsePolicyText(std::string_view text);

// Blank, or JSON's null: the call has none.
bool IsNoPolicy(std::string_view text);

// One text for all spellings of a policy: of an object, or a string that holds one, without white space, its keys
// sorted, escapes and numbers written in one way. Every other text is its own.
std::string CanonicalPolicy(std::string_view text);

// The members of an object of which only `known` may be there. `at` is "" for the top level.
Result<KnownMembers> ReadPolicyObject(JsonValue object, std::string_view at,
                                      std::initializer_list<std::string_view> known);

}  // namespace guardc::gateway
