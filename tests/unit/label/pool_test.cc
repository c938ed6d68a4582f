// Pools: what clones share and what they do not, what a failure and a new policy do to them, and how calls queue.
#include "guardc/pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <thread>

#include "guardc/pipeline.h"
#include "guardc/registry.h"
#include "tests/unit/label/guard_fixture.h"
#include "tests/unit/label/lesson_guard.h"

namespace guardc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class PoolTest : public GuardTest {
 protected:
  PoolTest() { options_.output_initial = 4096; }
  std::shared_ptr<GuardPool> Make(PoolOptions pool = {}) {
    return GuardPool::Create(ModuleFromWat(std::string(kLessonGuard)), options_, pool).value();
  }
  static Result<std::string> Teach(GuardPool& pool, std::string_view policy, const CallOptions& call = {}) {
    return pool.Call(LabelFunction::kAgent, policy, call);
  }
  static Result<std::string> Ask(GuardPool& pool, std::string_view command, const CallOptions& call = {}) {
    return pool.Call(LabelFunction::kResource, command, call);
  }
  // Calls `command` in so many clones at the same time; the answers. Their backend waits for all.
  std::vector<std::string> InAll(GuardPool& pool, size_t clones, std::string_view command) {
    std::barrier<> all(static_cast<ptrdiff_t>(clones));
    on_backend_ = [&] { all.arrive_and_wait(); };
    std::vector<std::string> answers(clones);
    {
      std::vector<std::jthread> threads;
      for (std::string& answer : answers) {
        threads.emplace_back([&] { answer = Ask(pool, command).value_or("failed"); });
      }
    }
    on_backend_ = nullptr;
    std::ranges::sort(answers);
    return answers;
  }
  void UseBackend() {
    options_.backend = [this](auto, auto, const auto&) -> Result<std::string> {
      if (on_backend_) on_backend_();
      return "1";
    };
  }

  std::function<void()> on_backend_;
};

using Answers = std::vector<std::string>;

TEST_F(PoolTest, ClonesKeepTheirStatesApart) {
  UseBackend();
  const auto pool = Make({.max_clones = 3});
  ASSERT_TRUE(Teach(*pool, "T7"));
  EXPECT_EQ(InAll(*pool, 3, "H"), (Answers{"0", "0", "0"}));
  ASSERT_TRUE(Ask(*pool, "s"));
  EXPECT_EQ(InAll(*pool, 3, "H"), (Answers{"0", "0", "1"}));
  EXPECT_EQ(pool->stats().clones, 3u);
  EXPECT_EQ(pool->stats().replaced, 0u);
  EXPECT_GT(pool->stats().snapshot_bytes, 0u);
}

TEST_F(PoolTest, EveryCloneIsInitialisedAndTaught) {
  const auto pool = Make({.max_clones = 1});
  EXPECT_EQ(Ask(*pool, "g").value(), "-11");
  ASSERT_TRUE(Teach(*pool, "T7"));
  EXPECT_EQ(Ask(*pool, "g").value(), "711");
  EXPECT_EQ(Ask(*pool, "g").value(), "721");  // a clone keeps what it learns
  ASSERT_TRUE(Teach(*pool, "T8"));
  EXPECT_EQ(Ask(*pool, "g").value(), "811");
}

TEST_F(PoolTest, ThePolicyThatItHasMakesNoDifference) {
  const auto pool = Make({.max_clones = 1});
  ASSERT_TRUE(Teach(*pool, "T7"));
  EXPECT_EQ(Ask(*pool, "g").value(), "711");
  EXPECT_EQ(Teach(*pool, "T7").value(), R"({"difc_mode":"strict"})");
  EXPECT_EQ(Ask(*pool, "g").value(), "721");
}

TEST_F(PoolTest, ALessonThatFailsChangesNothing) {
  const auto pool = Make({.max_clones = 1});
  ASSERT_TRUE(Teach(*pool, "T7"));
  EXPECT_EQ(Ask(*pool, "g").value(), "711");
  EXPECT_EQ(Teach(*pool, "R1").value(), R"({"success":false})");
  EXPECT_EQ(KindOf(Teach(*pool, "N2")), ErrorKind::kGuardError);
  EXPECT_EQ(KindOf(Teach(*pool, "u3")), ErrorKind::kTrap);
  EXPECT_EQ(KindOf(Teach(*pool, "l4", {.deadline = Clock::now() + milliseconds(30)})), ErrorKind::kDeadline);
  EXPECT_EQ(Ask(*pool, "g").value(), "721");
}

TEST_F(PoolTest, ACloneThatFailsIsReplaced) {
  struct Case {
    std::string_view command;
    ErrorKind kind;
  };
  const auto pool = Make({.max_clones = 1});
  ASSERT_TRUE(Teach(*pool, "T7"));
  uint64_t replaced = 0;
  for (const Case& c : {Case{"u", ErrorKind::kTrap}, Case{"o", ErrorKind::kTrap}, Case{"e", ErrorKind::kExit},
                        Case{"l", ErrorKind::kDeadline}, Case{"f", ErrorKind::kDeadline}}) {
    SCOPED_TRACE(c.command);
    ASSERT_TRUE(Ask(*pool, "s"));
    const CallOptions call = {.deadline =
                                  Clock::now() + (c.kind == ErrorKind::kDeadline ? milliseconds(200) : seconds(60))};
    EXPECT_EQ(KindOf(Ask(*pool, c.command, call)), c.kind);
    EXPECT_EQ(pool->stats().replaced, ++replaced);
    EXPECT_EQ(pool->stats().clones, 0u);
    EXPECT_EQ(Ask(*pool, "m").value(), "0");
    EXPECT_EQ(Ask(*pool, "g").value(), "711");
  }
}

TEST_F(PoolTest, AFailureLeavesTheOthersAlone) {
  UseBackend();
  const auto pool = Make({.max_clones = 2});
  ASSERT_TRUE(Ask(*pool, "s"));
  // The marked clone is held while the other traps.
  EXPECT_EQ(InAll(*pool, 2, "H"), (Answers{"0", "1"}));
  std::atomic<bool> may_go = false, is_held = false;
  on_backend_ = [&] {
    is_held = true;
    is_held.notify_all();
    may_go.wait(false);
  };
  std::string held;
  {
    std::jthread holder([&] { held = Ask(*pool, "H").value_or("failed"); });
    is_held.wait(false);
    EXPECT_EQ(KindOf(Ask(*pool, "u")), ErrorKind::kTrap);
    on_backend_ = nullptr;
    may_go = true;
    may_go.notify_all();
  }
  EXPECT_EQ(pool->stats().replaced, 1u);
  const Answers after = InAll(*pool, 2, "H");
  EXPECT_EQ(after, held == "1" ? (Answers{"0", "1"}) : (Answers{"0", "0"}));
}

TEST_F(PoolTest, ResettingAfterEveryCallLeavesNothing) {
  const auto pool = Make({.max_clones = 1, .reset_after_call = true});
  ASSERT_TRUE(Teach(*pool, "T7"));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Ask(*pool, "g").value(), "711");
    ASSERT_TRUE(Ask(*pool, "s"));
    EXPECT_EQ(Ask(*pool, "m").value(), "0");
  }
}

TEST_F(PoolTest, GrowthIsLimited) {
  const auto pool = Make({.max_clones = 1, .growth_limit = uint64_t{8} << 20});
  ASSERT_TRUE(Teach(*pool, "T7"));
  ASSERT_TRUE(Ask(*pool, "s"));
  ASSERT_TRUE(Ask(*pool, "W"));
  EXPECT_EQ(Ask(*pool, "m").value(), "0");
  const auto generous = Make({.max_clones = 1, .growth_limit = uint64_t{64} << 20});
  ASSERT_TRUE(Ask(*generous, "s"));
  ASSERT_TRUE(Ask(*generous, "W"));
  EXPECT_EQ(Ask(*generous, "m").value(), "1");
}

TEST_F(PoolTest, ResetsAllClones) {
  UseBackend();
  const auto pool = Make({.max_clones = 2});
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(Ask(*pool, "s"));
  ASSERT_NE(InAll(*pool, 2, "H"), (Answers{"0", "0"}));
  pool->Reset();
  EXPECT_EQ(InAll(*pool, 2, "H"), (Answers{"0", "0"}));
  // One that is busy is reset before its next call.
  on_backend_ = [&] { pool->Reset(); };
  ASSERT_TRUE(Ask(*pool, "s"));
  ASSERT_TRUE(Ask(*pool, "w"));
  on_backend_ = nullptr;
  EXPECT_EQ(InAll(*pool, 2, "H"), (Answers{"0", "0"}));
}

TEST_F(PoolTest, CallersQueueWhereAllClonesAreBusy) {
  UseBackend();
  const auto pool = Make({.max_clones = 1});
  std::atomic<bool> may_go = false, is_held = false;
  on_backend_ = [&] {
    is_held = true;
    is_held.notify_all();
    may_go.wait(false);
  };
  std::jthread holder([&] { EXPECT_TRUE(Ask(*pool, "w")); });
  is_held.wait(false);
  EXPECT_EQ(KindOf(Ask(*pool, "g", {.deadline = Clock::now() + milliseconds(20)})), ErrorKind::kDeadline);
  std::stop_source source;
  source.request_stop();
  EXPECT_EQ(KindOf(Ask(*pool, "g", {.stop = source.get_token()})), ErrorKind::kCancelled);
  std::jthread waiter([&] { EXPECT_EQ(Ask(*pool, "g").value(), "-11"); });
  std::this_thread::sleep_for(milliseconds(20));
  on_backend_ = nullptr;
  may_go = true;
  may_go.notify_all();
}

TEST_F(PoolTest, ABackendCannotCallItsPool) {
  UseBackend();
  const auto pool = Make({.max_clones = 2});
  on_backend_ = [&] {
    EXPECT_EQ(KindOf(Ask(*pool, "g")), ErrorKind::kInvalidArgument);
    EXPECT_EQ(KindOf(Teach(*pool, "T1")), ErrorKind::kInvalidArgument);
    EXPECT_EQ(pool->Close().error().kind, ErrorKind::kInvalidArgument);
  };
  EXPECT_EQ(Ask(*pool, "w").value(), "1");
  EXPECT_EQ(KindOf(Teach(*pool, "B1")), ErrorKind::kInternal);  // "1" is no lesson, but an answer
}

TEST_F(PoolTest, CloseWaitsForRunningCalls) {
  UseBackend();
  const auto pool = Make({.max_clones = 2});
  std::atomic<bool> may_go = false, is_held = false;
  on_backend_ = [&] {
    is_held = true;
    is_held.notify_all();
    may_go.wait(false);
  };
  std::jthread holder([&] { EXPECT_EQ(Ask(*pool, "w").value(), "1"); });
  is_held.wait(false);
  std::atomic<bool> is_closed = false;
  std::jthread closer([&] {
    EXPECT_TRUE(pool->Close());
    is_closed = true;
  });
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_FALSE(is_closed);
  may_go = true;
  may_go.notify_all();
  closer.join();
  EXPECT_EQ(KindOf(Ask(*pool, "g")), ErrorKind::kClosed);
  EXPECT_EQ(KindOf(Teach(*pool, "T1")), ErrorKind::kClosed);
  EXPECT_TRUE(pool->Close());
  pool->Reset();
  EXPECT_EQ(pool->stats().clones, 0u);
}

TEST_F(PoolTest, LessonsAmongCalls) {
  const auto pool = Make({.max_clones = 3});
  ASSERT_TRUE(Teach(*pool, "T0"));
  std::atomic<char> latest = '0';
  std::atomic<int> stale = 0, failed = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 6; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 400; ++i) {
          const char before = latest;
          const auto answer = Ask(*pool, i % 40 == 39 ? "u" : "g");
          if (i % 40 == 39) continue;
          if (!answer) {
            ++failed;
          } else if (answer->front() < before) {
            ++stale;  // a lesson that was over before the call began
          }
        }
      });
    }
    threads.emplace_back([&] {
      for (char c = '1'; c <= '9'; ++c) {
        EXPECT_TRUE(Teach(*pool, std::string("T") + c));
        latest = c;
        std::this_thread::sleep_for(milliseconds(2));
      }
    });
  }
  EXPECT_EQ(stale, 0);
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(pool->stats().replaced, 60u);
}

TEST_F(PoolTest, WhatIsNoGuardIsRefused) {
  EXPECT_EQ(GuardPool::Create(nullptr, options_).error().kind, ErrorKind::kInvalidArgument);
  const auto no_guard = ModuleFromWat(R"((module (memory (export "memory") 1)))");
  EXPECT_EQ(GuardPool::Create(no_guard, options_).error().kind, ErrorKind::kGuardAbi);
}

// Buffers at the end of memory lie where they lay in the original.
TEST_F(PoolTest, GuardsWithoutAllocator) {
  const auto module = ModuleFromWat(ScriptGuardWat({.memory = "1 200", .exports = ""}));
  const auto pool = GuardPool::Create(module, options_, {.max_clones = 1}).value();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Ask(*pool, "hello"), "");
    EXPECT_EQ(Ask(*pool, "echo").value(), "echo");
    EXPECT_EQ(KindOf(Ask(*pool, "u")), ErrorKind::kTrap);
  }
}

TEST_F(PoolTest, IsTheGuardOfARegistry) {
  constexpr std::string_view kWat = R"((module (memory (export "memory") 1)
    (data (i32.const 0) "{\"difc_mode\":\"filter\"}")
    (data (i32.const 64) "{\"resource\":{\"description\":\"d\",\"secrecy\":[],\"integrity\":[]},\"operation\":\"read\"}")
    (func (export "label_agent") (param i32 i32 i32 i32) (result i32)
      (memory.copy (local.get 2) (i32.const 0) (i32.const 22)) (i32.const 22))
    (func (export "label_resource") (param i32 i32 i32 i32) (result i32)
      (memory.copy (local.get 2) (i32.const 64) (i32.const 79)) (i32.const 79))
    (func (export "label_response") (param i32 i32 i32 i32) (result i32) (i32.const 0))))";
  GuardRegistry registry;
  const auto pool = GuardPool::Create(ModuleFromWat(std::string(kWat)), options_).value();
  ASSERT_TRUE(registry.Register("github", MakeCompiledSource(pool)));
  EXPECT_EQ(registry.Info("github")->kind, "compiled");
  std::atomic<int> allowed = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        Agent agent;
        for (int i = 0; i < 20; ++i) {
          const CallRequest request = {.tool = "list_things",
                                       .policy_json = R"({"allow-only":{"repos":"all","min-integrity":"none"}})"};
          const Outcome outcome = GuardedCall(*registry.Get("github"), agent, request,
                                              [](auto, auto, const auto&) { return Result<std::string>("[1]"); });
          EXPECT_EQ(outcome.kind, OutcomeKind::kAllowed) << outcome.reason;
          allowed += outcome.kind == OutcomeKind::kAllowed;
        }
      });
    }
  }
  EXPECT_EQ(allowed, 80);
  EXPECT_TRUE(registry.CloseAll());
  EXPECT_EQ(KindOf(Ask(*pool, "")), ErrorKind::kClosed);
}

}  // namespace
}  // namespace guardc
