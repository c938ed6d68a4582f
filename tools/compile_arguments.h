// The arguments of `guardc compile`: described here for both executables, the one that has a compiler and the one that
// tells of it (help, completions, man pages).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "guardc/compile_options.h"

namespace CLI {
class App;
}

namespace guardc::cli {

struct CompileArguments {
  std::vector<std::string> guards;
  std::string name;  // of the artifact in the cache
  std::string stdin_name;
  std::string cache_dir;
  CompileOptions options;
  double timeout_seconds = 0;  // 0: none
  bool force = false;
  bool no_reuse = false;
  std::optional<Emit> emit;
  std::string output;
  bool json = false;
  bool own_validator_alone = false;
  bool attended = false;
  // For --list-cpus: a line for each name, for options.target.
  std::function<std::string()> list_cpus = {};
};

// Adds the subcommand, without a callback.
CLI::App* DescribeCompile(CLI::App& app, CompileArguments& arguments);

}  // namespace guardc::cli
