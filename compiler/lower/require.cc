#include "compiler/lower/require.h"

#include <llvm/Support/ErrorHandling.h>

#include <string>

namespace guardc::compiler {

// Half-made IR cannot be destroyed in any order, so no exception: LLVM's way out gives up the whole chunk
// (emit/llvm_guard.h).
void RequirementFailed(const char* what) {
  const std::string text = std::string("the module is not valid, and no validator saw it; this does not hold: ") + what;
  llvm::report_fatal_error(text.c_str(), /*gen_crash_diag=*/false);
}

}  // namespace guardc::compiler
