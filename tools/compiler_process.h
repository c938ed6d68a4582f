// The compiler as another process: a crash, an endless compile or an out-of-memory there is an error here.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "guardc/compile.h"
#include "guardc/result.h"

namespace guardc::cli {

// $GUARDC_COMPILER, else guardc-compiler beside this executable, else in ../libexec/guardc/. kUnsupported where this
// installation has none.
Result<std::filesystem::path> FindCompiler();

// Replaces this process by the compiler. Returns only where that failed.
Error BecomeCompiler(const std::vector<std::string>& arguments);

struct CompileRequest {
  std::string wasm_path;
  std::filesystem::path cache_directory;
  Profile profile = Profile::kGuard;
  std::chrono::milliseconds limit = std::chrono::minutes(10);  // then the compiler is killed
};

// Compiles into the cache. The compiler's own error, or kCompile where it crashed or ran out of time.
Result<void> CompileInProcess(const CompileRequest& request);

}  // namespace guardc::cli
