// Text from a format string: the one way to put texts together.
#pragma once

#include <fmt/format.h>

#include <string>

namespace guardc {

// fmt comes from its headers, since a shared library costs every process a tenth of a millisecond at its start. Its
// formatter is so large that compiling it took longer than the file that uses it: it is compiled once, in format.cc.
std::string FormatArguments(fmt::string_view format, fmt::format_args arguments);

// The format string is checked when this is compiled.
template <class... Arguments>
std::string Format(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  return FormatArguments(format, fmt::make_format_args(arguments...));
}

}  // namespace guardc
