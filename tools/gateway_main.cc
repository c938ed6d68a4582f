// guardc-gateway: the subcommands that read policies and decide as a gateway does. `guardc` becomes it for `policy`,
// `decide` and `call --policy`, and itself starts without the gateway's side and its JSON parser.
#include <CLI/CLI.hpp>

#include "guardc/label.h"
#include "tools/command.h"
#include "tools/program.h"

int main(int argc, char** argv) {
  using namespace guardc;  // NOLINT: a main
  const auto accept = [](std::string answer) -> Result<void> {
    GUARDC_CHECK(ParseAgentAnswer(std::move(answer)));  // kRejected, kBadResponse
    return {};
  };
  return cli::RunProgram(argc, argv, "The gateway's side of guardc.",
                         {{"call", [&](CLI::App& app, int& code) { cli::AddCall(app, code, accept); }},
                          {"policy", cli::AddPolicy},
                          {"decide", cli::AddDecide}});
}
