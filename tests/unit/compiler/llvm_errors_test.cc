// What would end the process in LLVM or LLD is an error here, and signals stay with whom they belong to.
#include "compiler/codegen/llvm_errors.h"

#include <gmock/gmock.h>
#include <llvm/Support/ErrorHandling.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <new>
#include <system_error>
#include <thread>

#include "compiler/codegen/link.h"
#include "compiler/parallel.h"
#include "guardc/compile.h"
#include "tests/support/refused_call.h"
#include "tests/unit/compiler/wat.h"

namespace guardc::compiler {
namespace {

using testing::HasSubstr;

TEST(LlvmGuard, FatalErrors) {
  for (int round = 0; round < 2; ++round) {
    const auto result = GuardLlvm([]() -> Result<void> { llvm::report_fatal_error("cannot go on", false); });
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().kind, ErrorKind::kCompile);
    EXPECT_THAT(result.error().message, HasSubstr("cannot go on"));
  }
}

TEST(LlvmGuard, Exceptions) {
  const auto result = GuardLlvm([]() -> Result<void> { throw std::bad_alloc(); });
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, ErrorKind::kOutOfMemory);
}

void (*FaultHandler())(int) {
  struct sigaction action{};
  return sigaction(SIGSEGV, nullptr, &action) == 0 ? action.sa_handler : SIG_ERR;
}

// Before main(): the default, or a sanitizer's.
void (*const handler_at_start)(int) = FaultHandler();

TEST(LlvmGuard, LeavesSignalsAlone) {
  InstallLlvmGuard();
  EXPECT_EQ(FaultHandler(), handler_at_start);
}

TEST(Parallel, ReportsTheFirstFailureByIndex) {
  const auto result = ParallelFor(8, 4, [](size_t i) -> Result<void> {
    if (i == 0) return Fail(ErrorKind::kCompile, "task 0");
    if (i == 3) llvm::report_fatal_error("task 3", false);
    return {};
  });
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().message, "task 0");
}

TEST(Link, RefusesWhatIsNoObject) {
  const auto target = ResolveTarget("baseline", "x86_64-linux-gnu");
  ASSERT_TRUE(target.has_value());
  const std::string garbage =
      "\x7f"
      "ELF\2\1\1 and no more";
  const auto linked = LinkArtifact({ObjectBytes(garbage.begin(), garbage.end())}, *target);
  ASSERT_FALSE(linked.has_value());
  EXPECT_EQ(linked.error().kind, ErrorKind::kCompile);
  EXPECT_THAT(linked.error().message, HasSubstr("linking failed"));
}

// The linker's output is then a file, which LLVM would take the process's signals for.
TEST(Link, WithoutThreadsSignalsStayWithWhomTheyBelongTo) {
  const auto wasm = test::Guard("");
  const auto compile = [&] { return Compile(wasm, {}, Emit::kSharedObject); };
  const auto expected = compile();
  ASSERT_TRUE(expected) << expected.error().message;
  const bool is_refused = WithRefusedCall(SYS_clone3, EPERM, [&] {
    ASSERT_THROW(std::thread([] {}).join(), std::system_error);
    std::array<void (*)(int), NSIG> before{};
    struct sigaction action{};
    for (int i = 1; i < NSIG; ++i) before[i] = sigaction(i, nullptr, &action) == 0 ? action.sa_handler : SIG_ERR;
    for (int round = 0; round < 2; ++round) {
      const auto compiled = compile();
      ASSERT_TRUE(compiled) << compiled.error().message;
      EXPECT_EQ(compiled->bytes, expected->bytes);
    }
    for (int i = 1; i < NSIG; ++i) {
      EXPECT_EQ(sigaction(i, nullptr, &action) == 0 ? action.sa_handler : SIG_ERR, before[i]) << strsignal(i);
    }
  });
  if (!is_refused) GTEST_SKIP() << "no seccomp filters here";
}

}  // namespace
}  // namespace guardc::compiler
