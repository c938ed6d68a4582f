// Locals and globals (core specification 4.4.5).
#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>

#include "compiler/lower/lower_function.h"

namespace guardc::compiler {

// Locals live on the stack of the fresh IR and are promoted to SSA values when the function is complete.
void FunctionLowering::CreateLocals() {
  // All slots come first: behind the function's first block (passes/split_blocks.h) they would be dynamic.
  for (const ValType param : type_.params) locals_.push_back(b_.CreateAlloca(m_.TypeOf(param)));
  for (const ValType local : body_.locals) locals_.push_back(b_.CreateAlloca(m_.TypeOf(local)));
  for (size_t i = 0; i < locals_.size(); ++i) {
    llvm::Value* value = llvm::Constant::getNullValue(locals_[i]->getAllocatedType());
    if (i < type_.params.size()) value = e_.fn.getArg(static_cast<unsigned>(i + 1));
    b_.CreateStore(value, locals_[i]);
  }
}

llvm::AllocaInst* FunctionLowering::LocalAt(uint64_t index) const {
  Require(index < locals_.size(), "a local is one of the function's");
  return locals_[index];
}

bool FunctionLowering::LowerVariable(const Instr& instr) {
  switch (instr.op) {
    case Op::kLocalGet: {  // local.get
      llvm::AllocaInst* local = LocalAt(instr.imm);
      Push(b_.CreateLoad(local->getAllocatedType(), local));
      return true;
    }
    case Op::kLocalSet:  // local.set
      b_.CreateStore(Pop(LocalAt(instr.imm)->getAllocatedType()), LocalAt(instr.imm));
      return true;
    case Op::kLocalTee:  // local.tee
      Push(Pop(LocalAt(instr.imm)->getAllocatedType()));
      b_.CreateStore(stack_.back(), LocalAt(instr.imm));
      return true;
    case Op::kGlobalGet:  // global.get
      Push(e_.ReadGlobal(static_cast<uint32_t>(instr.imm)));
      return true;
    case Op::kGlobalSet: {  // global.set
      llvm::Type* type = m_.TypeOf(m_.wasm.global_types[instr.imm].type);
      e_.StoreState(Pop(type), e_.GlobalPtr(static_cast<uint32_t>(instr.imm)), llvm::Align(alignof(abi::Value)));
      return true;
    }
    default:
      return false;
  }
}

}  // namespace guardc::compiler
