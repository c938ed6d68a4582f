// What follows a failure where the guard is to be replaced: a fresh instance that knows what the last one was taught.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/unit/label/guard_fixture.h"
#include "tests/unit/label/lesson_guard.h"

namespace guardc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ReplaceTest : public GuardTest {
 protected:
  ReplaceTest() {
    options_.after_failure = AfterFailure::kReplace;
    options_.output_initial = 4096;
  }
  std::shared_ptr<Guard> Make() { return Guard::Create(ModuleFromWat(std::string(kLessonGuard)), options_).value(); }
  static Result<std::string> Teach(Guard& guard, std::string_view policy, const CallOptions& call = {}) {
    return guard.Call(LabelFunction::kAgent, policy, call);
  }
};

TEST_F(ReplaceTest, AfterEachKindOfFailure) {
  struct Case {
    std::string_view command;
    ErrorKind kind;
  };
  for (const Case& c : {Case{"u", ErrorKind::kTrap}, Case{"o", ErrorKind::kTrap}, Case{"e", ErrorKind::kExit},
                        Case{"l", ErrorKind::kDeadline}, Case{"f", ErrorKind::kDeadline}}) {
    SCOPED_TRACE(c.command);
    const auto guard = Make();
    ASSERT_TRUE(Teach(*guard, "T7"));
    EXPECT_EQ(Ask(*guard, "g").value(), "711");
    EXPECT_EQ(Ask(*guard, "g").value(), "721");
    const CallOptions call = {.deadline =
                                  Clock::now() + (c.kind == ErrorKind::kDeadline ? milliseconds(200) : seconds(60))};
    EXPECT_EQ(KindOf(Ask(*guard, c.command, call)), c.kind);
    EXPECT_TRUE(guard->healthy());
    // Taught and initialised, but what it counted is gone.
    EXPECT_EQ(Ask(*guard, "g").value(), "711");
    EXPECT_EQ(Ask(*guard, "g").value(), "721");
  }
}

TEST_F(ReplaceTest, FailuresInTheAllocatorCountAsWell) {
  const auto guard = Make();
  ASSERT_TRUE(Teach(*guard, "T7"));
  ASSERT_TRUE(Ask(*guard, "a"));
  EXPECT_EQ(KindOf(Ask(*guard, "g", {.deadline = Clock::now() + milliseconds(200)})), ErrorKind::kDeadline);
  EXPECT_EQ(Ask(*guard, "g").value(), "711");
  // The answer is there before the buffers are freed.
  EXPECT_TRUE(Ask(*guard, "d"));
  EXPECT_EQ(Ask(*guard, "g").value(), "711");
}

TEST_F(ReplaceTest, AGuardThatWasTaughtNothingStaysSo) {
  const auto guard = Make();
  EXPECT_EQ(KindOf(Ask(*guard, "u")), ErrorKind::kTrap);
  EXPECT_EQ(Ask(*guard, "g").value(), "-11");
}

TEST_F(ReplaceTest, OnlyALessonThatWasTakenCounts) {
  const auto guard = Make();
  ASSERT_TRUE(Teach(*guard, "T1"));
  ASSERT_TRUE(Teach(*guard, "T2"));
  ASSERT_TRUE(Teach(*guard, "R3"));   // refused
  ASSERT_FALSE(Teach(*guard, "N4"));  // an error
  EXPECT_EQ(Ask(*guard, "g").value(), "411");
  EXPECT_EQ(KindOf(Ask(*guard, "u")), ErrorKind::kTrap);
  EXPECT_EQ(Ask(*guard, "g").value(), "211");
}

TEST_F(ReplaceTest, AfterATrapInLabelAgentTheLastPolicyHolds) {
  const auto guard = Make();
  ASSERT_TRUE(Teach(*guard, "T1"));
  EXPECT_EQ(KindOf(Teach(*guard, "u2")), ErrorKind::kTrap);
  EXPECT_EQ(Ask(*guard, "g").value(), "111");
  EXPECT_EQ(KindOf(Teach(*guard, "l2", {.deadline = Clock::now() + milliseconds(50)})), ErrorKind::kDeadline);
  ASSERT_TRUE(Teach(*guard, "T3"));
  EXPECT_EQ(Ask(*guard, "g").value(), "311");
}

TEST_F(ReplaceTest, AnOtherAnswerThanBeforePutsItOutOfUse) {
  std::string answer = R"({"difc_mode":"filter","agent":{"secrecy":["a"]},"normalized_policy":{}})";
  options_.backend = [&](auto, auto, const auto&) { return Result<std::string>(answer); };
  const auto guard = Make();
  ASSERT_TRUE(Teach(*guard, "B5"));
  EXPECT_EQ(KindOf(Ask(*guard, "u")), ErrorKind::kTrap);
  answer = R"({"difc_mode":"FILTER","agent":{"secrecy":["a"],"integrity":[]}})";  // the same
  EXPECT_EQ(Ask(*guard, "g").value(), "511");
  EXPECT_EQ(KindOf(Ask(*guard, "u")), ErrorKind::kTrap);
  answer = R"({"difc_mode":"propagate","agent":{"secrecy":["a"]}})";
  for (int i = 0; i < 3; ++i) {
    const auto failed = Ask(*guard, "g");
    ASSERT_EQ(KindOf(failed), ErrorKind::kInstanceFailed);
    EXPECT_EQ(failed.error().details().cause->kind, ErrorKind::kBadResponse);
    EXPECT_FALSE(guard->healthy());
    answer = R"({"difc_mode":"filter","agent":{"secrecy":["a"]}})";  // too late
  }
  EXPECT_EQ(KindOf(Teach(*guard, "T1")), ErrorKind::kInstanceFailed);
}

TEST_F(ReplaceTest, AGuardThatCannotBeTaughtAgainIsOutOfUse) {
  Result<std::string> answer = R"({"difc_mode":"strict"})";
  options_.backend = [&](auto, auto, const auto&) { return answer; };
  const auto guard = Make();
  ASSERT_TRUE(Teach(*guard, "B5"));
  EXPECT_EQ(KindOf(Ask(*guard, "u")), ErrorKind::kTrap);
  answer = Fail(ErrorKind::kBackend, "gone");
  const auto failed = Ask(*guard, "g");
  ASSERT_EQ(KindOf(failed), ErrorKind::kInstanceFailed);
  EXPECT_EQ(failed.error().details().cause->kind, ErrorKind::kGuardError);
  EXPECT_NE(failed.error().message.find("unreachable"), std::string::npos) << failed.error().message;
  EXPECT_FALSE(guard->healthy());
}

// A caller that is in a hurry must not end the guard for the others.
TEST_F(ReplaceTest, BoundsOfACallEndItAlone) {
  bool hangs = false;
  options_.backend = [&](auto, auto, const auto&) -> Result<std::string> {
    return hangs ? "" : R"({"difc_mode":"strict"})";
  };
  const auto guard = Make();
  ASSERT_TRUE(Teach(*guard, "B5"));
  EXPECT_EQ(KindOf(Ask(*guard, "u")), ErrorKind::kTrap);
  hangs = true;
  EXPECT_EQ(KindOf(Ask(*guard, "g", {.deadline = Clock::now() + milliseconds(50)})), ErrorKind::kDeadline);
  EXPECT_EQ(KindOf(Ask(*guard, "g", {.deadline = Clock::now() - milliseconds(50)})), ErrorKind::kDeadline);
  std::stop_source source;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(milliseconds(30));
    source.request_stop();
  });
  EXPECT_EQ(KindOf(Ask(*guard, "g", {.stop = source.get_token()})), ErrorKind::kCancelled);
  EXPECT_TRUE(guard->healthy());
  hangs = false;
  EXPECT_EQ(Ask(*guard, "g").value(), "511");
}

TEST_F(ReplaceTest, IsToldInTheLog) {
  const auto guard = Make();
  EXPECT_EQ(KindOf(Ask(*guard, "u")), ErrorKind::kTrap);
  EXPECT_TRUE(Ask(*guard, "g", {.request_id = "r2"}));
  ASSERT_EQ(log_->lines.size(), 1u);
  EXPECT_TRUE(log_->lines[0].starts_with("2 a fresh instance")) << log_->lines[0];
  EXPECT_TRUE(log_->lines[0].ends_with("[r2]")) << log_->lines[0];
}

TEST_F(ReplaceTest, AmongManyCallers) {
  const auto guard = Make();
  ASSERT_TRUE(Teach(*guard, "T7"));
  std::atomic<int> trapped = 0, answered = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 50; ++i) {
          const auto answer = Ask(*guard, (t + i) % 5 == 0 ? "u" : "g");
          if (KindOf(answer) == ErrorKind::kTrap) ++trapped;
          if (answer && answer->starts_with("7")) ++answered;
        }
      });
    }
  }
  EXPECT_EQ(trapped, 40);
  EXPECT_EQ(answered, 160);
}

TEST_F(ReplaceTest, ClosesAfterAFailure) {
  const auto guard = Make();
  EXPECT_EQ(KindOf(Ask(*guard, "u")), ErrorKind::kTrap);
  EXPECT_TRUE(guard->Close());
  EXPECT_EQ(KindOf(Ask(*guard, "g")), ErrorKind::kClosed);
}

}  // namespace
}  // namespace guardc
