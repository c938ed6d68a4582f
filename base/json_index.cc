#include "base/json_index.h"

#include <limits>

#include "base/json.h"
#include "base/log.h"

namespace guardc {
namespace {

// The sink of the scan.
class Builder {
 public:
  explicit Builder(std::vector<JsonIndex::Node>& nodes) : nodes_(nodes) {}

  void Open(bool is_object, size_t begin) {
    Count();
    open_.push_back({static_cast<uint32_t>(nodes_.size()), is_object});
    Add(is_object ? JsonType::kObject : JsonType::kArray, begin, begin, 0);
  }
  void Close(size_t end) {
    JsonIndex::Node& node = nodes_[open_.back().node];
    node.end = static_cast<uint32_t>(end);
    node.next = static_cast<uint32_t>(nodes_.size());
    open_.pop_back();
  }
  void Scalar(JsonType type, size_t begin, size_t end, Escapes escapes) {
    Count();
    Add(type, begin, end, static_cast<uint32_t>(escapes));
  }

 private:
  struct Level {
    uint32_t node;
    bool is_object;
    bool is_key_next = true;  // of an object
  };

  // An element, or the value of a member, is about to be added to the level that is open.
  void Count() {
    if (open_.empty()) return;
    Level& level = open_.back();
    if (!level.is_object || !level.is_key_next) ++nodes_[level.node].size;
    level.is_key_next = !level.is_key_next;
  }
  void Add(JsonType type, size_t begin, size_t end, uint32_t size) {
    const auto index = static_cast<uint32_t>(nodes_.size());
    nodes_.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end), index + 1, size, type});
  }

  std::vector<JsonIndex::Node>& nodes_;
  std::vector<Level> open_;
};

}  // namespace

std::string_view JsonTypeName(JsonType type) {
  switch (type) {
    case JsonType::kNull:
      return "null";
    case JsonType::kTrue:
    case JsonType::kFalse:
      return "a boolean";
    case JsonType::kNumber:
      return "a number";
    case JsonType::kString:
      return "a string";
    case JsonType::kArray:
      return "an array";
    case JsonType::kObject:
      return "an object";
  }
  return "unknown";
}

Result<std::string_view> JsonValue::StringView(std::string& storage) const {
  const std::string_view inner = Inner();
  if (escapes() == Escapes::kNone) return inner;
  if (!index_->unescape(inner, escapes(), storage)) {
    constexpr size_t kShown = 80;  // bytes
    return Fail(ErrorKind::kInvalidArgument, "a string holds half of a surrogate pair: " +
                                                 log::PrintableLine(inner, kShown) + "; expected text that is Unicode");
  }
  return std::string_view(storage);
}

Result<std::string> JsonValue::String() const {
  std::string storage;
  GUARDC_TRY(std::string_view view, StringView(storage));
  return std::string(view);
}

bool UnescapeJson(std::string_view inner, Escapes, std::string& storage) {
  constexpr std::string_view kEscapes = "\"\\/bfnrt";
  constexpr std::string_view kMeant = "\"\\/\b\f\n\r\t";
  storage.clear();
  storage.reserve(inner.size());
  size_t at = 0;
  for (size_t escape = inner.find('\\'); escape != std::string_view::npos; escape = inner.find('\\', at)) {
    storage.append(inner, at, escape - at);
    if (const size_t simple = kEscapes.find(inner[escape + 1]); simple != std::string_view::npos) {
      storage += kMeant[simple];
      at = escape + 2;
      continue;
    }
    // A run of \uXXXX, which may be pairs.
    at = escape;
    while (inner.substr(at).starts_with("\\u")) at += 6;
    const auto decoded = ParseJson("\"" + std::string(inner.substr(escape, at - escape)) + "\"", "");
    if (!decoded) return false;
    storage += decoded->get_ref<const std::string&>();
  }
  storage.append(inner, at);
  return true;
}

Result<JsonIndex> JsonIndex::Of(std::string_view text, std::string_view what) {
  constexpr auto kMax = std::numeric_limits<uint32_t>::max();
  if (text.size() > kMax) {
    return Fail(ErrorKind::kLimit, std::string(what) + " has " + std::to_string(text.size()) + " bytes; the limit is " +
                                       std::to_string(kMax));
  }
  JsonIndex index;
  index.text = text.data();
  Builder builder(index.nodes);
  GUARDC_CHECK(ScanJson(text, what, builder));
  return index;
}

}  // namespace guardc
