// Structured control (core specification 4.4.8): blocks become basic blocks, their values phis. Code after an
// unconditional branch is skipped, only its nesting is followed.
#include <llvm/ADT/DenseMap.h>
#include <llvm/IR/BasicBlock.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>

#include "compiler/lower/lower_function.h"

namespace guardc::compiler {
namespace {

constexpr uint8_t kEmptyBlockType = 0x40;

// A lasting array of the one type that an inline block type names.
llvm::ArrayRef<ValType> Single(ValType type) {
  static constexpr ValType kTypes[] = {ValType::kI32,  ValType::kI64,     ValType::kF32,      ValType::kF64,
                                       ValType::kV128, ValType::kFuncRef, ValType::kExternRef};
  for (const ValType& candidate : kTypes) {
    if (candidate == type) return candidate;
  }
  return {};
}

}  // namespace

FunctionLowering::BlockType FunctionLowering::BlockTypeOf(uint64_t imm) const {
  if (!(imm & Instr::kInlineBlockType)) {
    const FuncType& type = m_.wasm.types[imm];
    return {type.params, type.results};
  }
  const auto byte = static_cast<uint8_t>(imm);
  if (byte == kEmptyBlockType) return {};
  return {{}, Single(static_cast<ValType>(byte))};
}

// The block stays outside the function until code is put into it.
void FunctionLowering::CreateLabel(Control& control, llvm::ArrayRef<ValType> types) {
  control.label = e_.NewBlock();
  for (ValType type : types) {
    control.phis.push_back(llvm::PHINode::Create(m_.TypeOf(type), 2, "", control.label));
  }
}

size_t FunctionLowering::Arity(const Control& control) { return control.phis.size(); }

void FunctionLowering::AddEdge(Control& target) {
  ++target.branches;
  const llvm::ArrayRef<llvm::Value*> values = Top(Arity(target));
  phi_entries_ += values.size();
  for (size_t i = 0; i < values.size(); ++i) {
    Require(values[i]->getType() == target.phis[i]->getType(), "a branch carries what its label takes");
    target.phis[i]->addIncoming(values[i], b_.GetInsertBlock());
  }
}

void FunctionLowering::BranchTo(Control& target) {
  AddEdge(target);
  b_.CreateBr(target.label);
}

void FunctionLowering::SetUnreachable() {
  is_reachable_ = false;
  stack_.resize(control_.back().height);
}

void FunctionLowering::PushControl(Control::Kind kind, uint64_t imm) {
  llvm::Value* condition = kind == Control::Kind::kIf && is_reachable_ ? Pop(m_.i32) : nullptr;
  const size_t below = control_.back().height;
  Control& control = control_.emplace_back();
  control.kind = kind;
  if (!is_reachable_) {
    control.is_dead = true;
    control.height = stack_.size();
    return;
  }
  const BlockType type = BlockTypeOf(imm);
  control.params = type.params;
  control.results = type.results;
  Require(stack_.size() >= below + type.params.size(), "a block's parameters are on the stack");
  control.height = stack_.size() - type.params.size();
  CreateLabel(control, kind == Control::Kind::kLoop ? type.params : type.results);

  if (kind == Control::Kind::kLoop) {
    BranchTo(control);
    e_.StartBlock(control.label);
    stack_.resize(control.height);
    for (llvm::PHINode* phi : control.phis) Push(phi);
  } else if (kind == Control::Kind::kIf) {
    const llvm::ArrayRef<llvm::Value*> params = Top(type.params.size());
    control.else_params.assign(params.begin(), params.end());
    control.else_block = e_.NewBlock();
    llvm::BasicBlock* then_block = e_.NewBlock();
    b_.CreateCondBr(b_.CreateICmpNE(condition, e_.I32(0)), then_block, control.else_block);
    e_.StartBlock(then_block);
  }
}

// The end of a reachable block: to its label, with the results.
void FunctionLowering::FallThrough(Control& control) {
  if (is_reachable_ && control.kind != Control::Kind::kLoop) BranchTo(control);
}

void FunctionLowering::StartElse(Control& control) {
  e_.StartBlock(control.else_block);
  control.else_block = nullptr;
  is_reachable_ = true;
  stack_.resize(control.height);
  for (llvm::Value* param : control.else_params) Push(param);
}

void FunctionLowering::Else() {
  Control& control = control_.back();
  if (control.is_dead) return;
  FallThrough(control);
  StartElse(control);
  control.kind = Control::Kind::kElse;
}

void FunctionLowering::End() {
  Control& control = control_.back();
  if (control.is_dead) {
    control_.pop_back();
    return;
  }
  if (control.kind == Control::Kind::kLoop) {  // its label is behind us
    control_.pop_back();
    return;
  }
  if (control.else_block) {  // an if without else: its parameters are its results
    FallThrough(control);
    StartElse(control);
  }
  const bool is_function = control.kind == Control::Kind::kFunction;
  if (control.branches == 0) {  // nothing but falling through: no block needed
    delete control.label;
    control_.pop_back();
  } else {
    FallThrough(control);
    e_.StartBlock(control.label);
    stack_.resize(control.height);
    for (llvm::PHINode* phi : control.phis) Push(phi);
    is_reachable_ = true;
    control_.pop_back();
  }
  if (is_function && is_reachable_) e_.Return(type_, Top(type_.results.size()), results_memory_);
}

void FunctionLowering::BranchIf(uint64_t depth) {
  llvm::Value* condition = b_.CreateICmpNE(Pop(m_.i32), e_.I32(0));
  Control& target = LabelAt(depth);
  AddEdge(target);
  llvm::BasicBlock* next = e_.NewBlock();
  b_.CreateCondBr(condition, target.label, next);
  e_.StartBlock(next);
}

void FunctionLowering::BranchTable(const BrTable& table) {
  llvm::Value* index = Pop(m_.i32);
  llvm::BasicBlock* origin = b_.GetInsertBlock();
  // Values pass through a block per target, so that a long table that names a label often adds one phi entry to it.
  llvm::DenseMap<uint32_t, llvm::BasicBlock*> edges;
  auto edge = [&](uint32_t depth) {
    Control& target = LabelAt(depth);
    if (Arity(target) == 0) {
      ++target.branches;
      return target.label;
    }
    llvm::BasicBlock*& block = edges[depth];
    if (!block) {
      block = e_.NewBlock();
      e_.StartBlock(block);
      BranchTo(target);
    }
    return block;
  };
  llvm::BasicBlock* otherwise = edge(table.default_target);
  b_.SetInsertPoint(origin);
  llvm::SwitchInst* jump = b_.CreateSwitch(index, otherwise, static_cast<unsigned>(table.targets.size()));
  for (uint32_t i = 0; i < table.targets.size(); ++i) {
    if (table.targets[i] == table.default_target) continue;
    jump->addCase(e_.I32(i), edge(table.targets[i]));
  }
  SetUnreachable();
}

void FunctionLowering::Select() {
  llvm::Value* condition = b_.CreateICmpNE(Pop(m_.i32), e_.I32(0));
  llvm::Value* if_zero = Pop();
  llvm::Value* if_nonzero = Pop(if_zero->getType());
  Push(b_.CreateSelect(condition, if_nonzero, if_zero));
}

bool FunctionLowering::LowerControl(const Instr& instr) {
  switch (instr.op) {
    case Op::kBlock:  // block
      PushControl(Control::Kind::kBlock, instr.imm);
      return true;
    case Op::kLoop:  // loop
      PushControl(Control::Kind::kLoop, instr.imm);
      return true;
    case Op::kIf:  // if
      PushControl(Control::Kind::kIf, instr.imm);
      return true;
    case Op::kElse:  // else
      Else();
      return true;
    case Op::kEnd:  // end
      End();
      return true;
    default:
      break;
  }
  if (!is_reachable_) return false;
  switch (instr.op) {
    case Op::kUnreachable:  // unreachable
      e_.Trap(TrapCode::kUnreachable);
      SetUnreachable();
      return true;
    case Op::kNop:  // nop
      return true;
    case Op::kBr:  // br
      BranchTo(LabelAt(instr.imm));
      SetUnreachable();
      return true;
    case Op::kBrIf:  // br_if
      BranchIf(instr.imm);
      return true;
    case Op::kBrTable:  // br_table
      BranchTable(body_.br_tables[instr.imm]);
      return true;
    case Op::kReturn:  // return
      BranchTo(control_.front());
      SetUnreachable();
      return true;
    case Op::kDrop:  // drop
      Pop();
      return true;
    case Op::kSelect:   // select
    case Op::kSelectT:  // select (typed)
      Select();
      return true;
    default:
      return false;
  }
}

}  // namespace guardc::compiler
