// What the code is compiled for: triple, CPU and the features that it may use.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "artifact/manifest.h"
#include "guardc/result.h"

namespace llvm {
class Module;
class TargetMachine;
}  // namespace llvm

namespace guardc::compiler {

struct CompileTarget {
  artifact::Target identity;  // canonical triple, resolved CPU, features: what key and manifest record
  std::string tune_cpu;       // what LLVM schedules for
  bool is_aarch64 = false;
  uint32_t page_size = 4096;  // the largest page that a machine of this kind may use
};

// `cpu` and `triple` as in CompileOptions. kInvalidArgument for names that LLVM does not know and for a CPU below the
// baseline, kUnsupported for targets that guardc has no port for.
Result<CompileTarget> ResolveTarget(std::string_view cpu, std::string_view triple);

// Every name that ResolveTarget takes for a CPU of this triple, "baseline" and "native" first.
Result<std::vector<std::string>> CpuNames(std::string_view triple);
// The triples that there is a port and a code generator for.
std::vector<std::string> SupportedTargets();

// One per thread. `opt_level` as in CompileOptions.
Result<std::unique_ptr<llvm::TargetMachine>> CreateTargetMachine(const CompileTarget& target, int opt_level);

// "19.1.7".
std::string_view LlvmVersion();

}  // namespace guardc::compiler
