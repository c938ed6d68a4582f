// Runs guests one instruction at a time and asks for the backtrace at each: an interruption may come anywhere.
// At the higher levels most functions are inlined; the backtrace names them all the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "runtime/trap/backtrace.h"
#include "runtime/trap/machine_context.h"
#include "tests/fixtures/wat.h"
#include "tests/trap/guest_fixture.h"

#if defined(__x86_64__)

namespace guardc {
namespace {

constexpr greg_t kTrapFlag = 0x100;

// Frames that callees pop (many parameters), frames beyond the red zone, results in memory, a call of the host, and
// calls in tail position.
constexpr std::string_view kChain = R"((module $chain
  (type $many (func (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 f64 f64) (result i64 i64 i64)))
  (import "env" "host_log" (func $host_log (param i32 i32 i32)))
  (memory (export "memory") 1)
  (table $t 1 funcref) (elem (i32.const 0) $inner)
  (func $say (call $host_log (i32.const 1) (i32.const 8) (i32.const 1)))
  (func $inner (type $many)
    (call $say)
    (local.get 0) (i64.mul (local.get 5) (local.get 10)) (i64.trunc_sat_f64_s (f64.div (local.get 11) (local.get 12))))
  (func $pick (param i64 i64 i64 i64 i64 i64 i64 i64 i64) (result i64) (local.get 8))
  (func $middle (param i64) (result i64)
    (call_indirect $t (type $many) (local.get 0) (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5)
      (i64.const 6) (i64.const 7) (i64.const 8) (i64.const 9) (i64.const 10) (f64.const 7) (f64.const 2) (i32.const 0))
    i64.add i64.sub
    (call $pick (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 7)
      (i64.const 8) (i64.const 9))
    i64.add)
  (func $outer (export "outer") (drop (call $middle (i64.const 3))) (drop (call $middle (i64.const 4))))
)";
// With a tail call anywhere, all of a module's functions pop their callers' arguments (abi.h).
constexpr std::string_view kTailCall = "(func $unused (return_call $say))";

std::vector<std::string>* wrong = nullptr;  // what was seen and should not
size_t guest_steps = 0;
volatile bool is_done = false;

bool IsSuffixOfAStack(const std::vector<std::string>& names) {
  static const std::vector<std::string> kStacks[] = {{"say", "inner", "middle", "outer"}, {"pick", "middle", "outer"}};
  return std::ranges::any_of(kStacks, [&](const std::vector<std::string>& stack) {
    return names.size() <= stack.size() && std::equal(names.rbegin(), names.rend(), stack.rbegin());
  });
}

// Allocates: the guest's code, which it interrupts, does not.
void LookAtGuest(const MachineContext& context) {
  Activation* activation = guardc_current_activation;
  if (activation == nullptr || activation->guest_sp.load(std::memory_order_relaxed) != 0) return;
  ++guest_steps;
  activation->left_at = {context.pc(), context.sp(), context.fp(), context.lr(), 1};
  const Backtrace backtrace = WalkGuestStack(*activation, true);
  std::vector<std::string> names;
  for (const Frame& frame : backtrace.frames) names.push_back(frame.function_name);
  if (backtrace.is_complete && IsSuffixOfAStack(names)) return;
  std::string text = backtrace.is_complete ? "complete:" : "incomplete:";
  for (const std::string& name : names) text += " " + name;
  wrong->push_back(text);
}

void OnStep(int, siginfo_t*, void* raw) {
  auto& flags = static_cast<ucontext_t*>(raw)->uc_mcontext.gregs[REG_EFL];
  if (is_done) {
    flags &= ~kTrapFlag;
    return;
  }
  flags |= kTrapFlag;
  LookAtGuest(MachineContext(raw));
}

class SingleStep : public ::testing::TestWithParam<std::tuple<int, bool>> {};

TEST_P(SingleStep, TheBacktraceIsWholeAtEveryInstruction) {
#ifdef __SANITIZE_THREAD__
  // Of eight runs on a starved machine two waited for ever. There is one thread here, so nothing is lost.
  GTEST_SKIP() << "thread sanitizer's own runtime would be stepped through as well, and a handler can wait there "
                  "for a lock that the interrupted code holds";
#endif
  CompileOptions options{.profile = Profile::kWasi};
  const auto [level, has_tail_calls] = GetParam();
  options.opt_level = level;
  const std::string text = std::string(kChain) + std::string(has_tail_calls ? kTailCall : "") + ")";
  const auto module = testing::CompileWat(text, options);
  ASSERT_TRUE(module) << module.error().message;
  Guest guest({}, *module);
  std::vector<std::string> seen;
  wrong = &seen;
  guest_steps = 0;
  is_done = false;

  struct sigaction action = {}, old = {};
  action.sa_sigaction = &OnStep;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  ASSERT_EQ(sigaction(SIGTRAP, &action, &old), 0);
  raise(SIGTRAP);
  const Result<void> result = guest.Run("outer");
  is_done = true;
  raise(SIGTRAP);
  sigaction(SIGTRAP, &old, nullptr);

  EXPECT_TRUE(result) << result.error().message;
  EXPECT_GT(guest_steps, 50u);
  EXPECT_THAT(seen, ::testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Levels, SingleStep, ::testing::Combine(::testing::Range(0, 4), ::testing::Bool()),
                         [](const auto& variant) {
                           return "O" + std::to_string(std::get<0>(variant.param)) +
                                  (std::get<1>(variant.param) ? "TailCalls" : "");
                         });

}  // namespace
}  // namespace guardc

#endif
