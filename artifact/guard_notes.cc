#include "artifact/guard_notes.h"

#include <algorithm>
#include <string_view>

namespace guardc::artifact {

std::vector<std::string> GuardNotes(const Description& description) {
  std::vector<std::string> notes;
  const auto exports_function = [&](std::string_view name) {
    return std::ranges::any_of(description.exports, [&](const DescribedExport& exported) {
      return exported.kind == ExternKind::kFunc && exported.name == name;
    });
  };
  // Go's linker makes both for label functions that are marked as exports, unless it is told to make a library.
  if (exports_function("_start") && !exports_function("_initialize")) {
    notes.emplace_back(
        "it exports _start and no _initialize: it was built as a command, whose start nobody runs, and where its "
        "language sets itself up there (Go does) every call traps; build it as a library (Go and TinyGo: "
        "-buildmode=c-shared; C: -mexec-model=reactor; Rust: crate-type cdylib)");
  }
  if (!exports_function("alloc") || !exports_function("dealloc")) {
    notes.emplace_back(
        "it does not export both alloc and dealloc: input and output get pages behind its memory, or, where that may "
        "not grow, the end of it, where its own data may lie; export both");
  }
  for (const Limits& memory : description.memories) {
    if (memory.min <= kDefaultMemoryCap) continue;
    const std::string pages = std::to_string(memory.min);
    notes.push_back("its memory begins at " + pages + " pages of 64 KiB, above the cap that guards have by default, " +
                    std::to_string(kDefaultMemoryCap) + ": an instance needs --memory-cap " + pages +
                    " (GuardOptions::memory_cap_pages) or more, or a smaller initial memory or stack");
  }
  return notes;
}

}  // namespace guardc::artifact
