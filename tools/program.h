// What the executables have in common: how arguments are parsed, and how wrong ones are spoken of. All call themselves
// guardc, since people only ever type that.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/command.h"

namespace guardc::cli {

struct Command {
  std::string_view name;
  AddCommand add;
};

struct Program {
  const char* description = "";
  std::vector<Command> commands = {};
  AddCommand describe = {};                        // what else `guardc --help` tells
  std::function<std::string()> version_json = {};  // what --version --json prints
};

// Runs the one of the commands that the arguments begin with: no other is even added, since that takes longer than most
// of what starting takes. Where they begin with none, all are. Nothing is thrown.
int RunProgram(int argc, char** argv, const Program& program);

// All that the program's arguments may be.
void DescribeProgram(CLI::App& app, const Program& program, int& exit_code);

}  // namespace guardc::cli
