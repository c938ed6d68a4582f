// Numbers on the command line as WebAssembly values, and back.
#pragma once

#include <string>
#include <vector>

#include "artifact/abi.h"
#include "guardc/result.h"
#include "guardc/types.h"

namespace guardc::cli {

// The parameters of `function`, in an array with room for its results as well. Integers are decimal (signed or
// unsigned) or 0x hexadecimal; floats as strtod reads them. kInvalidArgument names the argument.
Result<std::vector<abi::Value>> ParseArguments(const std::string& function, const FuncType& type,
                                               const std::vector<std::string>& arguments);

// Integers signed and decimal, floats so that they can be read back exactly, v128 as 0x and 32 digits.
std::string FormatValue(ValType type, const abi::Value& value);

}  // namespace guardc::cli
