#include "tools/call_answer.h"

#include "base/log.h"
#include "gateway/json/json_text.h"
#include "guardc/label.h"

namespace guardc::cli {
namespace {

using gateway::JsonText;
using gateway::JsonType;
using gateway::KnownMembers;

// null where the input has none.
Result<JsonDocument> ToolResult(std::string_view input) {
  GUARDC_TRY(const auto parsed, JsonText::Parse(std::string(input), "the input"));
  if (!parsed->root().Is(JsonType::kObject)) return JsonDocument();
  GUARDC_TRY(const auto members,
             KnownMembers::Read(parsed->root(), {"tool_result"}, ErrorKind::kInvalidArgument, "the input"));
  const auto result = members.Find("tool_result");
  if (!result) return JsonDocument();
  return JsonDocument::Parse(std::string(result->raw()), "the tool's result");
}

}  // namespace

Result<void> CheckAnswer(LabelFunction function, std::string_view input, const std::string& answer) {
  switch (function) {
    case LabelFunction::kAgent:
      GUARDC_CHECK(ParseAgentAnswer(answer));
      break;
    case LabelFunction::kResource:
      GUARDC_CHECK(ParseResourceAnswer(answer));
      break;
    case LabelFunction::kResponse:
      GUARDC_TRY(const JsonDocument result, ToolResult(input));
      GUARDC_CHECK(ParseResponseAnswer(answer, result));
      break;
  }
  return {};
}

std::string AnswerHint(std::string_view answer) {
  constexpr size_t kShown = 1000;  // bytes
  if (answer.empty()) return "the answer was empty";
  return "the answer, which --raw prints as it is: " + log::PrintableLine(answer, kShown);
}

}  // namespace guardc::cli
