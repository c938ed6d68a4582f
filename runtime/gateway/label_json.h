// From a guard's JSON to labels, strictly: what all three answers share.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "guardc/flow.h"
#include "guardc/label.h"
#include "guardc/result.h"
#include "runtime/gateway/json_text.h"

namespace guardc::gateway {

// kBadResponse: "label_response: "key" why".
[[nodiscard]] std::unexpected<Error> BadResponse(LabelFunction function, std::string key, std::string_view why);

// The answer as JSON; what is not JSON is kBadResponse.
Result<std::shared_ptr<const JsonText>> ParseAnswer(LabelFunction function, std::string answer);

// How Go's two ways of decoding treat what has the wrong shape; guard-abi 8 keeps the difference.
enum class LabelForm : uint8_t {
  kTyped,    // label_agent, labeled_paths: null is as good as absent, and among tags it is ""
  kUntyped,  // label_resource, legacy items: null is a wrong type; a description that is no string is none
};

// Reads labels of one answer; equal texts become one set, and the number of tags is bounded.
class LabelReader {
 public:
  explicit LabelReader(LabelFunction function) : function_(function) {}

  // {"description","secrecy","integrity"}. `at` is the value's place in the answer.
  Result<std::shared_ptr<const ItemLabels>> ReadLabels(JsonValue value, LabelForm form, const std::string& at);
  // `trimmed`: as label_agent's tags are, without blanks around them and without empty ones.
  Result<TagSet> ReadTags(const KnownMembers& members, std::string_view key, LabelForm form, const std::string& at,
                          bool trimmed = false);

 private:
  LabelFunction function_;
  size_t tags_ = 0;
  // By the bytes of the array and of the object, which live in the answer.
  std::unordered_map<std::string_view, TagSet> sets_;
  std::unordered_map<std::string_view, std::shared_ptr<const ItemLabels>> labels_;
};

}  // namespace guardc::gateway
