// guardc: compile guards, look at what was compiled, and ask guards for labels. This executable contains no compiler
// and never maps one: to compile it becomes another program (delegated_commands.cc). What starting costs is part of
// what a label costs: nothing is set up that the command does not need.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tools/command.h"
#include "tools/program.h"

namespace guardc::cli {
namespace {

constexpr char kExamples[] =
    "Examples:\n"
    "  guardc compile guard.wasm                      compile into the cache\n"
    "  guardc inspect guard.wasm                      what was compiled, and how\n"
    "  guardc call guard.wasm label_resource --input call.json\n"
    "                                                 ask the guard; its answer goes to stdout\n"
    "  guardc exec program.wasm --compile -- --help   run a WASI command in the same sandbox\n"
    "  guardc cache ls                                everything in the cache\n"
    "  guardc doctor                                  what would not work here, and what mends it\n"
    "\n"
    "The cache is --cache-dir, else $GUARDC_CACHE_DIR, else $MCP_GATEWAY_WASM_CACHE_DIR, else\n"
    "$XDG_CACHE_HOME/guardc, else ~/.cache/guardc (XDG_CACHE_HOME and HOME where they are absolute).\n"
    "$GUARDC_LOG=debug shows what the library does, on stderr (docs/logs.md).\n"
    "Exit status: 0 done, 1 the work failed, 2 wrong usage. `guardc COMMAND --help` tells more.";

// Ends the arguments before "--" and returns those behind it.
std::vector<std::string> CutAtDoubleDash(int& argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) != "--") continue;
    std::vector<std::string> out(argv + i + 1, argv + argc);
    argc = i;
    return out;
  }
  return {};
}

// `guardc help cache ls` is `guardc cache ls --help`.
std::vector<std::string> WithoutHelpCommand(std::vector<std::string> arguments) {
  if (arguments.empty() || arguments.front() != "help") return arguments;
  arguments.erase(arguments.begin());
  arguments.emplace_back("--help");
  return arguments;
}

int Main(int argc, char** argv) {
  const std::vector<std::string> arguments = WithoutHelpCommand({argv + std::min(argc, 1), argv + argc});
  if (const auto exit_code = RunElsewhere(arguments)) return *exit_code;

  std::vector<char*> words(argv, argv + std::min(argc, 1));
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  argc = static_cast<int>(words.size());
  std::vector<std::string> guest_arguments;
  if (!arguments.empty() && arguments.front() == "exec") guest_arguments = CutAtDoubleDash(argc, words.data());
  const std::vector<std::string> own_arguments(words.begin(), words.begin() + argc);
  Program program{.description = "guardc compiles WebAssembly guards ahead of time and asks them for labels.",
                  .describe =
                      [](CLI::App& app, int& exit_code) {
                        app.footer(kExamples);
                        DescribeElsewhere(app, exit_code);
                      },
                  .version_json = VersionJson};
  const auto all = [&program](CLI::App& app, int& exit_code) { DescribeProgram(app, program, exit_code); };
  program.commands = {
      {"verify", AddVerify},
      {"inspect", AddInspect},
      {"call", AddCall},
      {"policy", AddPolicy},
      {"decide", AddDecide},
      {"exec", [&](CLI::App& app, int& code) { AddExec(app, own_arguments, std::move(guest_arguments), code); }},
      {"cache", AddCache},
      {"doctor", AddDoctor},
      {"completions", [&](CLI::App& app, int& code) { AddCompletions(app, code, all); }},
      {"man", [&](CLI::App& app, int& code) { AddMan(app, code, all); }},
  };
  return RunProgram(argc, words.data(), program);
}

}  // namespace
}  // namespace guardc::cli

int main(int argc, char** argv) { return guardc::cli::Main(argc, argv); }
