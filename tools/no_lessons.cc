// runtime/label/lesson.h for the light executable, in place of the one in the library: a guard that `call` runs is
// never replaced, so what label_agent taught it need not be understood, and no parser of answers is linked for it.
#include "runtime/label/lesson.h"

namespace guardc {

std::optional<Lesson> LessonOf(std::string_view, std::string) { return std::nullopt; }

Result<void> Teach(GuardInstance&, const Lesson&, const CallOptions&) {
  return Fail(ErrorKind::kInternal, "this executable replaces no guards");
}

}  // namespace guardc
