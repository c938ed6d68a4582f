// The life of a guard: what it must export, what poisons it, how calls end early, and closing.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "artifact/guard_notes.h"
#include "guardc/log.h"
#include "tests/unit/label/guard_fixture.h"

namespace guardc {
namespace {

using std::chrono::milliseconds;

class LifeTest : public GuardTest {
 protected:
  // Milliseconds from now.
  static CallOptions Within(int ms) { return {.deadline = Clock::now() + milliseconds(ms)}; }
};

// ---- Loading --------------------------------------------------------------------------------------------------------

constexpr const char* kLabels = R"(
  (export "label_agent" (func $f)) (export "label_resource" (func $f)) (export "label_response" (func $f))
  (func $f (param i32 i32 i32 i32) (result i32) (i32.const 0)))";

TEST_F(LifeTest, WhatIsNoGuardIsRefused) {
  struct Case {
    const char* name;
    std::string fields;
    ErrorKind kind;
    std::vector<const char*> says;
  };
  const std::string labels = kLabels;
  const std::string memory = R"((memory (export "memory") 1))";
  const Case kCases[] = {
      {"no memory", labels, ErrorKind::kGuardAbi, {"no memory", "\"memory\""}},
      {"memory of another name", labels + R"((memory (export "mem") 1))", ErrorKind::kGuardAbi, {"no memory"}},
      {"memory that is a function", labels + R"((export "memory" (func $f)))", ErrorKind::kGuardAbi, {"\"memory\""}},
      {"command", memory + R"((func (export "_start")))", ErrorKind::kGuardAbi, {"_start", "command", "reactor"}},
      {"nothing",
       memory + R"((func (export "other")))",
       ErrorKind::kGuardAbi,
       {"label_agent", "(i32, i32, i32, i32) -> i32"}},
      {"one missing",
       memory + R"((func $f (param i32 i32 i32 i32) (result i32) (i32.const 0))
         (export "label_agent" (func $f)) (export "label_response" (func $f)))",
       ErrorKind::kGuardAbi,
       {"label_resource", "(i32, i32, i32, i32) -> i32"}},
      {"wrong type",
       memory + R"((func $f (param i32 i32 i32 i32) (result i32) (i32.const 0))
         (func $g (param i32 i64) (result i32) (i32.const 0))
         (export "label_agent" (func $f)) (export "label_resource" (func $f)) (export "label_response" (func $g)))",
       ErrorKind::kGuardAbi,
       {"label_response", "(i32, i64) -> i32", "(i32, i32, i32, i32) -> i32"}},
      {"alloc of another type",
       memory + labels + R"((func (export "alloc") (param i64) (result i32) (i32.const 0))
                            (func (export "dealloc") (param i32 i32)))",
       ErrorKind::kGuardAbi,
       {"alloc", "(i64) -> i32", "(i32) -> i32"}},
      {"_initialize of another type",
       memory + labels + R"((func (export "_initialize") (param i32)))",
       ErrorKind::kGuardAbi,
       {"_initialize", "(i32) -> ()"}},
      {"unknown import",
       R"((import "env" "open_socket" (func (param i32))))" + memory + labels,
       ErrorKind::kUnknownImport,
       {"env", "open_socket", "(i32) -> ()"}},
      {"import of another type",
       R"((import "env" "host_log" (func (param i64))))" + memory + labels,
       ErrorKind::kUnknownImport,
       {"env", "host_log", "(i64) -> ()"}},
      {"start function that traps", memory + labels + "(func $s unreachable) (start $s)", ErrorKind::kTrap, {"guard"}},
      {"_initialize that traps",
       memory + labels + R"((func (export "_initialize") unreachable))",
       ErrorKind::kTrap,
       {"guard"}},
  };
  options_.name = "odd";
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const auto module = ModuleFromWat("(module " + c.fields + ")");
    ASSERT_NE(module, nullptr);
    const auto guard = Guard::Create(module, options_);
    ASSERT_FALSE(guard);
    EXPECT_EQ(guard.error().kind, c.kind) << guard.error().message;
    EXPECT_TRUE(guard.error().message.starts_with("guard \"odd\": ")) << guard.error().message;
    for (const char* text : c.says) {
      EXPECT_NE(guard.error().message.find(text), std::string::npos) << guard.error().message;
    }
  }
}

TEST_F(LifeTest, EndlessInitializationIsEnded) {
  options_.timeout = milliseconds(30);
  const std::string wat = std::string(R"((module (memory (export "memory") 1)
    (func (export "_initialize") (loop $l (br $l))))") +
                          kLabels + ")";
  EXPECT_EQ(Guard::Create(ModuleFromWat(wat), options_).error().kind, ErrorKind::kDeadline);
}

TEST_F(LifeTest, InitializesOnceAndNeverStarts) {
  const auto guard = Script();  // its _start traps
  Counters(*guard);
  EXPECT_EQ(Counters(*guard).initialized, 1u);
}

TEST_F(LifeTest, AllButOneOfTheAllocatorsTypesMayBeOdd) {
  const std::string wat = std::string(R"((module (memory (export "memory") 1)
    (func (export "alloc") (param i64)))") +
                          kLabels + ")";
  EXPECT_TRUE(Guard::Create(ModuleFromWat(wat), options_));
}

TEST_F(LifeTest, TheCompilerKnowsTheDefaultCapOfMemory) {
  EXPECT_EQ(GuardOptions{}.memory_cap_pages, artifact::kDefaultMemoryCap);
}

TEST_F(LifeTest, OptionsAreChecked) {
  const auto module = ModuleFromWat(ScriptGuardWat());
  GuardOptions bad = options_;
  bad.memory_cap_pages = 65537;
  EXPECT_EQ(Guard::Create(module, bad).error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(Guard::Create(nullptr, options_).error().kind, ErrorKind::kInvalidArgument);
}

// An import exported as a label function: no guest code at all, and its errno is the answer.
TEST_F(LifeTest, LabelFunctionsMayBeHostFunctions) {
  const std::string wat = R"((module
    (import "wasi_snapshot_preview1" "fd_read" (func $f (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (export "label_agent" (func $f)) (export "label_resource" (func $f)) (export "label_response" (func $f))))";
  const auto guard = Guard::Create(ModuleFromWat(wat), options_);
  ASSERT_TRUE(guard) << guard.error().message;
  const auto answer = Ask(**guard, "{}");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->size(), 8u);  // EBADF
}

// ---- Poison ---------------------------------------------------------------------------------------------------------

TEST_F(LifeTest, TrapsPoison) {
  struct Case {
    const char* command;
    TrapCode trap;
  };
  for (const Case& c : {Case{"u", TrapCode::kUnreachable}, Case{"o", TrapCode::kMemoryOutOfBounds}}) {
    const auto guard = Script();
    EXPECT_TRUE(guard->healthy());
    const auto answer = Ask(*guard, c.command);
    ASSERT_EQ(KindOf(answer), ErrorKind::kTrap);
    EXPECT_EQ(answer.error().details().trap, c.trap);
    EXPECT_FALSE(answer.error().details().backtrace.empty());
    EXPECT_FALSE(guard->healthy());
    for (int i = 0; i < 2; ++i) {
      const auto later = guard->Call(LabelFunction::kAgent, "e");
      ASSERT_EQ(KindOf(later), ErrorKind::kInstanceFailed);
      const auto& cause = later.error().details().cause;
      ASSERT_NE(cause, nullptr);
      EXPECT_EQ(cause->kind, ErrorKind::kTrap);
      EXPECT_EQ(cause->details().trap, c.trap);
      EXPECT_EQ(cause->details().backtrace.size(), answer.error().details().backtrace.size());
      EXPECT_NE(later.error().message.find("label_resource"), std::string::npos) << later.error().message;
    }
  }
}

TEST_F(LifeTest, ExitWithZeroDoesNot) {
  const auto guard = Script();
  for (int i = 0; i < 3; ++i) {
    const auto answer = Ask(*guard, Command('x', 0));
    ASSERT_EQ(KindOf(answer), ErrorKind::kExit);
    EXPECT_EQ(answer.error().details().exit_code, 0u);
    EXPECT_TRUE(guard->healthy());
    EXPECT_EQ(Ask(*guard, "e").value(), "e");
  }
}

TEST_F(LifeTest, OtherExitsPoison) {
  for (const uint32_t code : {1u, 0xffffffffu}) {
    const auto guard = Script();
    const auto answer = Ask(*guard, Command('x', code));
    ASSERT_EQ(KindOf(answer), ErrorKind::kExit);
    EXPECT_EQ(answer.error().details().exit_code, code);
    EXPECT_FALSE(guard->healthy());
    const auto later = Ask(*guard, "e");
    ASSERT_EQ(KindOf(later), ErrorKind::kInstanceFailed);
    EXPECT_EQ(later.error().details().cause->details().exit_code, code);
  }
}

TEST_F(LifeTest, GuardsOfOneModuleAreApart) {
  const auto one = Script();
  const auto other = Script();
  (void)Ask(*one, "u");
  EXPECT_FALSE(one->healthy());
  EXPECT_TRUE(other->healthy());
  EXPECT_EQ(Counters(*other).calls, 1u);
}

TEST_F(LifeTest, StateStaysBetweenCalls) {
  const auto guard = Script();
  for (uint32_t i = 1; i < 5; ++i) EXPECT_EQ(Counters(*guard).calls, i);
}

// ---- Ending calls ---------------------------------------------------------------------------------------------------

TEST_F(LifeTest, DeadlineStopsALoop) {
  const auto guard = Script();
  const auto start = Clock::now();
  EXPECT_EQ(KindOf(Ask(*guard, "l", Within(30))), ErrorKind::kDeadline);
  EXPECT_GE(Clock::now() - start, milliseconds(30));
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(5));
  EXPECT_FALSE(guard->healthy());
  const auto later = Ask(*guard, "e");
  ASSERT_EQ(KindOf(later), ErrorKind::kInstanceFailed);
  EXPECT_EQ(later.error().details().cause->kind, ErrorKind::kDeadline);
}

TEST_F(LifeTest, StopTokenStopsALoop) {
  const auto guard = Script();
  std::stop_source source;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(milliseconds(30));
    source.request_stop();
  });
  EXPECT_EQ(KindOf(Ask(*guard, "l", {.stop = source.get_token()})), ErrorKind::kCancelled);
  EXPECT_FALSE(guard->healthy());
}

TEST_F(LifeTest, TimeoutIsForCallsWithoutDeadline) {
  options_.timeout = milliseconds(30);
  const auto guard = Script();
  EXPECT_EQ(Ask(*guard, Command('p', 100), Within(60'000)).value(), "");
  EXPECT_EQ(KindOf(Ask(*guard, "l")), ErrorKind::kDeadline);
}

TEST_F(LifeTest, DeadlineEndsAGuestsSleep) {
  const auto guard = Script();
  const auto start = Clock::now();
  EXPECT_EQ(KindOf(Ask(*guard, Command('p', 60'000), Within(30))), ErrorKind::kDeadline);
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(5));
}

TEST_F(LifeTest, SleepNeedNotBeReal) {
  options_.sleep_really = false;
  const auto guard = Script();
  const auto start = Clock::now();
  EXPECT_TRUE(Ask(*guard, Command('p', 60'000)));
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(5));
}

TEST_F(LifeTest, CallsThatAreOverDoNotReachTheGuard) {
  const auto guard = Script();
  EXPECT_EQ(KindOf(Ask(*guard, "e", Within(-1))), ErrorKind::kDeadline);
  std::stop_source source;
  source.request_stop();
  EXPECT_EQ(KindOf(Ask(*guard, "e", {.stop = source.get_token()})), ErrorKind::kCancelled);
  EXPECT_TRUE(guard->healthy());
  EXPECT_EQ(Counters(*guard).calls, 1u);
}

TEST_F(LifeTest, WaitingCallsCanLeave) {
  const auto guard = Script();
  std::jthread runner([&] { EXPECT_TRUE(Ask(*guard, Command('p', 400))); });
  std::this_thread::sleep_for(milliseconds(100));
  EXPECT_EQ(KindOf(Ask(*guard, "e", Within(20))), ErrorKind::kDeadline);
  std::stop_source source;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(milliseconds(20));
    source.request_stop();
  });
  EXPECT_EQ(KindOf(Ask(*guard, "e", {.stop = source.get_token()})), ErrorKind::kCancelled);
  EXPECT_EQ(Ask(*guard, "e").value(), "e");
  EXPECT_TRUE(guard->healthy());
}

TEST_F(LifeTest, ManyCallersOneGuard) {
  const auto guard = Script();
  std::atomic<int> answered = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 6; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 30; ++i) {
          const std::string text = "e" + std::to_string(t * 1000 + i);
          if (Ask(*guard, text).value() == text) ++answered;
        }
      });
    }
  }
  EXPECT_EQ(answered, 180);
  EXPECT_EQ(Counters(*guard).calls, 181u);
}

// ---- Closing --------------------------------------------------------------------------------------------------------

TEST_F(LifeTest, ClosesTwice) {
  const auto guard = Script();
  EXPECT_TRUE(guard->Close());
  EXPECT_TRUE(guard->Close());
  EXPECT_EQ(KindOf(Ask(*guard, "e")), ErrorKind::kClosed);
  EXPECT_EQ(guard->module().exports().size(), guard->module().exports().size());  // still there
}

TEST_F(LifeTest, CloseWaitsForTheRunningCallAndTurnsOthersAway) {
  const auto guard = Script();
  std::jthread runner([&] { EXPECT_TRUE(Ask(*guard, Command('p', 300))); });
  std::this_thread::sleep_for(milliseconds(100));
  std::jthread waiter([&] { EXPECT_EQ(KindOf(Ask(*guard, "e")), ErrorKind::kClosed); });
  std::this_thread::sleep_for(milliseconds(50));
  std::jthread other([&] { EXPECT_TRUE(guard->Close()); });
  EXPECT_TRUE(guard->Close());
  EXPECT_EQ(KindOf(Ask(*guard, "e")), ErrorKind::kClosed);
}

// ---- The guard's host -----------------------------------------------------------------------------------------------

TEST_F(LifeTest, BackendAnswersAndIsLimitedPerCall) {
  int calls = 0;
  options_.backend = [&](std::string_view tool, std::string_view args, const CallOptions& call) -> Result<std::string> {
    EXPECT_EQ(tool, "q");
    EXPECT_EQ(args, "null");
    EXPECT_EQ(call.request_id, "r9");
    ++calls;
    return R"({"private":true})";
  };
  const auto guard = Script();
  const CallOptions call = {.request_id = "r9"};
  EXPECT_EQ(Ask(*guard, "q", call).value(), R"({"private":true})");
  calls = 0;
  EXPECT_EQ(Ask(*guard, Command('b', 50), call).value(), std::string("\x10\0\0\0", 4));
  EXPECT_EQ(Ask(*guard, Command('b', 51), call).value(), "\xff\xff\xff\xff");
  EXPECT_EQ(calls, 100);
}

TEST_F(LifeTest, BackendCannotCallOrCloseItsGuard) {
  std::shared_ptr<Guard> guard;
  options_.backend = [&](std::string_view, std::string_view, const CallOptions&) -> Result<std::string> {
    EXPECT_EQ(KindOf(Ask(*guard, "e")), ErrorKind::kInvalidArgument);
    const auto closed = guard->Close();
    EXPECT_FALSE(closed);
    return "1";
  };
  guard = Script();
  EXPECT_EQ(Ask(*guard, "q").value(), "1");
  EXPECT_EQ(Ask(*guard, "e").value(), "e");
}

TEST_F(LifeTest, BackendMayCallAnotherGuard) {
  const auto inner = Script();
  options_.backend = [&](std::string_view, std::string_view, const CallOptions&) -> Result<std::string> {
    EXPECT_EQ(KindOf(Ask(*inner, "u")), ErrorKind::kTrap);
    return "2";
  };
  const auto outer = Script();
  EXPECT_EQ(Ask(*outer, "q").value(), "2");
  EXPECT_TRUE(outer->healthy());
  EXPECT_FALSE(inner->healthy());
}

TEST_F(LifeTest, LogsAndOutputGoToTheHost) {
  std::string out;
  options_.stdout_writer = [&](std::string_view bytes) { out += bytes; };
  const auto guard = Script();
  ASSERT_TRUE(Ask(*guard, "h", {.request_id = "r3"}));
  EXPECT_EQ(log_->lines, (std::vector<std::string>{"1 hello [r3]"}));
  ASSERT_TRUE(Ask(*guard, "wprinted"));
  EXPECT_EQ(out, "printed");
}

// docs/logs.md: what tools were given and answered is written at trace only, and each line says whose and for whom.
TEST_F(LifeTest, TheLibrarysOwnLines) {
  std::vector<std::string> lines;
  const auto collect = [&](const char* levels) {
    lines.clear();
    ConfigureLogs({.levels = levels, .json = true, .write = [&](std::string_view line) { lines.emplace_back(line); }});
  };
  options_.name = "mine";
  const auto guard = Script();
  collect("debug");
  ASSERT_TRUE(Ask(*guard, "e{\"secret\":1}", {.deadline = {}, .stop = {}, .request_id = "r1"}));
  for (const std::string& line : lines) EXPECT_EQ(line.find("secret"), std::string::npos) << line;
  collect("guard:label_call=trace");
  ASSERT_TRUE(Ask(*guard, "e{\"secret\":1}", {.deadline = {}, .stop = {}, .request_id = "r1"}));
  ASSERT_EQ(lines.size(), 2u);
  for (const std::string& line : lines) {
    EXPECT_NE(line.find("secret"), std::string::npos) << line;
    EXPECT_NE(line.find(R"("level":"trace","logger":"guard:label_call","guard":"mine","request_id":"r1")"),
              std::string::npos)
        << line;
  }
  collect("warn");
  ASSERT_FALSE(Ask(*guard, "u"));
  ASSERT_FALSE(Ask(*guard, "u"));
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("never runs again: label_resource: "), std::string::npos) << lines[0];
  ConfigureLogs({});
}

TEST_F(LifeTest, TimingDividesTheCall) {
  options_.backend = [](std::string_view, std::string_view, const CallOptions&) -> Result<std::string> {
    std::this_thread::sleep_for(milliseconds(20));
    return "1";
  };
  const auto guard = Script();
  ASSERT_TRUE(Ask(*guard, "q"));
  EXPECT_EQ(guard->last_timing().total, 0u);
  guard->EnableTiming(true);
  ASSERT_TRUE(Ask(*guard, "q"));
  const CallTiming timing = guard->last_timing();
  EXPECT_GE(timing.host_functions, 20'000'000u);
  EXPECT_GT(timing.guest, 0u);
  EXPECT_GE(timing.total, timing.guest + timing.host_functions);
  ASSERT_TRUE(Ask(*guard, "e"));
  EXPECT_EQ(guard->last_timing().host_functions, 0u);
}

}  // namespace
}  // namespace guardc
