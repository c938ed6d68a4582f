#include "runtime/label/recorded_label_agent.h"

#include <utility>

#include "guardc/label.h"

namespace guardc {

namespace {

class LabelLesson final : public Lesson {
 public:
  LabelLesson(std::string_view policy, AgentAnswer answer) : policy_(policy), answer_(std::move(answer)) {}

  std::string_view policy() const override { return policy_; }

  Result<void> Teach(GuardInstance& instance, const CallOptions& call) const override {
    GUARDC_TRY(std::string text, instance.Call(LabelFunction::kAgent, policy_, call));
    GUARDC_TRY(const AgentAnswer answer, ParseAgentAnswer(std::move(text)));
    if (answer.mode == answer_.mode && answer.labels == answer_.labels) return {};
    return Fail(ErrorKind::kBadResponse,
                "label_agent: answers the same policy with other labels or another mode than before, by which its "
                "agents go");
  }

 private:
  std::string policy_;
  AgentAnswer answer_;
};

}  // namespace

std::shared_ptr<const Lesson> LessonOf(std::string_view policy, std::string answer) {
  Result<AgentAnswer> parsed = ParseAgentAnswer(std::move(answer));
  if (!parsed) return nullptr;
  return std::make_shared<const LabelLesson>(policy, *std::move(parsed));
}

constinit const AfterFailure AfterFailure::kReplace{LessonOf};

}  // namespace guardc
