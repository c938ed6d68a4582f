// What the executables have in common: how arguments are parsed, and how wrong ones are spoken of. All call themselves
// guardc, since people only ever type that.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace guardc::cli {

// Adds a subcommand, which writes the exit code to the second argument.
using AddCommand = std::function<void(CLI::App&, int&)>;
struct Command {
  std::string_view name;
  AddCommand add;
};

// Runs the one of `commands` that the arguments begin with: no other is even added, since that takes longer than most
// of what starting takes. Where they begin with none, all are, and what `describe` adds. Nothing is thrown.
int RunProgram(int argc, char** argv, const char* description, const std::vector<Command>& commands,
               const AddCommand& describe = {});

}  // namespace guardc::cli
