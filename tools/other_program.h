// What is in other executables, so that `guardc call` starts without mapping any of it: the compiler, and the gateway's
// side with its JSON parser.
#pragma once

#include <string>
#include <vector>

#include "guardc/result.h"

namespace guardc::cli {

// Replace this process by guardc-compiler or guardc-gateway, with these arguments behind its name. Return only where
// that failed.
Error BecomeCompiler(const std::vector<std::string>& arguments);
Error BecomeGateway(const std::vector<std::string>& arguments);

}  // namespace guardc::cli
