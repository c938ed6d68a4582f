// Deadlines and stop tokens, wherever the guest is. INT-1.
#include <signal.h>
#include <sys/time.h>

#include <atomic>
#include <chrono>
#include <stop_token>
#include <thread>

#include "runtime/call/guest_run.h"
#include "tests/trap/guest_fixture.h"

namespace guardc {
namespace {

using namespace std::chrono_literals;

CallOptions Within(std::chrono::nanoseconds time) { return {.deadline = Clock::now() + time}; }

void ExpectInterrupted(const Result<void>& result, ErrorKind kind) {
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, kind) << result.error().message;
  EXPECT_EQ(result.error().details().trap, TrapCode::kInterrupted);
}

// A loaded machine may use up a short deadline before the guest is entered: then with a longer one.
Result<void> RunIntoDeadline(Guest& guest, std::string_view function, std::chrono::nanoseconds time) {
  for (;;) {
    Result<void> result = guest.Run(function, Within(time));
    if (result || result.error().details().trap != TrapCode::kNone || time > 60s) return result;
    time *= 2;
  }
}

TEST(Interrupt, ADeadlineStopsAnEndlessLoop) {
  Guest guest;
  const auto start = Clock::now();
  const Result<void> result = RunIntoDeadline(guest, "spin", 10ms);
  const auto took = Clock::now() - start;
  ExpectInterrupted(result, ErrorKind::kDeadline);
  EXPECT_THAT(FrameNames(result.error()), ::testing::ElementsAre("spin"));
  EXPECT_GE(took, 10ms);
  EXPECT_LT(took, 20s);
  EXPECT_TRUE(guest.instance->failed());
}

TEST(Interrupt, ADeadlineStopsABulkLoop) {
  Guest guest;
  const Result<void> result = RunIntoDeadline(guest, "fill", 10ms);
  ExpectInterrupted(result, ErrorKind::kDeadline);
  EXPECT_THAT(FrameNames(result.error()), ::testing::ElementsAre("fill"));
}

TEST(Interrupt, AStopTokenStopsAnEndlessLoop) {
  Guest guest;
  std::stop_source source;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(10ms);
    source.request_stop();
  });
  ExpectInterrupted(guest.Run("spin", {.stop = source.get_token()}), ErrorKind::kCancelled);
}

TEST(Interrupt, NothingRunsAfterTheDeadlineOrTheStop) {
  Guest guest;
  const Result<void> late = guest.Run("unreachable", Within(-1ms));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::kDeadline);
  std::stop_source source;
  source.request_stop();
  const Result<void> stopped = guest.Run("unreachable", {.stop = source.get_token()});
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().kind, ErrorKind::kCancelled);
  EXPECT_FALSE(guest.instance->failed());
  EXPECT_TRUE(guest.Run("log", Within(10s)));
}

TEST(Interrupt, TheReturnFromAHostFunctionTestsTheFlag) {
  Guest guest;
  guest.log.on_line = [] { std::this_thread::sleep_for(100ms); };
  const Result<void> result = RunIntoDeadline(guest, "log", 20ms);
  ExpectInterrupted(result, ErrorKind::kDeadline);
  EXPECT_EQ(guest.log.lines.size(), 1u);
  EXPECT_THAT(FrameNames(result.error()), ::testing::ElementsAre("log"));
}

TEST(Interrupt, ASleepingHostFunctionIsWoken) {
  for (const bool by_deadline : {true, false}) {
    Guest guest;
    std::stop_source source;
    std::jthread stopper([&] {
      std::this_thread::sleep_for(10ms);
      if (!by_deadline) source.request_stop();
    });
    bool slept = true;
    guest.log.on_line = [&] { slept = guest.host.control->SleepUntil(Clock::now() + 60s); };
    CallOptions options = {.stop = source.get_token()};
    if (by_deadline) options.deadline = Clock::now() + 500ms;
    ExpectInterrupted(guest.Run("log", options), by_deadline ? ErrorKind::kDeadline : ErrorKind::kCancelled);
    EXPECT_FALSE(slept);
    EXPECT_EQ(guest.host.control, nullptr);
  }
}

// Wherever the deadline comes while the sleep begins, it is no end of the sleep. The sweep meets every moment.
TEST(Interrupt, ADeadlineAtTheBeginningOfASleepInterruptsIt) {
  Guest guest({.fail_after_trap = false});
  int slept = 0, begun = 0;
  guest.log.on_line = [&] {
    ++begun;
    slept += guest.host.control->SleepUntil(Clock::now() + 60s) ? 1 : 0;
  };
  for (int i = 0; i < 6000; ++i) {
    guest.log.lines.clear();
    static_cast<void>(guest.Run("log", Within(std::chrono::nanoseconds(500 + i * 3))));
  }
  EXPECT_EQ(slept, 0);
  EXPECT_GT(begun, 100);
}

TEST(Interrupt, ASleepUndisturbedEndsInTime) {
  Guest guest;
  guest.log.on_line = [&] {
    EXPECT_TRUE(guest.host.control->SleepUntil(Clock::now() + 5ms));
    EXPECT_FALSE(guest.host.control->Interrupted());
  };
  EXPECT_TRUE(guest.Run("log", Within(60s)));
  EXPECT_TRUE(guest.Run("log"));
}

TEST(Interrupt, AHostFunctionMayStopItsOwnCall) {
  Guest guest;
  std::stop_source source;
  guest.log.on_line = [&] {
    source.request_stop();
    EXPECT_TRUE(guest.host.control->Interrupted());
    EXPECT_TRUE(guest.host.control->Options().stop.stop_requested());
  };
  ExpectInterrupted(guest.Run("log", {.stop = source.get_token()}), ErrorKind::kCancelled);
}

TEST(Interrupt, AnOuterRequestEndsTheInnerGuest) {
  Guest outer, inner;
  outer.log.on_line = [&] {
    // The inner call has no deadline of its own, or a later one.
    ExpectInterrupted(inner.Run("spin", Within(60s)), ErrorKind::kDeadline);
  };
  ExpectInterrupted(outer.Run("log", Within(500ms)), ErrorKind::kDeadline);
  EXPECT_TRUE(inner.instance->failed());
  EXPECT_TRUE(outer.instance->failed());
}

TEST(Interrupt, AnInnerRequestLeavesTheOuterGuestAlone) {
  Guest outer, inner;
  outer.log.on_line = [&] { ExpectInterrupted(RunIntoDeadline(inner, "spin", 10ms), ErrorKind::kDeadline); };
  EXPECT_TRUE(outer.Run("log", Within(60s)));
  EXPECT_FALSE(outer.instance->failed());
}

TEST(Interrupt, NoKickReachesALaterCall) {
  Guest guest({.fail_after_trap = false});
  int interrupted = 0;
  for (int i = 0; i < 200; ++i) {
    std::stop_source source;
    std::jthread stopper([&source, i] {
      for (int spin = 0; spin < i * 40; ++spin) asm volatile("");
      source.request_stop();
    });
    const Result<uint32_t> result = guest.Run1("load", 16, {.stop = source.get_token()});
    if (!result) {
      EXPECT_EQ(result.error().kind, ErrorKind::kCancelled);
      ++interrupted;
    }
    stopper.join();
    EXPECT_EQ(guest.Run1("load", 16).value(), 0x6c6c6568u);
  }
  RecordProperty("interrupted", interrupted);
}

TEST(Interrupt, AmongHostCalls) {
  Guest guest({.fail_after_trap = false});
  for (int i = 0; i < 50; ++i) {
    guest.log.lines.clear();
    const CallOptions options = Within(std::chrono::microseconds(200 + 37 * i));
    const Result<void> result = guest.Run("log_forever", options);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::kDeadline);
  }
}

// The entries of one run: the request comes while the host has the thread, and the next entry finds it.
TEST(Interrupt, ARequestBetweenTwoEntriesIsFoundByTheNext) {
  Guest guest;
  std::stop_source source;
  const CallOptions call = {.stop = source.get_token()};
  const GuestFunction log = GuestFunction::Bind(*guest.instance, "log", {}).value();
  abi::Value none = {};
  {
    GuestRun run(guest.instance->impl(), call);
    EXPECT_TRUE(log.Call(&none, guest.host, run));
    EXPECT_TRUE(log.Call(&none, guest.host, run));
    source.request_stop();
    const Result<void> stopped = log.Call(&none, guest.host, run);
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().kind, ErrorKind::kCancelled);
    EXPECT_FALSE(log.Call(&none, guest.host, run));
  }
  EXPECT_EQ(guest.log.lines.size(), 2u);
  EXPECT_FALSE(guest.instance->failed());
  EXPECT_TRUE(guest.Run("log", Within(60s)));
}

TEST(Interrupt, ARunEndsWithTheGuest) {
  Guest guest({.fail_after_trap = false});
  const CallOptions call = Within(60s);
  const GuestFunction trap = GuestFunction::Bind(*guest.instance, "unreachable", {}).value();
  abi::Value none = {};
  GuestRun run(guest.instance->impl(), call);
  ExpectTrap(trap.Call(&none, guest.host, run), TrapCode::kUnreachable, "unreachable");
  EXPECT_EQ(guest.host.control, nullptr);
  EXPECT_TRUE(guest.Run("log"));  // not in a call any more
  ExpectTrap(trap.Call(&none, guest.host, run), TrapCode::kUnreachable, "unreachable");
}

TEST(Interrupt, AnInstanceIsInOneRunAtATime) {
  Guest guest;
  const CallOptions call;
  const GuestFunction log = GuestFunction::Bind(*guest.instance, "log", {}).value();
  abi::Value none = {};
  GuestRun run(guest.instance->impl(), call);
  EXPECT_TRUE(log.Call(&none, guest.host, run));
  EXPECT_EQ(guest.Run("log").error().kind, ErrorKind::kInvalidArgument);
  EXPECT_TRUE(log.Call(&none, guest.host, run));
}

// Foreign signals that land in guest code, on the guest's stack where they have no SA_ONSTACK.
class Timers : public ::testing::TestWithParam<int> {};

// Not atomic: an atomic operation within a handler lets thread sanitizer run the next handler in it, after which all
// signals stay blocked (CONTRIBUTING.md).
volatile sig_atomic_t timer_signals = 0;

TEST_P(Timers, ForeignSignalsDoNotDisturb) {
  struct sigaction action = {};
  struct sigaction old_alarm, old_prof;
  action.sa_handler = [](int) { timer_signals = timer_signals + 1; };
  action.sa_flags = SA_RESTART | GetParam();
  sigaction(SIGALRM, &action, &old_alarm);
  sigaction(SIGPROF, &action, &old_prof);
  const itimerval often = {.it_interval = {0, 200}, .it_value = {0, 200}};
  const itimerval never = {};
  setitimer(ITIMER_REAL, &often, nullptr);
  setitimer(ITIMER_PROF, &often, nullptr);
  Guest guest({.fail_after_trap = false});
  timer_signals = 0;
  for (int i = 0; i < 30; ++i) {
    ExpectInterrupted(RunIntoDeadline(guest, i % 2 == 0 ? "spin" : "log_forever", 2ms), ErrorKind::kDeadline);
    ExpectTrap(guest.Run("unreachable"), TrapCode::kUnreachable, "unreachable");
    ExpectTrap(guest.Run1("load", 1 << 20), TrapCode::kMemoryOutOfBounds, "load");
    guest.log.lines.clear();
  }
  setitimer(ITIMER_REAL, &never, nullptr);
  setitimer(ITIMER_PROF, &never, nullptr);
  sigaction(SIGALRM, &old_alarm, nullptr);
  sigaction(SIGPROF, &old_prof, nullptr);
  EXPECT_GT(timer_signals, 5);
}
INSTANTIATE_TEST_SUITE_P(Interrupt, Timers, ::testing::Values(0, SA_ONSTACK));

TEST(Interrupt, AfterAFork) {
  Guest guest({.fail_after_trap = false});
  ExpectInterrupted(RunIntoDeadline(guest, "spin", 2ms), ErrorKind::kDeadline);
  EXPECT_EXIT(
      {
        const Result<void> result = guest.Run("spin", Within(2ms));
        _exit(!result && result.error().kind == ErrorKind::kDeadline ? 7 : 1);
      },
      ::testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace guardc
