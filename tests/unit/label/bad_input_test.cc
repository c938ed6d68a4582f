// Whole guarded calls with a real guard that answers garbage, and with backends that do: each ends as the error of its
// kind, the guard lives on or is out of use as docs/guard-abi.md, 2, says, and nothing is shown.
#include <gmock/gmock.h>

#include <chrono>
#include <functional>
#include <map>
#include <thread>

#include "guardc/pipeline.h"
#include "tests/unit/label/guard_fixture.h"

namespace guardc {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

constexpr std::string_view kPolicy = R"({"allow-only":{"repos":"all","min-integrity":"none"}})";
constexpr const char* kStrict = R"({"difc_mode":"strict"})";
constexpr const char* kRead = R"({"resource":{},"operation":"read"})";

// Each label function answers what the backend's tool of its own name answers, -2 and the size where it does not fit.
constexpr const char* kRelay = R"((module
  (import "env" "call_backend" (func $call_backend (param i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 16) "label_agent")
  (data (i32.const 64) "label_resource")
  (data (i32.const 112) "label_response")
  (func $relay (param $name i32) (param $size i32) (param $out i32) (param $cap i32) (result i32)
    (call $call_backend (local.get $name) (local.get $size) (i32.const 0) (i32.const 0)
                        (local.get $out) (local.get $cap)))
  (func (export "label_agent") (param i32 i32 i32 i32) (result i32)
    (call $relay (i32.const 16) (i32.const 11) (local.get 2) (local.get 3)))
  (func (export "label_resource") (param i32 i32 i32 i32) (result i32)
    (call $relay (i32.const 64) (i32.const 14) (local.get 2) (local.get 3)))
  (func (export "label_response") (param i32 i32 i32 i32) (result i32)
    (call $relay (i32.const 112) (i32.const 14) (local.get 2) (local.get 3)))))";

class BadInputTest : public GuardTest {
 protected:
  BadInputTest() {
    answers_ = {{"label_agent", kStrict}, {"label_resource", kRead}, {"label_response", ""}, {"get_thing", "[1,2]"}};
    options_.memory_cap_pages = 1024;
    options_.backend = [this](std::string_view tool, std::string_view args, const CallOptions& call) {
      return Backend(tool, args, call);
    };
    log_->threshold = LogLevel::kNone;
  }

  Result<std::string> Backend(std::string_view tool, std::string_view, const CallOptions& call) {
    if (const auto hook = hooks_.find(tool); hook != hooks_.end()) return hook->second(call);
    return answers_.find(tool)->second;
  }

  void Make(const char* wat = kRelay) {
    auto guard = Guard::Create(ModuleFromWat(wat), options_);
    ASSERT_TRUE(guard) << guard.error().message;
    guard_ = *guard;
    source_ = MakeCompiledSource(guard_);
  }

  Outcome Call(const CallOptions& bounds = {}) {
    Agent agent;
    CallRequest request{.tool = "get_thing", .policy_json = kPolicy, .call = bounds};
    return GuardedCall(*source_, agent, request,
                       [this](std::string_view tool, std::string_view args, const CallOptions& call) {
                         return Backend(tool, args, call);
                       });
  }

  void ExpectError(const Outcome& out, ErrorKind kind, int phase) {
    EXPECT_EQ(out.kind, OutcomeKind::kError);
    ASSERT_TRUE(out.error);
    EXPECT_EQ(out.error->kind, kind) << out.error->message;
    EXPECT_EQ(out.phase, phase) << out.error->message;
    EXPECT_FALSE(out.result);
    EXPECT_LT(out.error->message.size(), 3000u);
  }

  // The guard was not harmed: the same call, with good answers, is allowed.
  void ExpectGoodAgain() {
    answers_ = {{"label_agent", kStrict}, {"label_resource", kRead}, {"label_response", ""}, {"get_thing", "[1,2]"}};
    hooks_.clear();
    EXPECT_TRUE(guard_->healthy());
    const Outcome out = Call();
    EXPECT_EQ(out.kind, OutcomeKind::kAllowed) << (out.error ? out.error->message : out.reason);
    EXPECT_EQ(out.result, "[1,2]");
  }

  std::map<std::string, std::string, std::less<>> answers_;
  std::map<std::string, std::function<Result<std::string>(const CallOptions&)>, std::less<>> hooks_;
  std::shared_ptr<Guard> guard_;
  std::shared_ptr<LabelSource> source_;
};

struct Phase {
  const char* function;
  int phase;
};
constexpr Phase kPhases[] = {{"label_agent", 0}, {"label_resource", 1}, {"label_response", 4}};

std::string Nested(size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST_F(BadInputTest, WhatIsNoJsonObject) {
  Make();
  const std::string answers[] = {"x",
                                 "{",
                                 "[]",
                                 "1",
                                 "\"text\"",
                                 "true",
                                 "{} {}",
                                 "{\"a\":}",
                                 "\xff",
                                 "{\"a\":\"\xc3\"}",
                                 "\xef\xbb\xbf{}",
                                 "{\"a\":01}",
                                 "{'a':1}",
                                 "{\"a\":NaN}",
                                 std::string("\0", 1),
                                 Nested(10'000),
                                 "{\"a\":" + Nested(10'000) + "}",
                                 std::string(4 * kMiB, '['),
                                 "{\"x\":1,\"x\":2}"};
  for (const Phase& p : kPhases) {
    for (const std::string& answer : answers) {
      SCOPED_TRACE(p.function + (": " + answer.substr(0, 40)));
      answers_[p.function] = answer;
      ExpectError(Call(), ErrorKind::kBadResponse, p.phase);
    }
    ExpectGoodAgain();
  }
}

TEST_F(BadInputTest, TheWrongShape) {
  Make();
  std::string million = R"({"labeled_paths":[],"default_labels":{"secrecy":["t")";
  for (int i = 0; i < 1'000'000; ++i) million += ",\"t\"";
  million += "]}}";
  const std::pair<Phase, std::string> cases[] = {
      {kPhases[0], R"({"difc_mode":1})"},
      {kPhases[0], R"({"difc_mode":"strict","agent":{"secrecy":[1]}})"},
      {kPhases[0], R"({"difc_mode":"strict","agent":"a"})"},
      {kPhases[1], R"({"resource":5})"},
      {kPhases[1], R"({"resource":{"secrecy":"a"}})"},
      {kPhases[1], R"({"resource":{"integrity":[1]}})"},
      {kPhases[1], R"({"Resource":{}})"},
      {kPhases[2], R"({"labeled_paths":5})"},
      {kPhases[2], R"({"labeled_paths":[{"path":1}]})"},
      {kPhases[2], R"({"labeled_paths":[{"path":"/0","labels":{"secrecy":[1]}}]})"},
      {kPhases[2], R"({"labeled_paths":[],"items_path":"/nowhere"})"},
      {kPhases[2], R"({"labeled_paths":[],"items_path":5})"},
      {kPhases[2], R"({"items":[{"data":1}]})"},
      {kPhases[2], million}};
  for (const auto& [p, answer] : cases) {
    SCOPED_TRACE(p.function + (": " + answer.substr(0, 60)));
    answers_[p.function] = answer;
    const Outcome out = Call();
    ExpectError(out, ErrorKind::kBadResponse, p.phase);
    EXPECT_FALSE(out.error->details().key.empty());
    ExpectGoodAgain();
  }
}

TEST_F(BadInputTest, AnswersThatDoNotFit) {
  Make();
  for (const Phase& p : kPhases) {
    SCOPED_TRACE(p.function);
    // Retried with the size that the guard asks for, up to the limit.
    std::string large = R"({"difc_mode":"strict","resource":{},"operation":"read","x":")";
    large += std::string(16 * kMiB - large.size() - 2, 'x') + "\"}";
    answers_[p.function] = large;
    EXPECT_EQ(Call().kind, OutcomeKind::kAllowed);
    Make();  // a guard that was not introduced to an agent yet
    answers_[p.function] = large + " ";
    const Outcome out = Call();
    ExpectError(out, ErrorKind::kLimit, p.phase);
    EXPECT_EQ(out.error->details().needed_size, 16 * kMiB + 1);
    EXPECT_EQ(out.error->details().limit, 16 * kMiB);
    ExpectGoodAgain();
  }
}

// The label functions return a number as they were told, without having written a thing.
TEST_F(BadInputTest, LengthsThatAreNone) {
  const std::pair<const char*, ErrorKind> cases[] = {
      {"-1", ErrorKind::kGuardError},          {"-3", ErrorKind::kGuardError},
      {"-2147483648", ErrorKind::kGuardError}, {"2147483647", ErrorKind::kBufferProtocol},
      {"4194305", ErrorKind::kBufferProtocol}, {"-2", ErrorKind::kLimit}};
  for (const auto& [number, kind] : cases) {
    SCOPED_TRACE(number);
    const std::string function = std::string("(param i32 i32 i32 i32) (result i32) (i32.const ") + number + "))";
    Make(("(module (memory (export \"memory\") 2) (func (export \"label_agent\") " + function +
          " (func (export \"label_resource\") " + function + " (func (export \"label_response\") " + function + ")")
             .c_str());
    ExpectError(Call(), kind, 0);
    EXPECT_TRUE(guard_->healthy());
  }
}

// Pointers that the guest gives to the host.
TEST_F(BadInputTest, PointersOutsideMemory) {
  constexpr const char* kBad = R"((module
    (import "env" "call_backend" (func $call_backend (param i32 i32 i32 i32 i32 i32) (result i32)))
    (import "env" "host_log" (func $host_log (param i32 i32 i32)))
    (memory (export "memory") 2)
    (data (i32.const 16) "get_thing")
    (func $f (export "label_agent") (export "label_resource") (export "label_response")
             (param $in i32) (param $len i32) (param $out i32) (param $cap i32) (result i32)
      (call $host_log (i32.const 1) (i32.const -1) (i32.const 10))
      (call $host_log (i32.const 1) (i32.const 16) (i32.const -1))
      ;; each of them -1, and all of them together as the guard's code
      (i32.add (i32.add
        (call $call_backend (i32.const -8) (i32.const 9) (i32.const 0) (i32.const 0) (local.get $out) (local.get $cap))
        (call $call_backend (i32.const 16) (i32.const -1) (i32.const 0) (i32.const 0) (local.get $out) (local.get $cap)))
      (i32.add
        (call $call_backend (i32.const 16) (i32.const 9) (i32.const -8) (i32.const 9) (local.get $out) (local.get $cap))
        (call $call_backend (i32.const 16) (i32.const 9) (i32.const 0) (i32.const 0) (i32.const -3) (i32.const 100))))))
  )";
  log_->threshold = LogLevel::kInfo;
  Make(kBad);
  const Outcome out = Call();
  ExpectError(out, ErrorKind::kGuardError, 0);
  EXPECT_EQ(out.error->details().guard_code, -4);
  EXPECT_TRUE(guard_->healthy());
  for (const std::string& line : log_->lines) EXPECT_THAT(line, testing::Not(HasSubstr("1 "))) << line;
}

TEST_F(BadInputTest, ATrapPoisonsAndNothingIsAllowedAfterwards) {
  constexpr const char* kTrap = R"((module
    (memory (export "memory") 2)
    (data (i32.const 16) "{\"difc_mode\":\"propagate\"}")
    (func (export "label_agent") (param i32 i32 i32 i32) (result i32)
      (memory.copy (local.get 2) (i32.const 16) (i32.const 25)) (i32.const 25))
    (func (export "label_resource") (param i32 i32 i32 i32) (result i32) (i32.load (i32.const -1)))
    (func (export "label_response") (param i32 i32 i32 i32) (result i32) unreachable)))";
  Make(kTrap);
  const Outcome first = Call();
  ExpectError(first, ErrorKind::kTrap, 1);
  EXPECT_EQ(first.error->details().trap, TrapCode::kMemoryOutOfBounds);
  EXPECT_FALSE(guard_->healthy());
  const Outcome second = Call();
  ExpectError(second, ErrorKind::kInstanceFailed, 0);
  ASSERT_TRUE(second.error->details().cause);
  EXPECT_EQ(second.error->details().cause->details().trap, TrapCode::kMemoryOutOfBounds);
}

// ---- Backends -------------------------------------------------------------------------------------------------------

TEST_F(BadInputTest, BackendsThatThrow) {
  Make();
  hooks_["get_thing"] = [](const CallOptions&) -> Result<std::string> { throw std::runtime_error("boom"); };
  ExpectError(Call(), ErrorKind::kBackend, 3);
  hooks_["get_thing"] = [](const CallOptions&) -> Result<std::string> { throw 5; };
  ExpectError(Call(), ErrorKind::kBackend, 3);
  ExpectGoodAgain();
  // Within the guard: -1, which this one hands on.
  for (const Phase& p : kPhases) {
    Make();
    hooks_[p.function] = [](const CallOptions&) -> Result<std::string> { throw 5; };
    ExpectError(Call(), ErrorKind::kGuardError, p.phase);
    ExpectGoodAgain();
  }
}

TEST_F(BadInputTest, BackendsThatHangEndWithTheCall) {
  const auto hang = [](const CallOptions& call) -> Result<std::string> {
    // A little longer than it should.
    const auto end = call.deadline ? *call.deadline + milliseconds(20) : Clock::time_point::max();
    while (Clock::now() < end && !call.stop.stop_requested()) std::this_thread::sleep_for(milliseconds(1));
    std::this_thread::sleep_for(milliseconds(20));
    return Fail(ErrorKind::kBackend, "gave up");
  };
  const auto soon = [] {
    return CallOptions{.deadline = Clock::now() + milliseconds(200), .stop = {}, .request_id = {}};
  };
  Make();
  hooks_["get_thing"] = hang;
  ExpectError(Call(soon()), ErrorKind::kBackend, 3);
  ExpectGoodAgain();
  // One that comes back too late: what it brought is not labelled any more.
  hooks_["get_thing"] = [&](const CallOptions& call) -> Result<std::string> {
    (void)hang(call);
    return "[1,2]";
  };
  ExpectError(Call(soon()), ErrorKind::kDeadline, 4);
  ExpectGoodAgain();
  // Within the guard, which was stopped midway: it is out of use.
  for (const Phase& p : kPhases) {
    Make();
    hooks_.clear();
    hooks_[p.function] = hang;
    ExpectError(Call(soon()), ErrorKind::kDeadline, p.phase);
    EXPECT_FALSE(guard_->healthy());
    std::stop_source stop;
    Make();
    hooks_[p.function] = [&](const CallOptions& call) {
      stop.request_stop();
      return hang(call);
    };
    ExpectError(Call({.deadline = {}, .stop = stop.get_token(), .request_id = {}}), ErrorKind::kCancelled, p.phase);
    EXPECT_FALSE(guard_->healthy());
  }
}

TEST_F(BadInputTest, BackendsThatAnswerAHundredMegabytes) {
  const std::string large = "\"" + std::string(100'000'000, 'x') + "\"";
  Make();
  answers_["get_thing"] = large;
  ExpectError(Call(), ErrorKind::kLimit, 4);  // more than a guard's input
  ExpectGoodAgain();
  for (const Phase& p : kPhases) {
    Make();
    answers_[p.function] = large;
    const Outcome out = Call();
    ExpectError(out, ErrorKind::kLimit, p.phase);
    EXPECT_EQ(out.error->details().needed_size, large.size());
    ExpectGoodAgain();
  }
}

TEST_F(BadInputTest, ResultsThatAreNoJson) {
  Make();
  for (const std::string text : {"", "x", "{", "\xff", "{} {}"}) {
    answers_["get_thing"] = text;
    ExpectError(Call(), ErrorKind::kBackend, 3);
  }
  answers_["get_thing"] = Nested(10'000);
  ExpectError(Call(), ErrorKind::kLimit, 3);
  ExpectGoodAgain();
}

}  // namespace
}  // namespace guardc
