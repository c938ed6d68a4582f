// The subcommands of guardc-compiler.
#pragma once

#include <cstdint>
#include <string>

namespace CLI {
class App;
}

namespace guardc::compiler_tool {

inline constexpr uint64_t kMaxWasm = uint64_t{1} << 30;  // bytes; the reader's limit, too

// Each adds one subcommand to `app` and writes the exit code (tools/command.h) to `exit_code` when that subcommand
// runs.
void AddCompile(CLI::App& app, int& exit_code);
void AddInspect(CLI::App& app, int& exit_code);

// What this compiler can do; `guardc --version --json` passes it on.
std::string VersionJson();

}  // namespace guardc::compiler_tool
