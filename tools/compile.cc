// guardc compile: hands over to guardc-compiler, so that no other subcommand pays for LLVM.
#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "tools/command.h"
#include "tools/compiler_process.h"
#include "tools/output.h"

namespace guardc::cli {

void AddCompile(CLI::App& app, int& exit_code) {
  // Only for `guardc --help`: main() hands `guardc compile ...` over before anything is parsed.
  app.add_subcommand("compile", "Compile guards into the cache")->prefix_command()->callback([&exit_code] {
    exit_code = ReportError({ErrorKind::kInvalidArgument, "`compile` must be the first argument"}, false);
  });
}

int RunCompile(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  bool json = false;
  for (const std::string_view argument : arguments) json = json || argument == "--json";
  return ReportError(BecomeCompiler(arguments), json,
                     "install guardc's compiler, or set GUARDC_COMPILER to a guardc-compiler; everything but "
                     "compiling works without it");
}

}  // namespace guardc::cli
