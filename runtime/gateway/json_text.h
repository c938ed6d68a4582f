// JSON text with an index over it: checked whole, and every value still the bytes that it was written with. This is
// what lets the gateway's side splice kept items and arguments without a DOM, and without numbers passing through
// float64. Nothing here decides about labels.
//
// What is JSON is for base/json_check.h to say. The index is made by simdjson (json_simd.cc).
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

#include "base/json_scan.h"
#include "guardc/result.h"

namespace guardc::gateway {

using guardc::Escapes;
using guardc::JsonType;

inline constexpr uint64_t kMaxJsonBytes = uint64_t{1} << 30;

std::string_view JsonTypeName(JsonType type);

class JsonText;

// A value within a JsonText, which must outlive it. Cheap to copy.
class JsonValue {
 public:
  JsonType type() const;
  bool Is(JsonType type) const { return this->type() == type; }
  // The value's own bytes, without white space around them.
  std::string_view raw() const;

  // kString only: the text between the quotes as it was written.
  std::string_view Inner() const;
  Escapes escapes() const;
  // kString only. The text between the quotes where it holds no escape; else it is decoded into `storage`. Fails on
  // \u escapes that are half of a surrogate pair: no valid text says what they mean.
  Result<std::string_view> StringView(std::string& storage) const;
  Result<std::string> String() const;

  // Direct children, in the order of the text. For an object these alternate: key, value, key, value.
  class ChildIterator {
   public:
    ChildIterator(const JsonText* text, uint32_t node) : text_(text), node_(node) {}
    JsonValue operator*() const { return JsonValue(text_, node_); }
    ChildIterator& operator++();
    bool operator==(const ChildIterator&) const = default;

   private:
    const JsonText* text_;
    uint32_t node_;
  };
  ChildIterator begin() const;
  ChildIterator end() const;
  uint32_t size() const;  // elements of an array, members of an object

  uint32_t node() const { return node_; }

 private:
  friend class JsonText;
  JsonValue(const JsonText* text, uint32_t node) : text_(text), node_(node) {}
  const JsonText* text_;
  uint32_t node_;
};

class JsonText {
 public:
  // Takes the text; copies nothing where it has room to spare behind it (see Reserve). kInvalidArgument: not JSON;
  // kLimit: too deep or too long. `what` names the text in errors ("policy", "tool result").
  static Result<std::shared_ptr<const JsonText>> Parse(std::string text, std::string_view what);

  std::string_view text() const { return text_; }
  // The text itself where nobody else holds `text`, else a copy of it.
  static std::string Take(std::shared_ptr<const JsonText>&& text);
  JsonValue root() const { return JsonValue(this, 0); }

 private:
  friend class JsonValue;
  struct Node {
    uint32_t begin;  // bytes into text_
    uint32_t end;
    uint32_t next;  // the node behind this one's subtree
    uint32_t size;  // children; strings: Escapes
    JsonType type;
  };
  class Builder;
  enum class Indexed : uint8_t { kDone, kNotJson, kOutOfMemory };
  JsonText() = default;
  Indexed BuildIndex();
  std::string text_;
  std::vector<Node> nodes_;
};

inline JsonType JsonValue::type() const { return text_->nodes_[node_].type; }

inline std::string_view JsonValue::raw() const {
  const JsonText::Node& node = text_->nodes_[node_];
  return {text_->text_.data() + node.begin, node.end - node.begin};
}

inline std::string_view JsonValue::Inner() const {
  const std::string_view quoted = raw();
  return quoted.substr(1, quoted.size() - 2);
}

inline Escapes JsonValue::escapes() const { return static_cast<Escapes>(text_->nodes_[node_].size); }

inline JsonValue::ChildIterator& JsonValue::ChildIterator::operator++() {
  node_ = text_->nodes_[node_].next;
  return *this;
}

inline JsonValue::ChildIterator JsonValue::begin() const { return ChildIterator(text_, node_ + 1); }

inline JsonValue::ChildIterator JsonValue::end() const { return ChildIterator(text_, text_->nodes_[node_].next); }

inline uint32_t JsonValue::size() const { return Is(JsonType::kString) ? 0 : text_->nodes_[node_].size; }

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

// As JsonText::BuildIndex(), these two are simdjson's. Decodes what stands between the quotes of a string of a
// JsonText; what half of a surrogate pair becomes is not said, but that it is not UTF-8 where it is not refused.
bool Unescape(std::string_view inner, std::string& storage);
bool IsUtf8(std::string_view text);

// `key` for messages: printable and short, whatever a guest put into it.
std::string Printable(std::string_view text, size_t limit = 80);

}  // namespace guardc::gateway
