#include "compiler/passes/bounded_combine.h"

#include <llvm/ADT/DenseMap.h>
#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>
#include <llvm/Transforms/InstCombine/InstCombine.h>

#include <cstddef>

namespace guardc::compiler {
namespace {

constexpr size_t kMaxTests = 1000;

// What a condition tells something of.
const llvm::Value* TestedBy(const llvm::Instruction& end) {
  const auto* branch = llvm::dyn_cast<llvm::BranchInst>(&end);
  const auto* test =
      branch && branch->isConditional() ? llvm::dyn_cast<llvm::ICmpInst>(branch->getCondition()) : nullptr;
  if (!test) return nullptr;
  const auto* derived = llvm::dyn_cast<llvm::BinaryOperator>(test->getOperand(0));
  return derived && llvm::isa<llvm::Constant>(derived->getOperand(1)) ? derived->getOperand(0) : test->getOperand(0);
}

bool TestsOneValueTooOften(const llvm::Function& function) {
  if (function.size() <= kMaxTests) return false;
  llvm::DenseMap<const llvm::Value*, size_t> tests;
  return llvm::any_of(function, [&](const llvm::BasicBlock& block) {
    const llvm::Value* tested = TestedBy(*block.getTerminator());
    return tested && ++tests[tested] > kMaxTests;
  });
}

}  // namespace

llvm::PreservedAnalyses BoundedCombinePass::run(llvm::Function& function, llvm::FunctionAnalysisManager& analyses) {
  if (TestsOneValueTooOften(function)) return llvm::PreservedAnalyses::all();
  // It would otherwise end the process where one round is not enough.
  return llvm::InstCombinePass(llvm::InstCombineOptions().setVerifyFixpoint(false)).run(function, analyses);
}

}  // namespace guardc::compiler
