// The facts and the memory image as a module of LLVM IR: the artifact's one exported symbol.
#pragma once

#include <memory>

#include "compiler/codegen/module_facts.h"

namespace llvm {
class LLVMContext;
class Module;
}  // namespace llvm

namespace guardc::compiler {

std::unique_ptr<llvm::Module> CreateFactsModule(llvm::LLVMContext& context, const ModuleFacts& facts,
                                                const MemoryImage& image, uint32_t page_size);

}  // namespace guardc::compiler
