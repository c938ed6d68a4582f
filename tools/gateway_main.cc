// guardc-gateway: the subcommands that read policies and decide as a gateway does. `guardc` becomes it for `policy` and
// `decide`, and itself starts without its JSON parser.
#include <CLI/CLI.hpp>

#include "tools/command.h"
#include "tools/program.h"

int main(int argc, char** argv) {
  using namespace guardc;  // NOLINT: a main
  return cli::RunProgram(argc, argv, "The gateway's side of guardc.",
                         {{"policy", cli::AddPolicy}, {"decide", cli::AddDecide}});
}
