// The walk over a function's instructions and what frames it: locals, the results, the passes over the finished IR.
#include "compiler/lower/lower_function.h"

#include <llvm/IR/Dominators.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Transforms/Utils/PromoteMemToReg.h>

#include <string>

#include "compiler/lower/finish_function.h"

namespace guardc::compiler {

namespace {

// A branch of four bytes may carry a thousand values to its label: without a limit, a small module takes all memory.
constexpr size_t kMaxPhiEntries = size_t{1} << 23;

}  // namespace

FunctionLowering::FunctionLowering(ModuleContext& module, llvm::Function& function, uint32_t func)
    : m_(module),
      e_(module, function),
      b_(e_.b),
      body_(module.wasm.functions[func - module.wasm.num_imported_funcs]),
      type_(module.wasm.TypeOfFunc(func)),
      func_(func),
      validator_(module.wasm, func) {
  b_.SetCurrentDebugLocation(module.MarkScope(function, func));
  if (ModuleContext::ReturnsInMemory(type_)) results_memory_ = function.getArg(function.arg_size() - 1);
}

llvm::Value* FunctionLowering::Pop() {
  Require(stack_.size() > control_.back().height, "an operand is on the stack");
  llvm::Value* value = stack_.back();
  stack_.pop_back();
  return value;
}

llvm::Value* FunctionLowering::Pop(llvm::Type* type) {
  llvm::Value* value = Pop();
  Require(value->getType() == type, "an operand is of the type that the instruction takes");
  return value;
}

Values FunctionLowering::PopN(size_t count) {
  Require(stack_.size() >= control_.back().height + count, "the arguments are on the stack");
  Values values(stack_.end() - static_cast<ptrdiff_t>(count), stack_.end());
  stack_.resize(stack_.size() - count);
  return values;
}

llvm::ArrayRef<llvm::Value*> FunctionLowering::Top(size_t count) const {
  const size_t below = control_.empty() ? 0 : control_.back().height;
  Require(stack_.size() >= below + count, "the values are on the stack");
  return llvm::ArrayRef<llvm::Value*>(stack_).take_back(count);
}

void FunctionLowering::CheckStack() const {
  // Code that cannot be reached is not lowered, and behind the function's end nothing is.
  if (!is_reachable_ || control_.empty()) return;
  const std::span<const ValType> types = validator_.stack();
  Require(validator_.is_reachable() && stack_.size() == types.size(), "the stacks of values and of types are one");
  for (size_t i = validator_.kept(); i < types.size(); ++i) {
    Require(stack_[i]->getType() == m_.TypeOf(types[i]), "a value is of its type");
  }
}

void FunctionLowering::LowerInstr(const Instr& instr) {
  // Control comes first: it is what unreachable code still needs.
  if (LowerControl(instr)) return;
  if (!is_reachable_) return;
  const bool is_lowered = LowerVariable(instr) || LowerMemory(instr) || LowerInteger(instr) || LowerCall(instr) ||
                          LowerConvert(instr) || LowerFloating(instr) || LowerSimd(instr) || LowerBulkMemory(instr) ||
                          LowerTable(instr) || LowerAtomic(instr);
  if (!is_lowered && !unsupported_) {
    unsupported_ = &instr;
    e_.Trap(TrapCode::kUnreachable);
    SetUnreachable();
  }
}

Result<void> FunctionLowering::Run() {
  CreateLocals();
  Control& frame = control_.emplace_back();
  frame.kind = Control::Kind::kFunction;
  frame.results = type_.results;
  CreateLabel(frame, frame.results);
  for (const Instr& instr : body_.body) {
    if (!validator_.Step(instr)) {  // VALID-1
      AbandonBlocks();
      return validator_.error();
    }
    LowerInstr(instr);
    CheckStack();
    if (phi_entries_ > kMaxPhiEntries) {
      AbandonBlocks();
      return Fail(ErrorKind::kLimit, "the branches of " + FunctionSymbol(m_.wasm, func_) + " carry more than " +
                                         std::to_string(kMaxPhiEntries) + " values to their labels");
    }
  }

  Require(validator_.Finish() && control_.empty(), "the function's body ends with its end");
  if (unsupported_) {
    ErrorDetails details;
    details.module_offset = unsupported_->offset;
    return Fail(ErrorKind::kUnsupported,
                "the instruction " + std::string(OpName(unsupported_->op)) + " at offset " +
                    std::to_string(unsupported_->offset) + " is not supported",
                std::move(details));
  }
  if (!m_.options.locals_in_memory) PromoteLocals();
  if (!m_.options.canonical_nans) QuietForwardedNans(e_.fn);
  MarkDeadLoadsVolatile(e_.fn, guest_loads_);

#ifndef NDEBUG
  std::string problem;
  llvm::raw_string_ostream out(problem);
  if (llvm::verifyFunction(e_.fn, &out)) {
    return Fail(ErrorKind::kInternal, "lowering made invalid IR of " + e_.fn.getName().str() + ": " + problem);
  }
#endif
  return {};
}

// Blocks that wait for their end belong to nobody yet; the function takes them along when it is destroyed.
void FunctionLowering::AbandonBlocks() {
  for (Control& control : control_) {
    for (llvm::BasicBlock* block : {control.label, control.else_block}) {
      if (block && !block->getParent()) block->insertInto(&e_.fn);
    }
  }
}

// SROA would do it too; doing it here lets the passes below see through locals.
void FunctionLowering::PromoteLocals() {
  if (locals_.empty()) return;
  llvm::DominatorTree dominators(e_.fn);
  llvm::PromoteMemToReg(locals_, dominators);
}

}  // namespace guardc::compiler
