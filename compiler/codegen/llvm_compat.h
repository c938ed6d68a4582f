// Where LLVM's API differs between the versions that guardc is built with (19.1 to 22). Nothing else tests the version.
#pragma once

#include <llvm/CodeGen/AsmPrinter.h>
#include <llvm/CodeGen/DebugHandlerBase.h>
#include <llvm/Config/llvm-config.h>
#include <llvm/IR/Module.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/Target/TargetOptions.h>
#include <llvm/TargetParser/Triple.h>

#include <memory>
#include <string>
#include <utility>

namespace guardc::compiler::llvm_compat {

inline const llvm::Target* LookupTarget(const llvm::Triple& triple, std::string& error) {
#if LLVM_VERSION_MAJOR >= 22
  return llvm::TargetRegistry::lookupTarget(triple, error);
#else
  return llvm::TargetRegistry::lookupTarget(triple.str(), error);
#endif
}

inline std::unique_ptr<llvm::MCSubtargetInfo> CreateSubtargetInfo(const llvm::Target& target,
                                                                  const llvm::Triple& triple, llvm::StringRef cpu,
                                                                  llvm::StringRef features) {
#if LLVM_VERSION_MAJOR >= 22
  return std::unique_ptr<llvm::MCSubtargetInfo>(target.createMCSubtargetInfo(triple, cpu, features));
#else
  return std::unique_ptr<llvm::MCSubtargetInfo>(target.createMCSubtargetInfo(triple.str(), cpu, features));
#endif
}

inline std::unique_ptr<llvm::TargetMachine> CreateTargetMachine(const llvm::Target& target, const llvm::Triple& triple,
                                                                llvm::StringRef cpu, llvm::StringRef features,
                                                                const llvm::TargetOptions& options,
                                                                llvm::CodeGenOptLevel level) {
#if LLVM_VERSION_MAJOR >= 21
  return std::unique_ptr<llvm::TargetMachine>(
      target.createTargetMachine(triple, cpu, features, options, llvm::Reloc::PIC_, llvm::CodeModel::Small, level));
#else
  return std::unique_ptr<llvm::TargetMachine>(target.createTargetMachine(
      triple.str(), cpu, features, options, llvm::Reloc::PIC_, llvm::CodeModel::Small, level));
#endif
}

inline void SetTriple(llvm::Module& module, const llvm::Triple& triple) {
#if LLVM_VERSION_MAJOR >= 21
  module.setTargetTriple(triple);
#else
  module.setTargetTriple(triple.str());
#endif
}

// Sees every machine instruction before it is written.
using InstructionHandler = llvm::DebugHandlerBase;

inline void AddInstructionHandler(llvm::AsmPrinter& printer, std::unique_ptr<InstructionHandler> handler) {
#if LLVM_VERSION_MAJOR >= 20
  printer.addAsmPrinterHandler(std::move(handler));
#else
  printer.addDebugHandler(std::move(handler));
#endif
}

}  // namespace guardc::compiler::llvm_compat
