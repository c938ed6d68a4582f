// guardc-compiler: the executable with LLVM in it. `guardc compile` becomes it with the same arguments, and so do
// `guardc inspect` for a module that was not compiled yet and compile-on-miss; its help speaks of `guardc` therefore.
#include <CLI/CLI.hpp>
#include <exception>
#include <string>

#include "compiler/tool/commands.h"
#include "guardc/version.h"
#include "tools/command.h"
#include "tools/output.h"

namespace guardc::compiler_tool {
namespace {

std::string FormatUsageError(const CLI::App* app, const CLI::Error& error) {
  const auto used = app->get_subcommands();
  const std::string command = used.empty() ? "guardc" : "guardc " + used.front()->get_name();
  return std::string("error: ") + error.what() + "\nhint: see `" + command + " --help`\n";
}

int Main(int argc, char** argv) {
  CLI::App app{"The compiler behind `guardc compile`."};
  app.name("guardc");
  app.set_version_flag("--version", "guardc " + std::string(kVersion));
  app.require_subcommand(1);
  app.failure_message(FormatUsageError);
  int exit_code = cli::kDone;
  AddCompile(app, exit_code);
  AddInspect(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? cli::kDone : cli::kUsage;
  }
  return exit_code;
}

}  // namespace
}  // namespace guardc::compiler_tool

int main(int argc, char** argv) {
  try {
    return guardc::compiler_tool::Main(argc, argv);
  } catch (const std::exception& error) {
    return guardc::cli::ReportError({guardc::ErrorKind::kInternal, error.what()}, false);
  }
}
