// What `guardc call` puts around a guard: its input, its log, its backend.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "guardc/guard.h"
#include "guardc/result.h"

namespace guardc::cli {

// The text of a file (or of stdin for "-"), which must be JSON. kIo, kLimit, kInvalidArgument with the place.
Result<std::string> ReadJsonText(const std::string& path);

// The guard's lines on stderr: errors and warnings, with `verbose` 1 info and those without a level, with 2 debug.
std::shared_ptr<GuardLog> MakeStderrLog(std::string guard, int verbose);

// A backend that answers from a JSON object in a file: tool name -> answer. Other tools fail.
Result<Backend> MakeFileBackend(const std::string& path, int verbose);

}  // namespace guardc::cli
