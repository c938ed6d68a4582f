#include "compiler/passes/wide_multiply.h"

#include <llvm/ADT/SmallPtrSet.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/Dominators.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/PatternMatch.h>
#include <llvm/Transforms/Utils/Local.h>

#include <cstddef>
#include <cstdint>

#include "compiler/passes/exact_form.h"

namespace guardc::compiler {
namespace {

namespace match = llvm::PatternMatch;

// Enough for every way of writing it down that is known; bounds the work on code that only looks similar.
constexpr size_t kMaxSums = 12;
constexpr size_t kMaxSummands = 8;
constexpr size_t kMaxFollowed = 256;

using Summands = llvm::SmallVector<llvm::Value*, kMaxSummands>;

bool IsSum(const llvm::Value* value) {
  const auto* op = llvm::dyn_cast<llvm::BinaryOperator>(value);
  return op && op->getOpcode() == llvm::Instruction::Add && op->getType()->isIntegerTy(64);
}

// The product of the upper halves of two numbers.
struct UpperProduct {
  llvm::Instruction* product;
  llvm::Value* x;
  llvm::Value* y;
};

bool FindUpperProduct(llvm::Instruction& instruction, UpperProduct& found) {
  found.product = &instruction;
  return instruction.getType()->isIntegerTy(64) &&
         match::match(&instruction,
                      match::m_Mul(match::m_LShr(match::m_Value(found.x), match::m_SpecificInt(kHalfBits)),
                                   match::m_LShr(match::m_Value(found.y), match::m_SpecificInt(kHalfBits))));
}

class ProductRewriter {
 public:
  ProductRewriter(llvm::Function& function, const UpperProduct& upper, const llvm::DominatorTree& dominators)
      : function_(function), upper_(upper), dominators_(dominators), forms_(upper.x, upper.y) {}

  bool Run(llvm::SmallVectorImpl<llvm::WeakTrackingVH>& replaced) {
    // The sums that the product is part of, from small to large.
    llvm::SmallVector<llvm::Instruction*, kMaxSums> sums{upper_.product};
    llvm::SmallPtrSet<llvm::Instruction*, kMaxSums> seen;
    for (size_t i = 0; i < sums.size(); ++i) {
      if (i > 0 && RewriteSum(*sums[i])) {
        replaced.push_back(sums[i]);
        RewriteLowHalves(replaced);
        return true;
      }
      for (llvm::User* user : sums[i]->users()) {
        auto* sum = llvm::cast<llvm::Instruction>(user);
        if (IsSum(sum) && sums.size() < kMaxSums && seen.insert(sum).second) sums.push_back(sum);
      }
    }
    return false;
  }

 private:
  static bool Flatten(llvm::Value* sum, Summands& summands) {
    for (llvm::Value* operand : llvm::cast<llvm::Instruction>(sum)->operands()) {
      if (IsSum(operand)) {
        if (!Flatten(operand, summands)) return false;
      } else {
        if (summands.size() == kMaxSummands) return false;
        summands.push_back(operand);
      }
    }
    return true;
  }

  // Is a part of the sum the upper half of x * y?
  bool RewriteSum(llvm::Instruction& sum) {
    Summands summands;
    if (!Flatten(&sum, summands)) return false;
    Summands candidates;
    Summands others;
    bool has_product = false;
    for (llvm::Value* summand : summands) {
      if (summand == upper_.product && !has_product) {
        has_product = true;
      } else {
        (forms_.IsKnown(forms_.Of(summand)) ? candidates : others).push_back(summand);
      }
    }
    const ExactForms::Polynomial wanted = forms_.ProductHigh();
    for (uint32_t chosen = 0; chosen < uint32_t{1} << candidates.size(); ++chosen) {
      ExactForms::Polynomial total = forms_.Of(upper_.product);
      for (size_t i = 0; i < candidates.size(); ++i) {
        if (chosen >> i & 1) total = ExactForms::Sum(total, forms_.Of(candidates[i]));
      }
      if (total != wanted) continue;
      for (size_t i = 0; i < candidates.size(); ++i) {
        if (!(chosen >> i & 1)) others.push_back(candidates[i]);
      }
      llvm::IRBuilder<> builder(&sum);
      llvm::Value* value = Half(builder, 64);
      for (llvm::Value* other : others) value = builder.CreateAdd(value, other);
      sum.replaceAllUsesWith(value);
      return true;
    }
    return false;
  }

  // x * y modulo 2^64, as one multiplication or put together from the products of halves.
  void RewriteLowHalves(llvm::SmallVectorImpl<llvm::WeakTrackingVH>& replaced) {
    llvm::SmallVector<llvm::Instruction*, kMaxFollowed> followed;
    llvm::SmallPtrSet<llvm::Value*, 32> seen{wide_};
    const auto follow = [&](llvm::Value* value) {
      for (llvm::User* user : value->users()) {
        auto* instruction = llvm::dyn_cast<llvm::Instruction>(user);
        if (!instruction || !IsArithmetic(*instruction) || followed.size() == kMaxFollowed) continue;
        if (seen.insert(instruction).second) followed.push_back(instruction);
      }
    };
    follow(upper_.x);
    for (size_t i = 0; i < followed.size(); ++i) follow(followed[i]);
    const ExactForms::Polynomial wanted = forms_.ProductLow();
    for (llvm::Instruction* instruction : followed) {
      if (!instruction->getType()->isIntegerTy(64) || forms_.Of(instruction) != wanted) continue;
      if (!dominators_.dominates(wide_, instruction)) continue;
      llvm::IRBuilder<> builder(instruction);
      instruction->replaceAllUsesWith(Half(builder, 0));
      replaced.push_back(instruction);
    }
  }

  static bool IsArithmetic(const llvm::Instruction& instruction) {
    switch (instruction.getOpcode()) {
      case llvm::Instruction::Add:
      case llvm::Instruction::Mul:
      case llvm::Instruction::Shl:
      case llvm::Instruction::LShr:
      case llvm::Instruction::And:
      case llvm::Instruction::Or:
        return instruction.getType()->isIntegerTy(64);
      case llvm::Instruction::Trunc:
      case llvm::Instruction::ZExt:
        return instruction.getType()->isIntegerTy(64) || instruction.getType()->isIntegerTy(kHalfBits);
      default:
        return false;
    }
  }

  llvm::Value* Half(llvm::IRBuilder<>& builder, uint64_t shift) {
    llvm::Value* wide = Wide();
    if (shift) wide = builder.CreateLShr(wide, shift);
    return builder.CreateTrunc(wide, builder.getInt64Ty());
  }

  // The product of 128 bits, where both factors are there: it then stands before everything that is made of them.
  llvm::Instruction* Wide() {
    if (wide_) return wide_;
    const auto* x = llvm::dyn_cast<llvm::Instruction>(upper_.x);
    const auto* y = llvm::dyn_cast<llvm::Instruction>(upper_.y);
    llvm::Value* later = !x || (y && dominators_.dominates(x, y)) ? upper_.y : upper_.x;
    llvm::BasicBlock::iterator place = function_.getEntryBlock().getFirstInsertionPt();
    if (auto* instruction = llvm::dyn_cast<llvm::Instruction>(later)) place = *instruction->getInsertionPointAfterDef();
    llvm::IRBuilder<> builder(&*place);
    builder.SetCurrentDebugLocation(upper_.product->getDebugLoc());
    llvm::Type* type = builder.getInt128Ty();
    llvm::Value* product = builder.CreateMul(builder.CreateZExt(upper_.x, type), builder.CreateZExt(upper_.y, type), "",
                                             /*HasNUW=*/true);
    return wide_ = llvm::cast<llvm::Instruction>(product);
  }

  llvm::Function& function_;
  const UpperProduct& upper_;
  const llvm::DominatorTree& dominators_;
  ExactForms forms_;
  llvm::Instruction* wide_ = nullptr;
};

}  // namespace

llvm::PreservedAnalyses WideMultiplyPass::run(llvm::Function& function, llvm::FunctionAnalysisManager& analyses) {
  llvm::SmallVector<UpperProduct, 4> found;
  for (llvm::Instruction& instruction : llvm::instructions(function)) {
    UpperProduct upper;
    if (FindUpperProduct(instruction, upper)) found.push_back(upper);
  }
  if (found.empty()) return llvm::PreservedAnalyses::all();
  const auto& dominators = analyses.getResult<llvm::DominatorTreeAnalysis>(function);
  llvm::SmallVector<llvm::WeakTrackingVH, 16> replaced;
  for (UpperProduct& upper : found) {
    // Its factors may have been replaced meanwhile.
    if (FindUpperProduct(*upper.product, upper)) ProductRewriter(function, upper, dominators).Run(replaced);
  }
  if (replaced.empty()) return llvm::PreservedAnalyses::all();
  llvm::RecursivelyDeleteTriviallyDeadInstructionsPermissive(replaced);
  llvm::PreservedAnalyses preserved;
  preserved.preserveSet<llvm::CFGAnalyses>();
  return preserved;
}

}  // namespace guardc::compiler
