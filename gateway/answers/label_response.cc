// label_response's answer: paths into the result, the legacy items, or no labels at all. Every way out of here that is
// not an error says which labels each item has, or that it has none.
#include <utility>

#include "gateway/answers/label_json.h"
#include "gateway/answers/mcp_result.h"
#include "gateway/json/json_text.h"
#include "guardc/label.h"

namespace guardc {
namespace {

using gateway::ArrayIndex;
using gateway::BadResponse;
using gateway::JsonText;
using gateway::JsonType;
using gateway::JsonTypeName;
using gateway::JsonValue;
using gateway::KnownMembers;
using gateway::LabelForm;
using gateway::LabelReader;
using gateway::ParsePointer;
using gateway::Place;
using gateway::Printable;
using gateway::ReadMembers;

constexpr auto kResponse = LabelFunction::kResponse;

using SharedLabels = std::shared_ptr<const ItemLabels>;

// "" where it is absent or null. What is not in the JSON as it stands is decoded into `storage`.
Result<std::string_view> OptionalString(const KnownMembers& members, std::string_view key, const Place& at,
                                        std::string& storage) {
  auto value = members.FindNotNull(key);
  if (!value) return std::string_view();
  if (!value->Is(JsonType::kString)) {
    return BadResponse(kResponse, at, "is " + std::string(JsonTypeName(value->type())) + "; expected a string");
  }
  auto text = value->StringView(storage);
  if (!text) return BadResponse(kResponse, at, text.error().message);
  return text;
}

// One answer in the path form, while it is applied to the data.
class PathLabels {
 public:
  // `paths` is an array, or null, which is as good as an empty one.
  PathLabels(const KnownMembers& members, JsonValue paths) : members_(members), paths_(paths), reader_(kResponse) {}

  Result<LabelledData> Apply(std::shared_ptr<const JsonText> data) {
    if (auto defaults = members_.FindNotNull("default_labels")) {
      GUARDC_TRY(defaults_, reader_.ReadShared(*defaults, LabelForm::kTyped, Place("default_labels")));
    }
    GUARDC_TRY(std::optional<JsonValue> array, FindArray(data->root()));
    GUARDC_TRY(auto labels, ReadPaths(array ? array->size() : 0, array.has_value()));
    std::vector<LabelledItem> items;
    if (!array) {
      items.push_back({defaults_, data->root().raw()});
      return LabelledData(LabelledData::Form::kPaths, false, std::move(items), std::move(data));
    }
    items.reserve(array->size());
    for (JsonValue element : *array) {
      SharedLabels& own = labels[items.size()];
      items.push_back({own ? std::move(own) : defaults_, element.raw()});
    }
    return LabelledData(LabelledData::Form::kPaths, true, std::move(items), std::move(data));
  }

 private:
  // The array whose elements are the items; nullopt where the whole is one item.
  Result<std::optional<JsonValue>> FindArray(JsonValue root) {
    const Place at("items_path");
    std::string storage;
    GUARDC_TRY(const std::string_view text, OptionalString(members_, "items_path", at, storage));
    items_path_ = text;
    const auto tokens = ParsePointer(items_path_);
    if (!tokens) {
      return BadResponse(kResponse, at, "is \"" + Printable(text) + "\"; expected a JSON Pointer (RFC 6901)");
    }
    if (tokens->empty()) return root.Is(JsonType::kArray) ? std::optional(root) : std::nullopt;
    GUARDC_TRY(auto found, gateway::Resolve(root, *tokens));
    if (!found) return BadResponse(kResponse, at, "is \"" + Printable(text) + "\", which leads nowhere");
    if (!found->Is(JsonType::kArray)) {
      return BadResponse(kResponse, at,
                         "is \"" + Printable(text) + "\", which leads to " + std::string(JsonTypeName(found->type())) +
                             "; expected an array");
    }
    return found;
  }

  // Labels by index, null where there are none; the last entry for an item wins.
  Result<std::vector<SharedLabels>> ReadPaths(uint32_t size, bool has_array) {
    std::vector<SharedLabels> out(size);
    const auto missing =
        std::make_shared<const ItemLabels>(ItemLabels{"", defaults_ ? defaults_->labels : Labels(), true});
    const Place list("labeled_paths");
    std::string storage;
    size_t i = 0;
    for (JsonValue entry : paths_) {
      const Place at = list.Element(i++);
      if (entry.Is(JsonType::kNull)) continue;
      if (!entry.Is(JsonType::kObject)) {
        return BadResponse(kResponse, at, "is " + std::string(JsonTypeName(entry.type())) + "; expected an object");
      }
      GUARDC_TRY(auto entry_members, ReadMembers(kResponse, entry, {"path", "labels"}, &at));
      const Place path_at = at.Member("path");
      GUARDC_TRY(const std::string_view path, OptionalString(entry_members, "path", path_at, storage));
      SharedLabels labels = missing;
      if (auto value = entry_members.FindNotNull("labels")) {
        GUARDC_TRY(labels, reader_.ReadShared(*value, LabelForm::kTyped, at.Member("labels")));
      }
      if (!gateway::IsPointer(path)) {
        return BadResponse(kResponse, path_at, "is \"" + Printable(path) + "\"; expected a JSON Pointer (RFC 6901)");
      }
      const auto token = TokenBelowItems(path);
      if (!has_array || !token) continue;
      ArrayIndex index = gateway::ParseArrayIndex(*token, size);
      if (index.kind == ArrayIndex::Kind::kMalformed) {
        return BadResponse(kResponse, path_at,
                           "is \"" + Printable(path) +
                               "\", which is no pointer to an element; expected an index such "
                               "as 0 or 12");
      }
      if (index.kind == ArrayIndex::Kind::kElement) out[index.index] = std::move(labels);
    }
    return out;
  }

  // The reference token that follows the items' path. Pointers are compared as they are written, for RFC 6901 leaves
  // one way to write each; an escape in the token itself is no digit, as what it stands for.
  std::optional<std::string_view> TokenBelowItems(std::string_view path) const {
    if (!path.starts_with(items_path_) || path.size() == items_path_.size()) return std::nullopt;
    path.remove_prefix(items_path_.size());
    if (path.front() != '/') return std::nullopt;
    path.remove_prefix(1);
    return path.substr(0, path.find('/'));
  }

  const KnownMembers& members_;
  JsonValue paths_;
  LabelReader reader_;
  SharedLabels defaults_;
  std::string items_path_;
};

Result<LabelledData> LegacyItems(JsonValue list, std::shared_ptr<const JsonText> text) {
  LabelReader reader(kResponse);
  std::vector<LabelledItem> items;
  const Place all("items");
  size_t i = 0;
  for (JsonValue entry : list) {
    const Place at = all.Element(i++);
    if (!entry.Is(JsonType::kObject)) continue;
    GUARDC_TRY(auto members, ReadMembers(kResponse, entry, {"data", "labels"}, &at));
    const Place labels_at = at.Member("labels");
    auto labels = members.Find("labels");
    if (!labels) return BadResponse(kResponse, labels_at, "is missing; expected an object");
    GUARDC_TRY(auto own, reader.ReadShared(*labels, LabelForm::kUntyped, labels_at));
    auto data = members.Find("data");
    items.push_back({std::move(own), data ? data->raw() : "null"});
  }
  return LabelledData(LabelledData::Form::kLegacy, true, std::move(items), std::move(text));
}

}  // namespace

Result<LabelledData> ParseResponseAnswer(std::string answer, const JsonDocument& result) {
  if (answer.empty()) return LabelledData();
  GUARDC_TRY(auto parsed, gateway::ParseAnswer(kResponse, std::move(answer)));
  JsonValue root = parsed->root();
  if (root.Is(JsonType::kNull)) return LabelledData();
  GUARDC_TRY(auto members, ReadMembers(kResponse, root, {"labeled_paths", "default_labels", "items_path", "items"}));
  if (auto paths = members.Find("labeled_paths")) {
    if (!paths->Is(JsonType::kArray) && !paths->Is(JsonType::kNull)) {
      return BadResponse(kResponse, "labeled_paths",
                         "is " + std::string(JsonTypeName(paths->type())) + "; expected an array");
    }
    GUARDC_TRY(auto data, gateway::InnerJson(result.shared()));
    return PathLabels(members, *paths).Apply(std::move(data));
  }
  auto items = members.Find("items");
  if (!items || !items->Is(JsonType::kArray)) return LabelledData();
  return LegacyItems(*items, std::move(parsed));
}

}  // namespace guardc
