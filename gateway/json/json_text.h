// JSON text with an index over it (base/json_index.h), made by simdjson (json_simd.cc; json_plain.cc does without).
// This is what lets the gateway's side splice kept items and arguments without a DOM, and without numbers passing
// through float64. Nothing here decides about labels.
//
// Thread rule: immutable after Parse; any number of threads may read one.
#pragma once

#include <cstdint>
#include <expected>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_index.h"
#include "guardc/result.h"

namespace guardc::gateway {

using guardc::Escapes;
using guardc::JsonType;
using guardc::JsonTypeName;
using guardc::JsonValue;

inline constexpr uint64_t kMaxJsonBytes = uint64_t{1} << 30;

// A text that owns its bytes and has an index over them.
class JsonText {
 public:
  // Takes the text; copies nothing where it has room to spare behind it (see Reserve). kInvalidArgument: not JSON;
  // kLimit: too deep or too long. `what` names the text in errors ("policy", "tool result").
  static Result<std::shared_ptr<const JsonText>> Parse(std::string text, std::string_view what);

  std::string_view text() const { return text_; }
  // The text itself where nobody else holds `text`, else a copy of it.
  static std::string Take(std::shared_ptr<const JsonText>&& text);
  JsonValue root() const { return index_.root(); }

 private:
  class Builder;
  enum class Indexed : uint8_t { kDone, kNotJson, kOutOfMemory };
  JsonText() = default;
  Indexed BuildIndex();
  std::string text_;
  JsonIndex index_;
};

// The members of an object whose keys have a meaning, looked up at once. A key of `known` in another case (as Go folds
// case), and any key that stands there twice, is an error: one reader would see the one value, the next reader the
// other. Keys that are not in `known` are ignored.
class KnownMembers {
 public:
  // Why it cannot be read: for a key of it, or because it is no object.
  struct Problem {
    std::optional<std::string> key;
    std::string why;
  };
  static std::expected<KnownMembers, Problem> Scan(JsonValue object, std::initializer_list<std::string_view> known);
  // The same with the problem as an error of `kind` that names `what`, and has the key in its details.
  static Result<KnownMembers> Read(JsonValue object, std::initializer_list<std::string_view> known, ErrorKind kind,
                                   std::string_view what);
  static Error ToError(Problem problem, ErrorKind kind, std::string_view what);

  std::optional<JsonValue> Find(std::string_view key) const;
  // The same, but a JSON null counts as absent.
  std::optional<JsonValue> FindNotNull(std::string_view key) const;
  // A key that is not in `known`, where there is one.
  const std::optional<std::string>& unknown() const { return unknown_; }

 private:
  std::vector<std::pair<std::string_view, JsonValue>> members_;
  std::optional<std::string> unknown_;
};

// As encoding/json of Go compares keys: ASCII without case, long s as s, the Kelvin sign as k.
bool EqualFold(std::string_view a, std::string_view b);

// Appends `text` as a JSON string, quotes included. `text` must be UTF-8.
void AppendJsonString(std::string& out, std::string_view text);

// The same JSON on one line: without white space between its tokens where it had line breaks, else as it is. What is
// not JSON does not get a second line either.
std::string OnOneLine(std::string_view json);

bool IsUtf8(std::string_view text);

// `key` for messages: printable and short, whatever a guest put into it.
std::string Printable(std::string_view text, size_t limit = 80);

}  // namespace guardc::gateway
