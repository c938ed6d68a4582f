// llvm::Module -> object or assembly.
#pragma once

#include <cstddef>
#include <vector>

#include "compiler/codegen/target.h"
#include "guardc/result.h"

namespace llvm {
class Module;
}

namespace guardc::compiler {

// Sets triple, data layout, and on each function what LLVM is to know of the target.
void PrepareModule(llvm::Module& module, const CompileTarget& target, llvm::TargetMachine& machine);

// strict_traps: without the passes that drop volatile reads.
Result<std::vector<char>> GenerateObject(llvm::Module& module, llvm::TargetMachine& machine, bool strict_traps);
Result<std::vector<char>> GenerateAssembly(llvm::Module& module, llvm::TargetMachine& machine, bool strict_traps);

}  // namespace guardc::compiler
