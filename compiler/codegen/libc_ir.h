// What LLVM's code calls by name without being asked to, memcpy, memmove and memset, and a copy of our own. Each
// artifact carries its own, in its own text, so that it imports nothing and a fault or an interruption in them is the
// guest's (signals-and-stacks.md).
#pragma once

#include <memory>

#include "guardc/result.h"

namespace llvm {
class LLVMContext;
class Module;
}  // namespace llvm

namespace guardc::compiler {

// A function that every artifact holds, so that it always has an executable segment.
inline constexpr const char kTextAnchor[] = "guardc.text";

// void(to, from, size), preserve_most: memmove for callers that keep their registers (copy_calls.h).
inline constexpr const char kCopyFunction[] = "guardc.copy";

// As a module of LLVM IR, for any target.
Result<std::unique_ptr<llvm::Module>> CreateSupportModule(llvm::LLVMContext& context);

}  // namespace guardc::compiler
