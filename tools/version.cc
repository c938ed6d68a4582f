// guardc --version --json: what this command, the compiler that it would start, and this machine are.
#include <algorithm>
#include <chrono>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "artifact/abi.h"
#include "artifact/cpu_features.h"
#include "base/child_process.h"
#include "base/json.h"
#include "guardc/version.h"
#include "loader/compiler_process.h"
#include "loader/host_cpu.h"
#include "tools/command.h"
#include "tools/output.h"
#include "tools/version.h"

namespace guardc::cli {
namespace {

using nlohmann::ordered_json;

ordered_json CpuLevels() {
  ordered_json out = ordered_json::array();
#if defined(__x86_64__)
  for (const artifact::CpuLevel& level : artifact::X86Levels()) {
    if (level.features.empty()) continue;  // code needs more than the first
    out.push_back({{"name", level.name}, {"features", level.features}, {"runs_here", HasLevel(level)}});
  }
#endif
  return out;
}

}  // namespace

bool HasLevel(const artifact::CpuLevel& level) { return std::ranges::all_of(level.features, loader::HasCpuFeature); }

std::vector<std::string_view> HostFeatures() {
  std::vector<std::string_view> out;
#if defined(__x86_64__)
  const auto known = artifact::X86Features();
#else
  const auto known = artifact::Aarch64Features();
#endif
  std::ranges::copy_if(known, std::back_inserter(out), loader::HasCpuFeature);
  return out;
}

Result<CompilerVersion> AskCompiler() {
  GUARDC_TRY(const std::filesystem::path path, loader::FindCompiler());
  ChildRequest request{.program = path, .arguments = {"--version", "--json"}};
  request.bounds.deadline = Clock::now() + std::chrono::seconds(30);
  GUARDC_TRY(const ChildEnd end, RunChild(request));
  const auto said = ParseJson<ordered_json>(end.out, "what the compiler says");
  if (!said || !said->is_object() || !said->contains("version")) {
    return Fail(ErrorKind::kCompile, "'" + path.string() + "' does not tell its version" +
                                         (end.err.empty() ? "" : ": " + PrintableName(end.err)));
  }
  return CompilerVersion{path, *said};
}

std::string VersionJson() {
  ordered_json out = {{"version", kVersion}, {"abi", abi::kAbiVersion}};
  const Result<CompilerVersion> compiler = AskCompiler();
  for (const char* member : {"llvm", "targets", "features"}) {
    out[member] = compiler ? compiler->said.value(member, ordered_json()) : ordered_json();
  }
  out["cpu_levels"] = CpuLevels();
  out["cpu_features"] = HostFeatures();
  if (compiler) {
    out["compiler"] = {{"path", compiler->path.string()}, {"version", compiler->said["version"]}};
  } else {
    out["compiler"] = {{"error", ErrorToJson(compiler.error())}};
  }
  std::string text = ToText(out);
  text.pop_back();  // the library ends the line
  return text;
}

}  // namespace guardc::cli
