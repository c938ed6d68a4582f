// Modules at each limit of the reader (compiler/frontend/read_limits.h), and one above it.
#pragma once

#include <vector>

#include "tests/fuzz/validity/writer.h"

namespace guardc::validity {

std::vector<Bytes> LimitModules();

}  // namespace guardc::validity
