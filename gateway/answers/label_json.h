// From a guard's JSON to labels, strictly: what all three answers share.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gateway/json/json_text.h"
#include "guardc/flow.h"
#include "guardc/label.h"
#include "guardc/result.h"

namespace guardc::gateway {

// Where a value stands in an answer, for messages, which are rare: "labeled_paths[3].labels" is put together only
// there.
class Place {
 public:
  explicit Place(std::string_view name) : name_(name) {}
  // Parts of this one, which must outlive them.
  Place Element(size_t index) const { return Place(this, {}, index); }
  Place Member(std::string_view name) const { return Place(this, name, 0); }
  std::string ToString() const;

 private:
  Place(const Place* within, std::string_view name, size_t index) : within_(within), name_(name), index_(index) {}
  const Place* within_ = nullptr;
  std::string_view name_;  // empty: an element
  size_t index_ = 0;
};

// kBadResponse: "label_response: "key" why".
[[nodiscard]] std::unexpected<Error> BadResponse(LabelFunction function, std::string key, std::string_view why);
[[nodiscard]] std::unexpected<Error> BadResponse(LabelFunction function, const Place& at, std::string_view why);

// The answer as JSON; what is not JSON is kBadResponse.
Result<std::shared_ptr<const JsonText>> ParseAnswer(LabelFunction function, std::string answer);

// The members of an object in an answer: of what stands at `at`, or of the whole.
Result<KnownMembers> ReadMembers(LabelFunction function, JsonValue object,
                                 std::initializer_list<std::string_view> known, const Place* at = nullptr);

// How Go's two ways of decoding treat what has the wrong shape; docs/differences.md keeps the difference.
enum class LabelForm : uint8_t {
  kTyped,    // label_agent, labeled_paths: null is as good as absent, and among tags it is ""
  kUntyped,  // label_resource, legacy items: null is a wrong type; a description that is no string is none
};

// Reads labels of one answer; in label_response's, equal texts become one set. The number of tags is bounded.
class LabelReader {
 public:
  explicit LabelReader(LabelFunction function) : function_(function) {
    if (function == LabelFunction::kResponse) known_.emplace();
  }

  // {"description","secrecy","integrity"}. `at` is the value's place in the answer.
  Result<ItemLabels> ReadLabels(JsonValue value, LabelForm form, const Place& at);
  // The same, one for all equal texts.
  Result<std::shared_ptr<const ItemLabels>> ReadShared(JsonValue value, LabelForm form, const Place& at);
  // `trimmed`: as label_agent's tags are, without blanks around them and without empty ones.
  Result<TagSet> ReadTags(const KnownMembers& members, std::string_view key, LabelForm form, const Place& at,
                          bool trimmed = false);

 private:
  LabelFunction function_;
  size_t tags_ = 0;
  // By the bytes of the array and of the object, which live in the answer.
  struct Known {
    std::unordered_map<std::string_view, TagSet> sets;
    std::unordered_map<std::string_view, std::shared_ptr<const ItemLabels>> labels;
  };
  std::optional<Known> known_;  // the other answers hold one label, which is not worth remembering
};

}  // namespace guardc::gateway
