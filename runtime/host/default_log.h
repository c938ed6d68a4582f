// Where a guard's lines go when the embedder gives no log of its own: a logger "guard:<name>" (guardc/log.h).
#pragma once

#include <memory>
#include <string_view>

#include "guardc/guard.h"

namespace guardc {

// Thread-safe.
std::shared_ptr<GuardLog> MakeDefaultGuardLog(std::string_view guard_name);

}  // namespace guardc
