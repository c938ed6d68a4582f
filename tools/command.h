// What the subcommands share with main.cc: how they are registered, and what they answer.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace guardc::cli {

// The command's exit codes. `exec` answers the guest's own instead, or kTrapped.
enum ExitCode : int {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,
  kTrapped = 134,  // as shells see an abort, and as wasmtime answers
};

// Each adds one subcommand to `app` and writes the exit code to `exit_code` when that subcommand runs. compile is only
// described here: RunCompile gets its arguments unparsed.
void AddCompile(CLI::App& app, int& exit_code);
void AddVerify(CLI::App& app, int& exit_code);
void AddInspect(CLI::App& app, int& exit_code);
void AddCall(CLI::App& app, int& exit_code);
void AddCache(CLI::App& app, int& exit_code);
void AddPolicy(CLI::App& app, int& exit_code);
void AddDecide(CLI::App& app, int& exit_code);
// `guest_arguments`: what followed "--", which CLI11 would not hand to a subcommand.
void AddExec(CLI::App& app, std::vector<std::string> guest_arguments, int& exit_code);

// Becomes the compiler with all arguments of this process; returns only where that fails.
int RunCompile(int argc, char** argv);

}  // namespace guardc::cli
