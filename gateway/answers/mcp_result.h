// What a tool's result looks like from outside: MCP's envelope, the JSON in its text, and JSON Pointers into either.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/json/json_text.h"
#include "guardc/result.h"

namespace guardc::gateway {

// The JSON that paths point into: that in the text parts of an MCP result, where they hold JSON; else the result
// itself. One level is unwrapped. kBackend for an envelope with a key twice, or text that is not Unicode: two
// readers would see two results.
Result<std::shared_ptr<const JsonText>> InnerJson(const std::shared_ptr<const JsonText>& result);

// An MCP result of one text part, marked as an error where `is_error`.
std::string TextResult(std::string_view text, bool is_error);

// The array of `items`, byte for byte.
std::string JsonArray(const std::vector<std::string_view>& items);

// Whether an MCP result says of itself that it is an error.
bool IsErrorResult(JsonValue result);

// An MCP result with nothing in it but its texts and whether it is an error; nullopt for what is no MCP result.
std::optional<std::string> TextsOnly(JsonValue result);

// RFC 6901, section 3.
bool IsPointer(std::string_view text);
// The reference tokens. nullopt for text that is no pointer.
std::optional<std::vector<std::string>> ParsePointer(std::string_view pointer);

// A reference token as an index into an array (section 4).
struct ArrayIndex {
  enum class Kind : uint8_t { kElement, kPastEnd, kMalformed } kind;
  uint64_t index;  // where kElement
};
ArrayIndex ParseArrayIndex(std::string_view token, uint64_t size);

// The value at a pointer; nullopt where it leads nowhere. kBackend where a key on the way stands there twice.
Result<std::optional<JsonValue>> Resolve(JsonValue root, const std::vector<std::string>& pointer);

}  // namespace guardc::gateway
