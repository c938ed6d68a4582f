// Wrong arguments, as a message: what is wrong, what was probably meant, and where to read more.
#pragma once

#include <string>
#include <string_view>

namespace CLI {
class App;
class Error;
}  // namespace CLI

namespace guardc::cli {

// "error: ...\nhint: ...\n"; `app` is the one that was to parse the arguments.
std::string FormatUsageError(const CLI::App* app, const CLI::Error& error);

// "there is no option '--jsno'; did you mean '--json'?"
std::string UnknownOption(const CLI::App& app, std::string_view argument);

}  // namespace guardc::cli
