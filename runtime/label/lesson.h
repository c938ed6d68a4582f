// What label_agent taught a guard: enough to teach another instance the same.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "guardc/label.h"
#include "guardc/result.h"
#include "runtime/label/guard_instance.h"

namespace guardc {

struct Lesson {
  std::string policy;  // label_agent's input
  AgentAnswer answer;
};

// Nullopt where `answer` is a refusal, or not what the ABI says: then nothing was taught.
std::optional<Lesson> LessonOf(std::string_view policy, std::string answer);

// Calls label_agent again. kBadResponse where the instance answers with other labels or another mode than the first one
// did: agents that met that one go by its answer.
[[nodiscard]] Result<void> Teach(GuardInstance& instance, const Lesson& lesson, const CallOptions& call);

}  // namespace guardc
