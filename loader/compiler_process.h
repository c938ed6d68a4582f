// The compiler as another process. Here is no word of LLVM: only where the executable is, and what it answered.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "guardc/module.h"
#include "guardc/result.h"

namespace guardc::loader {

// `given`, or where it is empty what CompileOnMiss::compiler says. kUnsupported names the places looked at.
Result<std::filesystem::path> FindCompiler(const std::filesystem::path& given = {});

// Compiles `wasm` into the cache.
Result<void> CompileInProcess(std::span<const std::byte> wasm, const std::filesystem::path& cache_directory,
                              const CompileOnMiss& how);

}  // namespace guardc::loader
