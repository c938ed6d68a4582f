// guardc completions, guardc man: what the command's arguments are, for shells and for readers of manuals.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <string>

#include "tools/choice.h"
#include "tools/command.h"
#include "tools/command_tree.h"
#include "tools/output.h"

namespace guardc::cli {
namespace {

CommandNode TreeOf(const AddCommand& describe) {
  CLI::App app;
  int unused = 0;
  describe(app, unused);
  return ReadCommandTree(app);
}

int RunMan(const CommandNode& program, const std::string& name) {
  if (name.empty() || name == program.name) return Finish(ManPage(program, program), kDone);
  const auto command = std::ranges::find(program.commands, name, &CommandNode::name);
  if (command != program.commands.end()) return Finish(ManPage(program, *command), kDone);
  std::vector<std::string_view> known;
  for (const CommandNode& each : program.commands) known.push_back(each.name);
  throw CLI::ValidationError("command", NoSuchName(name, known));
}

}  // namespace

void AddCompletions(CLI::App& app, int& exit_code, AddCommand describe) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("completions", "Print a script that completes the command's arguments");
  command->add_option("shell", *shell, "For which shell")
      ->type_name("bash|zsh|fish")
      ->check(OneOf({"bash", "zsh", "fish"}))
      ->required();
  command->footer(
      "Examples:\n"
      "  source <(guardc completions bash)\n"
      "  guardc completions zsh > ~/.zfunc/_guardc\n"
      "  guardc completions fish > ~/.config/fish/completions/guardc.fish\n"
      "Installing guardc installs all three.");
  command->callback([shell, describe = std::move(describe), &exit_code] {
    exit_code = Finish(CompletionScript(TreeOf(describe), *shell), kDone);
  });
}

void AddMan(CLI::App& app, int& exit_code, AddCommand describe) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("man", "Print a page of the manual, in troff");
  command->add_option("command", *name, "Of which command; without, of guardc itself")->type_name("COMMAND");
  command->footer(
      "Example:\n"
      "  guardc man compile | man -l -\n"
      "Installing guardc installs all pages: `man guardc-compile`.");
  command->callback(
      [name, describe = std::move(describe), &exit_code] { exit_code = RunMan(TreeOf(describe), *name); });
}

}  // namespace guardc::cli
