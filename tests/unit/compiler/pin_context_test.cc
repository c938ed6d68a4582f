// compiler/passes/pin_context.h, seen in the assembly: no frame where the usual way needs none, and the context in its
// register again where a call to another instance put that one's there.
#include "compiler/passes/pin_context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <llvm/AsmParser/Parser.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/SourceMgr.h>
#include <llvm/Target/TargetMachine.h>

#include <sstream>
#include <string>
#include <vector>

#include "compiler/codegen/generate.h"
#include "compiler/codegen/target.h"

namespace guardc::compiler {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

// Instructions of the one function in `ir`.
std::vector<std::string> Assembly(const char* ir, const char* triple = "x86_64-linux-gnu") {
  const auto target = ResolveTarget("baseline", triple);
  EXPECT_TRUE(target.has_value());
  const auto machine = CreateTargetMachine(*target, 2);
  EXPECT_TRUE(machine.has_value());
  llvm::LLVMContext context;
  llvm::SMDiagnostic diagnostic;
  const auto module = llvm::parseAssemblyString(ir, diagnostic, context);
  EXPECT_NE(module, nullptr) << diagnostic.getMessage().str();
  PrepareModule(*module, *target, **machine);
  const auto code = GenerateAssembly(*module, **machine, /*strict_traps=*/false);
  EXPECT_TRUE(code.has_value());
  std::vector<std::string> instructions;
  std::istringstream lines(std::string(code->begin(), code->end()));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('\t') && !line.starts_with("\t.")) instructions.push_back(line);
  }
  return instructions;
}

constexpr const char kGrows[] = R"(
declare void @grow(ptr swiftself, i32)
define void @append(ptr swiftself %context, i32 %length, i32 %capacity) nounwind {
  %full = icmp eq i32 %length, %capacity
  br i1 %full, label %grow, label %done, !prof !0
grow:
  call void @grow(ptr swiftself %context, i32 %length)
  br label %done
done:
  %place = getelementptr i8, ptr %context, i64 64
  store i32 %length, ptr %place
  ret void
}
!0 = !{!"branch_weights", i32 22, i32 78}
)";

TEST(PinContextTest, TheUsualWaySavesNothing) {
  const auto code = Assembly(kGrows);
  ASSERT_FALSE(code.empty());
  EXPECT_THAT(code.front(), Not(HasSubstr("push")));
  EXPECT_THAT(code, Not(Contains(HasSubstr("pushq\t%r13"))));
}

TEST(PinContextTest, ReturnsWithTheContextAfterACallElsewhere) {
  const auto code = Assembly(R"(
declare void @foreign(ptr swiftself)
define void @call(ptr swiftself %context) nounwind {
  %field = load ptr, ptr %context
  call void @foreign(ptr swiftself %field)
  ret void
}
)");
  // What is kept in some other register, or on the stack, comes back after the call.
  bool has_called = false, has_restored = false;
  for (const std::string& line : code) {
    if (line.find("call") != std::string::npos) has_called = true;
    const bool is_target = line.ends_with(", %r13") || line.find("popq\t%r13") != std::string::npos;
    if (has_called && is_target) has_restored = true;
  }
  EXPECT_TRUE(has_restored) << testing::PrintToString(code);
}

TEST(PinContextTest, LeavesOtherTargetsAlone) { EXPECT_FALSE(Assembly(kGrows, "aarch64-linux-gnu").empty()); }

}  // namespace
}  // namespace guardc::compiler
