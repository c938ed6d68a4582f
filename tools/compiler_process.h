// `guardc compile` is another executable.
#pragma once

#include <string>
#include <vector>

#include "guardc/result.h"

namespace guardc::cli {

// Replaces this process by the compiler. Returns only where that failed.
Error BecomeCompiler(const std::vector<std::string>& arguments);

}  // namespace guardc::cli
