// guardc-compiler --version --json.
#include <nlohmann/json.hpp>
#include <string>

#include "artifact/abi.h"
#include "compiler/codegen/target.h"
#include "compiler/frontend/wasm_module.h"
#include "compiler/tool/commands.h"
#include "guardc/version.h"

namespace guardc::compiler_tool {
namespace {

// Of WebAssembly: what 2.0 added to the first version, and the later proposals that are accepted.
std::vector<std::string> Features() {
  std::vector<std::string> out = {"mutable-globals",
                                  "sign-extension",
                                  "saturating-float-to-int",
                                  "multi-value",
                                  "bulk-memory",
                                  "reference-types",
                                  "simd"};
  const compiler::FeatureSet features;
  const std::pair<const char*, bool> later[] = {
      {"tail-call", features.tail_call},       {"extended-const", features.extended_const},
      {"multi-memory", features.multi_memory}, {"memory64", features.memory64},
      {"relaxed-simd", features.relaxed_simd}, {"threads", features.threads}};
  for (const auto& [name, accepted] : later) {
    if (accepted) out.emplace_back(name);
  }
  return out;
}

}  // namespace

std::string VersionJson() {
  const nlohmann::ordered_json out = {{"version", kVersion},
                                      {"abi", abi::kAbiVersion},
                                      {"llvm", compiler::LlvmVersion()},
                                      {"targets", compiler::SupportedTargets()},
                                      {"features", Features()}};
  return out.dump(2);
}

}  // namespace guardc::compiler_tool
