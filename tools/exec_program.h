// What is in another executable, so that `guardc call` starts without mapping any of it: the compiler.
#pragma once

#include <string>
#include <vector>

#include "guardc/result.h"

namespace guardc::cli {

// Replaces this process by guardc-compiler, with these arguments behind its name. Returns only where that failed.
Error BecomeCompiler(const std::vector<std::string>& arguments);

}  // namespace guardc::cli
