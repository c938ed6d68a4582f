#include "tools/usage_error.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/similar.h"
#include "tools/output.h"

namespace guardc::cli {
namespace {

bool Is(const CLI::Error& error, CLI::ExitCodes code) { return error.get_exit_code() == static_cast<int>(code); }
bool IsOption(std::string_view argument) { return argument.size() > 1 && argument.front() == '-'; }

// As they are typed. `kept` holds them.
std::vector<std::string_view> OptionNames(const CLI::App& app, std::vector<std::string>& kept) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;  // hidden
    for (const std::string& name : option->get_lnames()) kept.push_back("--" + name);
    for (const std::string& name : option->get_snames()) kept.push_back("-" + name);
  }
  return {kept.begin(), kept.end()};
}

}  // namespace

std::string UnknownOption(const CLI::App& app, std::string_view argument) {
  argument = argument.substr(0, argument.find('='));
  std::vector<std::string> kept;
  const auto names = OptionNames(app, kept);
  return "there is no option '" + PrintableName(argument) + "'" + DidYouMean(argument, names);
}

namespace {

std::string UnknownCommand(const CLI::App& app, const std::string& command, const std::string& word) {
  std::vector<std::string> kept;
  for (const CLI::App* sub : app.get_subcommands({})) {
    if (!sub->get_group().empty()) kept.push_back(sub->get_name());
  }
  return "there is no command '" + command + " " + PrintableName(word) + "'" +
         DidYouMean(word, std::vector<std::string_view>(kept.begin(), kept.end()));
}

// What none of the arguments' descriptions took, where that is what is wrong. It comes before what the library says: an
// option that is missing was perhaps misspelt.
std::optional<std::string> Untaken(const CLI::App& root, const CLI::App& app, const std::string& command,
                                   const CLI::Error& error) {
  const std::vector<std::string> rest = root.remaining(/*recurse=*/true);
  if (rest.empty()) return std::nullopt;
  if (app.get_prefix_command()) {
    // From the first argument that is unknown, all are another's, once there is all that we need.
    if (!Is(error, CLI::ExitCodes::RequiredError) || !IsOption(rest.front())) return std::nullopt;
    return UnknownOption(app, rest.front());
  }
  const auto option = std::ranges::find_if(rest, IsOption);
  if (option != rest.end()) return UnknownOption(app, *option);
  // The library says no more than that a subcommand is required.
  if (app.get_require_subcommand_min() > 0) return UnknownCommand(app, command, rest.front());
  if (Is(error, CLI::ExitCodes::ExtrasError)) return "nothing takes the argument '" + PrintableName(rest.front()) + "'";
  return std::nullopt;
}

}  // namespace

std::string FormatUsageError(const CLI::App* app, const CLI::Error& error) {
  constexpr size_t kLongestMessage = 4096;
  std::string command = "guardc";
  const CLI::App* meant = app;
  for (auto next = app->get_subcommands(); !next.empty(); next = meant->get_subcommands()) {
    meant = next.front();
    command += " " + meant->get_name();
  }
  const std::string what = Untaken(*app, *meant, command, error).value_or(error.what());
  return "error: " + log::PrintableLine(what, kLongestMessage) + "\nhint: see `" + command + " --help`\n";
}

}  // namespace guardc::cli
