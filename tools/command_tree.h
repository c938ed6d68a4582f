// What the command's arguments may be, as plain data: read off the same descriptions that --help prints, for
// completions and man pages.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace guardc::cli {

struct ArgumentNode {
  std::vector<std::string> names;  // "--output", "-o"; of a positional argument: none
  std::string type;                // as the help shows it: "FILE|-", "guard|wasi"; "" for a flag
  std::string help;
  std::string default_text;
  bool is_required = false;
  bool repeats = false;
};

struct CommandNode {
  std::string name;
  std::string description;
  std::string footer;
  std::vector<ArgumentNode> options;
  std::vector<ArgumentNode> positionals;
  std::vector<CommandNode> commands;
  bool passes_on = false;  // what follows its own arguments is another program's
};

// Without what is hidden.
CommandNode ReadCommandTree(const CLI::App& app);

// What may stand for a type, by how it is written: words in lower case stand for themselves.
struct TypeValues {
  std::vector<std::string> words;
  bool files = false;
  bool directories = false;
};
TypeValues ValuesOf(const std::string& type);

// A script for `shell` (bash, zsh or fish), a page of manual in troff for the command `path` ("guardc cache"; one below
// it is part of its page).
std::string CompletionScript(const CommandNode& program, const std::string& shell);
std::string ManPage(const CommandNode& program, const CommandNode& command);

}  // namespace guardc::cli
