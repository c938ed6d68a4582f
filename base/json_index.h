// An index over JSON text: checked whole, and every value still the bytes that it was written with. The pass of
// base/json_scan.h makes it; for guards' answers of megabytes there is gateway/json/json_simd.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_scan.h"
#include "guardc/result.h"

namespace guardc {

std::string_view JsonTypeName(JsonType type);

struct JsonIndex;

// A value within an indexed text; text and index must outlive it. Cheap to copy.
class JsonValue {
 public:
  JsonValue(const JsonIndex* index, uint32_t node) : index_(index), node_(node) {}
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
    ChildIterator(const JsonIndex* index, uint32_t node) : index_(index), node_(node) {}
    JsonValue operator*() const { return JsonValue(index_, node_); }
    ChildIterator& operator++();
    bool operator==(const ChildIterator&) const = default;

   private:
    const JsonIndex* index_;
    uint32_t node_;
  };
  ChildIterator begin() const;
  ChildIterator end() const;
  uint32_t size() const;  // elements of an array, members of an object

  uint32_t node() const { return node_; }

 private:
  const JsonIndex* index_;
  uint32_t node_;
};

// Decodes what stands between the quotes of a string. False for half of a surrogate pair.
bool UnescapeJson(std::string_view inner, Escapes escapes, std::string& storage);

struct JsonIndex {
  struct Node {
    uint32_t begin;  // bytes into the text
    uint32_t end;
    uint32_t next;  // the node behind this one's subtree
    uint32_t size;  // children; strings: Escapes
    JsonType type;
  };
  const char* text = nullptr;
  std::vector<Node> nodes;
  bool (*unescape)(std::string_view, Escapes, std::string&) = UnescapeJson;

  // The errors of CheckJson().
  static Result<JsonIndex> Of(std::string_view text, std::string_view what);
  JsonValue root() const { return JsonValue(this, 0); }
};

inline JsonType JsonValue::type() const { return index_->nodes[node_].type; }

inline std::string_view JsonValue::raw() const {
  const JsonIndex::Node& node = index_->nodes[node_];
  return {index_->text + node.begin, node.end - node.begin};
}

inline std::string_view JsonValue::Inner() const {
  const std::string_view quoted = raw();
  return quoted.substr(1, quoted.size() - 2);
}

inline Escapes JsonValue::escapes() const { return static_cast<Escapes>(index_->nodes[node_].size); }

inline JsonValue::ChildIterator& JsonValue::ChildIterator::operator++() {
  node_ = index_->nodes[node_].next;
  return *this;
}

inline JsonValue::ChildIterator JsonValue::begin() const { return ChildIterator(index_, node_ + 1); }

inline JsonValue::ChildIterator JsonValue::end() const { return ChildIterator(index_, index_->nodes[node_].next); }

inline uint32_t JsonValue::size() const { return Is(JsonType::kString) ? 0 : index_->nodes[node_].size; }

}  // namespace guardc
