// What the executables have in common: how arguments are parsed, and how wrong ones are spoken of. All call themselves
// guardc, since people only ever type that.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace guardc::cli {

// `add` adds the subcommands, which write the exit code to its second argument. Nothing is thrown.
int RunProgram(int argc, char** argv, const char* description, const std::function<void(CLI::App&, int&)>& add);

}  // namespace guardc::cli
