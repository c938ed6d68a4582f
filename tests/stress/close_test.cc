// A registry of a thousand guards is closed while they are being called.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <random>
#include <thread>
#include <vector>

#include "guardc/pipeline.h"
#include "guardc/pool.h"
#include "guardc/registry.h"
#include "tests/stress/stress_support.h"

namespace guardc {
namespace {

using std::chrono::milliseconds;

constexpr int kClosedGuards = 1000;
constexpr int kCallers = 32;

struct Counts {
  std::atomic<int> allowed = 0, closed = 0, ended = 0, other = 0;
};

void CallUntilClosed(GuardRegistry& registry, unsigned seed, Counts& counts) {
  std::mt19937 random(seed);
  for (int after_close = 0; after_close < 3;) {
    const auto guard = registry.Get("s" + std::to_string(random() % kClosedGuards));
    // At once, after 30 ms, at a deadline of 20 ms, or in a trap.
    const char op = "EwwlpuE"[random() % 7];
    CallRequest request = {.tool = {}, .policy_json = kStressPolicy};
    const std::string tool = std::string(1, op) + "E00000000";
    request.tool = tool;
    if (op == 'l' || op == 'p') request.call.deadline = Clock::now() + milliseconds(20);
    Agent agent;
    const Outcome outcome =
        GuardedCall(*guard, agent, request, [](auto, auto, const auto&) { return Result<std::string>("[]"); });
    if (outcome.kind == OutcomeKind::kAllowed) {
      ++counts.allowed;
    } else if (outcome.error && outcome.error->kind == ErrorKind::kClosed) {
      ++counts.closed;
      after_close += guard->kind() == "closed" ? 1 : 0;
    } else if (outcome.error &&
               (outcome.error->kind == ErrorKind::kDeadline || outcome.error->kind == ErrorKind::kTrap ||
                outcome.error->kind == ErrorKind::kInstanceFailed)) {
      ++counts.ended;
    } else {
      ++counts.other;
      ADD_FAILURE() << outcome.reason;
    }
  }
}

void CloseWhileCalled() {
  GuardRegistry registry;
  GuardOptions options;
  options.log = std::make_shared<SilentLog>();
  options.output_initial = 4096;
  for (int i = 0; i < kClosedGuards; ++i) {
    options.name = "g" + std::to_string(i);
    options.after_failure = i % 2 == 0 ? AfterFailure::kReplace : AfterFailure::kStayPoisoned;
    auto source = i % 10 != 0
                      ? MakeCompiledSource(Guard::Create(StressModule(), options).value())
                      : MakeCompiledSource(GuardPool::Create(StressModule(), options, {.max_clones = 2}).value());
    ASSERT_TRUE(registry.Register("s" + std::to_string(i), std::move(source)));
  }
  Counts counts;
  {
    std::vector<std::jthread> threads;
    for (unsigned t = 0; t < kCallers; ++t) {
      threads.emplace_back([&, t] { CallUntilClosed(registry, t + 1, counts); });
    }
    std::this_thread::sleep_for(milliseconds(300));
    for (int i = 0; i < 2; ++i) threads.emplace_back([&] { EXPECT_TRUE(registry.CloseAll()); });
  }
  EXPECT_TRUE(registry.CloseAll());
  EXPECT_TRUE(registry.List().empty());
  printf("%d allowed, %d ended by themselves, %d closed\n", counts.allowed.load(), counts.ended.load(),
         counts.closed.load());
  EXPECT_GT(counts.allowed + counts.ended, 0);
  EXPECT_GE(counts.closed, 3 * kCallers);
  EXPECT_EQ(counts.other, 0);
}

TEST(CloseUnderLoad, EveryCallEndsAndNothingStays) {
  CloseWhileCalled();  // what is made once per process is there afterwards
  const Holdings before = Holdings::Now();
  CloseWhileCalled();
  ExpectNothingLeaked(before);
}

}  // namespace
}  // namespace guardc
