// The optimiser's pipelines, one per -O level. docs/rationale.md and codegen-facts say what was measured.
#pragma once

#include "guardc/result.h"

namespace llvm {
class Module;
class TargetMachine;
}  // namespace llvm

namespace guardc::compiler {

// Optimises in place. Afterwards available_externally copies are declarations again.
Result<void> Optimize(llvm::Module& module, llvm::TargetMachine& machine, int opt_level);

}  // namespace guardc::compiler
