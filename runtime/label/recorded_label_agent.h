// What label_agent taught a guard: enough to teach another instance the same.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "guardc/guard.h"
#include "guardc/result.h"
#include "runtime/label/guard_instance.h"

namespace guardc {

// Abstract, so that who replaces no guards links no parser of answers.
class Lesson {
 public:
  virtual ~Lesson() = default;

  // label_agent's input.
  virtual std::string_view policy() const = 0;

  // Calls label_agent again. kBadResponse where the instance answers with other labels or another mode than the first
  // one did: agents that met that one go by its answer.
  [[nodiscard]] virtual Result<void> Teach(GuardInstance& instance, const CallOptions& call) const = 0;
};

// Null where `answer` is a refusal, or not what the ABI says: then nothing was taught.
std::shared_ptr<const Lesson> LessonOf(std::string_view policy, std::string answer);

}  // namespace guardc
