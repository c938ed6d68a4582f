#include "runtime/label/lesson.h"

#include <utility>

namespace guardc {

std::optional<Lesson> LessonOf(std::string_view policy, std::string answer) {
  Result<AgentAnswer> parsed = ParseAgentAnswer(std::move(answer));
  if (!parsed) return std::nullopt;
  return Lesson{std::string(policy), *std::move(parsed)};
}

Result<void> Teach(GuardInstance& instance, const Lesson& lesson, const CallOptions& call) {
  GUARDC_TRY(std::string text, instance.Call(LabelFunction::kAgent, lesson.policy, call));
  GUARDC_TRY(const AgentAnswer answer, ParseAgentAnswer(std::move(text)));
  if (answer.mode == lesson.answer.mode && answer.labels == lesson.answer.labels) return {};
  return Fail(ErrorKind::kBadResponse,
              "label_agent: answers the same policy with other labels or another mode than before, by which its agents "
              "go");
}

}  // namespace guardc
