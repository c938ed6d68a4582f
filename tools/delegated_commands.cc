// What another executable does: described here for `guardc --help`, handed over unparsed.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/command.h"
#include "tools/compile_arguments.h"
#include "tools/exec_program.h"
#include "tools/output.h"

namespace guardc::cli {

void DescribeElsewhere(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<CompileArguments>();
  DescribeCompile(app, *arguments)->callback([arguments, &exit_code] {
    exit_code = ReportError({ErrorKind::kInvalidArgument, "`compile` must be the first argument"}, false);
  });
}

std::optional<int> RunElsewhere(const std::vector<std::string>& arguments) {
  if (arguments.empty() || arguments.front() != "compile") return std::nullopt;
  const bool json = std::ranges::find(arguments, "--json") != arguments.end();
  return ReportError(BecomeCompiler(arguments), json,
                     "install guardc's compiler, or set GUARDC_COMPILER to a guardc-compiler; everything but compiling "
                     "works without it");
}

}  // namespace guardc::cli
