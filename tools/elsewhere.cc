// What other executables do: described here for `guardc --help`, handed over unparsed.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/command.h"
#include "tools/other_program.h"
#include "tools/output.h"

namespace guardc::cli {
namespace {

struct Elsewhere {
  std::string_view name;
  const char* description;
  Error (*become)(const std::vector<std::string>& arguments);
  const char* hint;
};
constexpr char kGatewayHint[] = "install guardc-gateway beside guardc, or in ../libexec/guardc";
constexpr Elsewhere kElsewhere[] = {
    {"compile", "Compile guards into the cache", BecomeCompiler,
     "install guardc's compiler, or set GUARDC_COMPILER to a guardc-compiler; everything but compiling works without "
     "it"},
    {"policy", "Look at the policies that a gateway gives to guards", BecomeGateway, kGatewayHint},
    {"decide", "Decide about a tool call as a gateway would: labels, policy, backend, filtering", BecomeGateway,
     kGatewayHint},
};

}  // namespace

void DescribeElsewhere(CLI::App& app, int& exit_code) {
  for (const Elsewhere& command : kElsewhere) {
    const std::string name(command.name);
    app.add_subcommand(name, command.description)->prefix_command()->callback([name, &exit_code] {
      exit_code = ReportError({ErrorKind::kInvalidArgument, "`" + name + "` must be the first argument"}, false);
    });
  }
}

std::optional<int> RunElsewhere(const std::vector<std::string>& arguments) {
  for (const Elsewhere& command : kElsewhere) {
    if (arguments.empty() || arguments.front() != command.name) continue;
    const bool json = std::ranges::find(arguments, "--json") != arguments.end();
    return ReportError(command.become(arguments), json, command.hint);
  }
  return std::nullopt;
}

}  // namespace guardc::cli
