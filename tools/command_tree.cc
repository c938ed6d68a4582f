#include "tools/command_tree.h"

#include <CLI/CLI.hpp>

namespace guardc::cli {
namespace {

ArgumentNode ReadArgument(const CLI::Option& option) {
  ArgumentNode out;
  for (const std::string& name : option.get_snames()) out.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) out.names.push_back("--" + name);
  const bool takes_value = option.get_items_expected_max() > 0;
  if (takes_value) out.type = option.get_type_name();
  out.help = option.get_description();
  out.default_text = option.get_default_str();
  out.is_required = option.get_required();
  out.repeats = option.get_items_expected_max() > 1;
  return out;
}

bool IsWord(const std::string& text) {
  return text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == std::string::npos &&
         text.find_first_of("abcdefghijklmnopqrstuvwxyz") != std::string::npos;
}

bool Contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

CommandNode ReadCommandTree(const CLI::App& app) {
  CommandNode out{.name = app.get_name(),
                  .description = app.get_description(),
                  .footer = {},
                  .options = {},
                  .positionals = {},
                  .commands = {},
                  .passes_on = app.get_prefix_command()};
  // A command without a footer of its own has that of the one above it.
  const bool inherits = app.get_parent() != nullptr && app.get_parent()->get_footer() == app.get_footer();
  if (!inherits) out.footer = app.get_footer();
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    (option->nonpositional() ? out.options : out.positionals).push_back(ReadArgument(*option));
  }
  for (const CLI::App* command : app.get_subcommands({})) {
    if (!command->get_group().empty()) out.commands.push_back(ReadCommandTree(*command));
  }
  return out;
}

TypeValues ValuesOf(const std::string& type) {
  TypeValues out;
  for (size_t begin = 0; begin <= type.size();) {
    const size_t end = std::min(type.find('|', begin), type.size());
    const std::string part = type.substr(begin, end - begin);
    if (part == "DIR") {
      out.directories = true;
    } else if (IsWord(part)) {
      out.words.push_back(part);
    } else if (Contains(part, "FILE") || Contains(part, "ENTRY") || Contains(part, ".wasm") ||
               Contains(part, ".json")) {
      out.files = true;
    }
    begin = end + 1;
  }
  return out;
}

}  // namespace guardc::cli
