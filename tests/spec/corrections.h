// Modules that the conversion of the official scripts to JSON lost.
#pragma once

#include <string>
#include <string_view>

namespace guardc::spec {

// `wasm` as it was read, or what it should hold where it is known to be wrong; then a note goes to stderr.
std::string CorrectModule(std::string_view script_name, std::string_view filename, std::string wasm);

}  // namespace guardc::spec
