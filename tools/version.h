// What this machine and the compiler beside this command can do.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "artifact/cpu_features.h"
#include "guardc/result.h"

namespace guardc::cli {

struct CompilerVersion {
  std::filesystem::path path;
  nlohmann::ordered_json said;  // version, abi, llvm, targets, features
};
// Of the compiler that `guardc compile` would start; it is asked itself.
Result<CompilerVersion> AskCompiler();

bool HasLevel(const artifact::CpuLevel& level);
// Those that guardc knows and this machine has.
std::vector<std::string_view> HostFeatures();

}  // namespace guardc::cli
