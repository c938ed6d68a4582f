#include "compiler/passes/copy_calls.h"

#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/Module.h>

#include "compiler/codegen/libc_ir.h"

namespace guardc::compiler {
namespace {

llvm::FunctionCallee CopyFunction(llvm::Module& module) {
  llvm::LLVMContext& context = module.getContext();
  llvm::Type* pointer = llvm::PointerType::get(context, 0);
  llvm::FunctionCallee callee = module.getOrInsertFunction(kCopyFunction, llvm::Type::getVoidTy(context), pointer,
                                                           pointer, llvm::Type::getInt64Ty(context));
  auto* function = llvm::cast<llvm::Function>(callee.getCallee());
  function->setCallingConv(llvm::CallingConv::PreserveMost);
  function->setVisibility(llvm::GlobalValue::HiddenVisibility);
  function->setDSOLocal(true);
  function->setDoesNotThrow();
  return callee;
}

bool IsOfUnknownSize(const llvm::MemTransferInst& copy) {
  return !copy.isVolatile() && !llvm::isa<llvm::ConstantInt>(copy.getLength());
}

}  // namespace

llvm::PreservedAnalyses CopyCallsPass::run(llvm::Function& function, llvm::FunctionAnalysisManager&) {
  llvm::SmallVector<llvm::MemTransferInst*, 8> copies;
  for (llvm::Instruction& instruction : llvm::instructions(function)) {
    auto* copy = llvm::dyn_cast<llvm::MemTransferInst>(&instruction);
    if (copy && IsOfUnknownSize(*copy)) copies.push_back(copy);
  }
  if (copies.empty()) return llvm::PreservedAnalyses::all();

  const llvm::FunctionCallee callee = CopyFunction(*function.getParent());
  for (llvm::MemTransferInst* copy : copies) {
    llvm::IRBuilder<> builder(copy);
    llvm::CallInst* call = builder.CreateCall(callee, {copy->getRawDest(), copy->getRawSource(), copy->getLength()});
    call->setCallingConv(llvm::CallingConv::PreserveMost);
    call->setDoesNotThrow();
    copy->eraseFromParent();
  }
  llvm::PreservedAnalyses preserved;
  preserved.preserveSet<llvm::CFGAnalyses>();
  return preserved;
}

}  // namespace guardc::compiler
