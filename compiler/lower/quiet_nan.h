// NaN operations as bit operations, for scalars and vectors of f32 and f64.
#pragma once

#include <llvm/IR/IRBuilder.h>

namespace guardc::compiler {

// The value with the quiet bit set if it is a NaN, in a form that LLVM does not fold back.
llvm::Value* QuietNan(llvm::IRBuilderBase& builder, llvm::Value* value);

// The positive canonical NaN if the value is any NaN, else the value.
llvm::Value* CanonicalNan(llvm::IRBuilderBase& builder, llvm::Value* value);

}  // namespace guardc::compiler
