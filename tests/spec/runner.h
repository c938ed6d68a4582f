// Runs one script against the real pipeline: compile, publish in a cache, load, instantiate, call.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>

#include "compiler/frontend/wasm_module.h"
#include "guardc/compile.h"
#include "tests/spec/script.h"

namespace guardc::spec {

struct RunOptions {
  CompileOptions compile;
  // What the script's version of the specification allows: later proposals make valid what it calls invalid.
  compiler::FeatureSet features;
  std::filesystem::path cache_directory;
  uint32_t shown_failures = 20;  // per script
};

// How far a script has come. Lies in memory that the runner's process shares with its parent, so that a crash loses
// nothing but the commands that were still to come.
struct Progress {
  std::atomic<uint32_t> passed{0};
  std::atomic<uint32_t> failed{0};
  std::atomic<uint32_t> skipped{0};
  std::atomic<uint32_t> line{0};  // of the command that is running
};

// Failures go to stderr, one line each.
void RunScript(const Script& script, const RunOptions& options, Progress& progress);

}  // namespace guardc::spec
