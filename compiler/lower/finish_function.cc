#include "compiler/lower/finish_function.h"

#include <llvm/ADT/APFloat.h>
#include <llvm/ADT/SmallPtrSet.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/Analysis/ConstantFolding.h>
#include <llvm/IR/CFG.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/DataLayout.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/Module.h>

#include "compiler/lower/quiet_nan.h"

namespace guardc::compiler {
namespace {

using BlockSet = llvm::SmallPtrSet<const llvm::BasicBlock*, 32>;
using LiveSet = llvm::SmallPtrSet<const llvm::Instruction*, 32>;

LiveSet FindLive(const llvm::Function& function) {
  LiveSet live;
  llvm::SmallVector<const llvm::Instruction*, 64> work;
  for (const llvm::Instruction& instr : llvm::instructions(function)) {
    if (instr.isTerminator() || instr.mayHaveSideEffects()) work.push_back(&instr);
  }
  live.insert(work.begin(), work.end());
  while (!work.empty()) {
    for (const llvm::Value* operand : work.pop_back_val()->operands()) {
      const auto* instr = llvm::dyn_cast<llvm::Instruction>(operand);
      if (instr && live.insert(instr).second) work.push_back(instr);
    }
  }
  return live;
}

// Those from which a return or a trap can be reached. From the others the function ends by the fault of an access, if
// it does.
BlockSet FindBlocksThatEnd(const llvm::Function& function) {
  BlockSet ending;
  llvm::SmallVector<const llvm::BasicBlock*, 64> work;
  for (const llvm::BasicBlock& block : function) {
    if (llvm::succ_empty(&block)) work.push_back(&block);
  }
  ending.insert(work.begin(), work.end());
  while (!work.empty()) {
    for (const llvm::BasicBlock* before : llvm::predecessors(work.pop_back_val())) {
      if (ending.insert(before).second) work.push_back(before);
    }
  }
  return ending;
}

// The operand as a constant, also through a bitcast that the builder could not fold because a local was in between.
const llvm::Constant* AsConstant(const llvm::Value* value, const llvm::DataLayout& layout) {
  if (const auto* constant = llvm::dyn_cast<llvm::Constant>(value)) return constant;
  const auto* cast = llvm::dyn_cast<llvm::BitCastInst>(value);
  if (!cast) return nullptr;
  auto* source = llvm::dyn_cast<llvm::Constant>(cast->getOperand(0));
  return source ? llvm::ConstantFoldCastOperand(llvm::Instruction::BitCast, source, cast->getType(), layout) : nullptr;
}

template <class Predicate>
bool AnyLane(const llvm::Constant* constant, Predicate predicate) {
  if (const auto* scalar = llvm::dyn_cast<llvm::ConstantFP>(constant)) return predicate(scalar->getValueAPF());
  const auto* type = llvm::dyn_cast<llvm::FixedVectorType>(constant->getType());
  if (!type) return false;
  for (unsigned i = 0; i < type->getNumElements(); ++i) {
    const auto* lane = llvm::dyn_cast_or_null<llvm::ConstantFP>(constant->getAggregateElement(i));
    if (lane && predicate(lane->getValueAPF())) return true;
  }
  return false;
}

// Might LLVM replace the instruction by its other operand, given this constant one?
bool IsIdentity(unsigned opcode, const llvm::Constant* constant) {
  if (opcode == llvm::Instruction::FAdd || opcode == llvm::Instruction::FSub) {
    return AnyLane(constant, [](const llvm::APFloat& value) { return value.isZero(); });
  }
  return AnyLane(constant, [](const llvm::APFloat& value) { return llvm::abs(value).isExactlyValue(1.0); });
}

// x op constant: quiets x where needed.
void QuietIdentityOperand(llvm::BinaryOperator& op, const llvm::DataLayout& layout) {
  for (unsigned i = 0; i < 2; ++i) {
    const llvm::Constant* constant = AsConstant(op.getOperand(i), layout);
    if (!constant || !IsIdentity(op.getOpcode(), constant)) continue;
    llvm::IRBuilder<> builder(&op);
    op.setOperand(1 - i, QuietNan(builder, op.getOperand(1 - i)));
    return;
  }
}

// aarch64's minimum(x, constant) and maximum likewise.
void QuietMinMaxOperand(llvm::IntrinsicInst& call, const llvm::DataLayout& layout) {
  for (unsigned i = 0; i < 2; ++i) {
    if (!AsConstant(call.getArgOperand(i), layout)) continue;
    llvm::IRBuilder<> builder(&call);
    call.setArgOperand(1 - i, QuietNan(builder, call.getArgOperand(1 - i)));
    return;
  }
}

bool ForwardsNan(const llvm::Instruction& instr) {
  switch (instr.getOpcode()) {
    case llvm::Instruction::PHI:
    case llvm::Instruction::Select:
    case llvm::Instruction::FNeg:
    case llvm::Instruction::BitCast:
    case llvm::Instruction::ShuffleVector:
    case llvm::Instruction::InsertElement:
    case llvm::Instruction::ExtractElement:
      return true;
    default:
      break;
  }
  const auto* call = llvm::dyn_cast<llvm::IntrinsicInst>(&instr);
  return call &&
         (call->getIntrinsicID() == llvm::Intrinsic::fabs || call->getIntrinsicID() == llvm::Intrinsic::copysign);
}

// f32(f64(x)): quiets x wherever the widened value reaches a demotion as it is.
void QuietPromotions(llvm::ArrayRef<llvm::Instruction*> demotions) {
  llvm::SmallPtrSet<const llvm::Instruction*, 8> seen;
  llvm::SmallVector<llvm::Instruction*, 8> work(demotions);
  while (!work.empty()) {
    for (llvm::Value* operand : work.pop_back_val()->operands()) {
      auto* instr = llvm::dyn_cast<llvm::Instruction>(operand);
      if (!instr || !seen.insert(instr).second) continue;
      if (instr->getOpcode() == llvm::Instruction::FPExt) {
        llvm::IRBuilder<> builder(instr);
        instr->setOperand(0, QuietNan(builder, instr->getOperand(0)));
      } else if (ForwardsNan(*instr)) {
        work.push_back(instr);
      }
    }
  }
}

}  // namespace

void MarkDeadLoadsVolatile(llvm::Function& function, llvm::ArrayRef<llvm::LoadInst*> guest_loads) {
  if (guest_loads.empty()) return;
  const LiveSet live = FindLive(function);
  const BlockSet ending = FindBlocksThatEnd(function);
  for (llvm::LoadInst* load : guest_loads) {
    if (!live.contains(load) || !ending.contains(load->getParent())) load->setVolatile(true);
  }
}

void QuietForwardedNans(llvm::Function& function) {
  const llvm::DataLayout& layout = function.getParent()->getDataLayout();
  llvm::SmallVector<llvm::Instruction*, 8> demotions;
  for (llvm::Instruction& instr : llvm::instructions(function)) {
    switch (instr.getOpcode()) {
      case llvm::Instruction::FAdd:
      case llvm::Instruction::FSub:
      case llvm::Instruction::FMul:
      case llvm::Instruction::FDiv:
        QuietIdentityOperand(llvm::cast<llvm::BinaryOperator>(instr), layout);
        break;
      case llvm::Instruction::FPTrunc:
        demotions.push_back(&instr);
        break;
      case llvm::Instruction::Call:
        if (auto* call = llvm::dyn_cast<llvm::IntrinsicInst>(&instr);
            call && (call->getIntrinsicID() == llvm::Intrinsic::minimum ||
                     call->getIntrinsicID() == llvm::Intrinsic::maximum)) {
          QuietMinMaxOperand(*call, layout);
        }
        break;
      default:
        break;
    }
  }
  QuietPromotions(demotions);
}

}  // namespace guardc::compiler
