// guardc-compiler: the executable with LLVM in it. `guardc compile` becomes it with the same arguments, and so do
// `guardc inspect` for a module that was not compiled yet and compile-on-miss; its help speaks of `guardc` therefore.
#include <CLI/CLI.hpp>

#include "compiler/tool/commands.h"
#include "tools/program.h"

int main(int argc, char** argv) {
  using namespace guardc;  // NOLINT: a main
  return cli::RunProgram(argc, argv,
                         {.description = "The compiler behind `guardc compile`.",
                          .commands = {{"compile", compiler_tool::AddCompile}, {"inspect", compiler_tool::AddInspect}},
                          .version_json = compiler_tool::VersionJson});
}
