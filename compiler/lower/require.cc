#include "compiler/lower/require.h"

#include <cstdio>

#include "compiler/codegen/llvm_errors.h"

namespace guardc::compiler {

// Half-made IR cannot be destroyed in any order, so no exception: LLVM's way out gives up the whole chunk
// (codegen/llvm_errors.h). It jumps over this frame, which so must not own anything.
void RequirementFailed(const char* what) {
  char text[256];
  std::snprintf(text, sizeof(text), "the module is not valid, and no validator saw it; this does not hold: %s", what);
  GiveUp(text);
}

}  // namespace guardc::compiler
