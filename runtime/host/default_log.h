// Where a guard's lines go when the embedder gives no log of its own: a logger "guard:<name>" on the host's stderr.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "guardc/guard.h"

namespace guardc {

// Thread-safe. GUARDC_LOG says what is wanted, as entries separated by commas: a level (debug, info, warn, error, off)
// for all loggers, or PATTERN=level for those whose name it matches (`*` at its end matches any rest); the last that
// matches counts. Without any, warnings and errors.
std::shared_ptr<GuardLog> MakeDefaultGuardLog(std::string_view guard_name);

// For tests: the level that `spec` gives the logger `name`; kNone is off.
LogLevel LevelFromSpec(std::string_view spec, std::string_view name);

// A guest's bytes as one line that cannot pass for another, nor move a terminal's cursor: control characters and what
// is not UTF-8 as \xNN, and no longer than `limit` bytes of the guest's.
std::string PrintableLine(std::string_view bytes, size_t limit);

}  // namespace guardc
