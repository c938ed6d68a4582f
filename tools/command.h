// What the subcommands share with main.cc: how they are registered, and what they answer.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "guardc/result.h"

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

// Adds a subcommand, which writes the exit code to the second argument.
using AddCommand = std::function<void(CLI::App&, int&)>;

// Each adds one subcommand to `app` and writes the exit code to `exit_code` when that subcommand runs.
void AddVerify(CLI::App& app, int& exit_code);
void AddInspect(CLI::App& app, int& exit_code);
void AddCall(CLI::App& app, int& exit_code);
void AddCache(CLI::App& app, int& exit_code);
void AddPolicy(CLI::App& app, int& exit_code);
void AddDecide(CLI::App& app, int& exit_code);
// `own`: all arguments before "--"; `guest`: what followed it, which CLI11 would not hand to a subcommand.
void AddExec(CLI::App& app, std::vector<std::string> own, std::vector<std::string> guest, int& exit_code);

void AddDoctor(CLI::App& app, int& exit_code);
// `describe` adds all that the command's arguments may be.
void AddCompletions(CLI::App& app, int& exit_code, AddCommand describe);
void AddMan(CLI::App& app, int& exit_code, AddCommand describe);

// What `guardc --version --json` prints.
std::string VersionJson();

// What another executable does: described for `guardc --help`, and, where the arguments ask for it, done by becoming
// that executable. The exit code is of a failure to do so.
void DescribeElsewhere(CLI::App& app, int& exit_code);
std::optional<int> RunElsewhere(const std::vector<std::string>& arguments);

}  // namespace guardc::cli
