// What LLVM's code calls by name without being asked to: memcpy, memmove, memset. Each artifact carries its own, in its
// own text, so that it imports nothing and a fault or an interruption in them is the guest's (signals-and-stacks.md).
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

// As a module of LLVM IR, for any target.
Result<std::unique_ptr<llvm::Module>> CreateSupportModule(llvm::LLVMContext& context);

}  // namespace guardc::compiler
