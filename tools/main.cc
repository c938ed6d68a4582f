// guardc: compile guards, look at what was compiled, and ask guards for labels. This executable contains no compiler
// and never maps one: `compile` becomes the program guardc-compiler.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "guardc/log.h"
#include "guardc/version.h"
#include "tools/command.h"
#include "tools/output.h"

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
    "\n"
    "The cache is --cache-dir, else $GUARDC_CACHE_DIR, else $MCP_GATEWAY_WASM_CACHE_DIR, else\n"
    "$XDG_CACHE_HOME/guardc, else ~/.cache/guardc.\n"
    "$GUARDC_LOG=debug shows what the library does, on stderr (docs/logs.md).\n"
    "Exit status: 0 done, 1 the work failed, 2 wrong usage. `guardc COMMAND --help` tells more.";

// One line of what is wrong and one of what to do, as every other error.
std::string FormatUsageError(const CLI::App* app, const CLI::Error& error) {
  const auto used = app->get_subcommands();
  std::string command = "guardc";
  for (const CLI::App* sub = used.empty() ? nullptr : used.front(); sub != nullptr;) {
    command += " " + sub->get_name();
    const auto next = sub->get_subcommands();
    sub = next.empty() ? nullptr : next.front();
  }
  return std::string("error: ") + error.what() + "\nhint: see `" + command + " --help`\n";
}

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

// What the library would warn of, a command says itself.
void QuietLogs() {
  if (std::getenv("GUARDC_LOG") == nullptr && std::getenv("DEBUG") == nullptr) {
    ConfigureLogs({.levels = "error", .json = {}, .write = {}});
  }
}

int Main(int argc, char** argv) {
  QuietLogs();
  if (argc > 1 && std::string_view(argv[1]) == "compile") return RunCompile(argc, argv);

  std::vector<std::string> guest_arguments;
  if (argc > 1 && std::string_view(argv[1]) == "exec") guest_arguments = CutAtDoubleDash(argc, argv);
  CLI::App app{"guardc compiles WebAssembly guards ahead of time and asks them for labels."};
  app.name("guardc");
  app.footer(kExamples);
  app.set_version_flag("--version", "guardc " + std::string(kVersion));
  app.require_subcommand(1);
  app.failure_message(FormatUsageError);
  int exit_code = kDone;
  AddCompile(app, exit_code);
  AddVerify(app, exit_code);
  AddInspect(app, exit_code);
  AddCall(app, exit_code);
  AddExec(app, std::move(guest_arguments), exit_code);
  AddCache(app, exit_code);
  AddPolicy(app, exit_code);
  AddDecide(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUsage;
  }
  return exit_code;
}

}  // namespace

}  // namespace guardc::cli

int main(int argc, char** argv) {
  // What our own code and the libraries below it throw (out of memory, mostly) ends here as an error like any other.
  try {
    return guardc::cli::Main(argc, argv);
  } catch (const std::exception& error) {
    return guardc::cli::ReportError({guardc::ErrorKind::kInternal, error.what()}, false);
  }
}
