// What the host's process may do with its signals, stacks and limits, and guests trap and stop all the same, or an
// error says why not (TRAP-6, INT-1). Each in a process of its own, since handlers and limits stay.
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <utility>

#include "tests/trap/guest_fixture.h"

namespace guardc {
namespace {

using namespace std::chrono_literals;

constexpr int kDone = 42;

bool Traps(Guest& guest, std::string_view function, TrapCode trap) {
  const Result<void> result = guest.Run(function);
  return !result && result.error().kind == ErrorKind::kTrap && result.error().details().trap == trap;
}

bool LoadTraps(Guest& guest) {
  const Result<uint32_t> result = guest.Run1("load", 1 << 20);
  return !result && result.error().kind == ErrorKind::kTrap;
}

bool RecursionTraps(Guest& guest) {
  const Result<uint32_t> result = guest.Run1("recurse", 0);
  return !result && result.error().details().trap == TrapCode::kStackExhausted;
}

bool IsStopped(Guest& guest, std::string_view function = "spin") {
  const Result<void> result = guest.Run(function, {.deadline = Clock::now() + 2ms});
  return !result && result.error().kind == ErrorKind::kDeadline;
}

[[noreturn]] void EndWith(bool is_right) { _exit(is_right ? kDone : 1); }

// ---- Handlers that come later ---------------------------------------------------------------------------------------

void Install(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_ONSTACK;
  sigaction(signal, &action, nullptr);
}

void LeaveWithSeven(int) { _exit(7); }

class LaterHandler : public ::testing::TestWithParam<std::pair<const char*, void (*)(int)>> {};
INSTANTIATE_TEST_SUITE_P(All, LaterHandler,
                         ::testing::Values(std::pair{"Default", SIG_DFL}, std::pair{"Ignored", SIG_IGN},
                                           std::pair{"ACrashReporter", &LeaveWithSeven}),
                         [](const auto& test) { return std::string(test.param.first); });

TEST_P(LaterHandler, BetweenCreationAndTheFirstCall) {
  EXPECT_EXIT(
      {
        Guest guest({.fail_after_trap = false});
        Install(SIGSEGV, GetParam().second);
        EndWith(LoadTraps(guest));
      },
      ::testing::ExitedWithCode(kDone), "");
}

TEST_P(LaterHandler, BetweenTwoCalls) {
  EXPECT_EXIT(
      {
        Guest guest({.fail_after_trap = false});
        bool right = LoadTraps(guest);
        for (int i = 0; i < 100; ++i) {
          Install(SIGSEGV, GetParam().second);
          right = right && LoadTraps(guest) && RecursionTraps(guest);
        }
        EndWith(right);
      },
      ::testing::ExitedWithCode(kDone), "");
}

// Who takes SIGILL alone is noticed after 20 microseconds, or where another guard is created.
TEST_P(LaterHandler, OfOtherFaults) {
  EXPECT_EXIT(
      {
        Guest guest({.fail_after_trap = false});
        bool right = Traps(guest, "unreachable", TrapCode::kUnreachable);
        for (const int signal : {SIGILL, SIGFPE, SIGBUS}) Install(signal, GetParam().second);
        std::this_thread::sleep_for(1ms);
        right = right && Traps(guest, "unreachable", TrapCode::kUnreachable);
        for (const int signal : {SIGILL, SIGFPE, SIGBUS}) Install(signal, GetParam().second);
        const Guest another;
        EndWith(right && Traps(guest, "unreachable", TrapCode::kUnreachable));
      },
      ::testing::ExitedWithCode(kDone), "");
}

TEST_P(LaterHandler, OfTheSignalOfInterruption) {
  EXPECT_EXIT(
      {
        Guest guest({.fail_after_trap = false});
        bool right = IsStopped(guest);
        Install(34, GetParam().second);
        EndWith(right && IsStopped(guest));
      },
      ::testing::ExitedWithCode(kDone), "");
}

TEST(LaterHandlerDeathTest, GetsTheHostsFaults) {
  EXPECT_EXIT(
      {
        Guest guest({.fail_after_trap = false});
        Install(SIGSEGV, &LeaveWithSeven);
        if (!LoadTraps(guest)) _exit(1);
        NullDereference();
      },
      ::testing::ExitedWithCode(7), "");
}

struct sigaction saved;
void CallSaved(int signal, siginfo_t* info, void* context) {
  static_cast<void>(!write(STDERR_FILENO, "c", 1));
  saved.sa_sigaction(signal, info, context);
}
void InstallSaving(void (*handler)(int, siginfo_t*, void*)) {
  struct sigaction action = {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigaction(SIGSEGV, &action, &saved);
}

// As Python's faulthandler: tells, puts back what it found, and raises the signal again.
void TellAndRaise(int signal, siginfo_t*, void*) {
  static_cast<void>(!write(STDERR_FILENO, "t", 1));
  sigaction(SIGSEGV, &saved, nullptr);
  raise(signal);
}

TEST(LaterHandlerDeathTest, ThatTellsAndRaisesAgainTellsOnce) {
  EXPECT_EXIT(
      {
        Install(SIGSEGV, SIG_DFL);
        Guest guest({.fail_after_trap = false});
        InstallSaving(&TellAndRaise);
        if (!LoadTraps(guest)) _exit(1);
        NullDereference();
      },
      ::testing::KilledBySignal(SIGSEGV), "^t$");
}

TEST(LaterHandlerDeathTest, ThatPutsOursBackIsGone) {
  EXPECT_EXIT(
      {
        Install(SIGSEGV, &LeaveWithSeven);
        Guest guest({.fail_after_trap = false});
        bool right = true;
        for (int i = 0; i < 1000; ++i) {  // enabled and disabled without end
          InstallSaving(&TellAndRaise);
          right = right && LoadTraps(guest);
          sigaction(SIGSEGV, &saved, nullptr);
          right = right && LoadTraps(guest);
        }
        if (!right) _exit(1);
        NullDereference();
      },
      ::testing::ExitedWithCode(7), "^$");
}

TEST(LaterHandlerDeathTest, ThatCallsOursIsCalledOnce) {
  EXPECT_EXIT(
      {
        Install(SIGSEGV, &LeaveWithSeven);
        Guest guest({.fail_after_trap = false});
        InstallSaving(&CallSaved);
        if (!LoadTraps(guest)) _exit(1);
        NullDereference();
      },
      ::testing::ExitedWithCode(7), "^c$");
}

// It found ours, which it calls, and which calls it.
TEST(LaterHandlerDeathTest, ACircleOfHandlersEnds) {
  EXPECT_EXIT(
      {
        Install(SIGSEGV, SIG_DFL);
        Guest guest({.fail_after_trap = false});
        InstallSaving(&CallSaved);
        if (!LoadTraps(guest)) _exit(1);
        InstallSaving(&CallSaved);
        if (!LoadTraps(guest)) _exit(1);
        NullDereference();
      },
      ::testing::KilledBySignal(SIGSEGV), "^c+$");
}

template <int kNumber>
void Numbered(int) {
  _exit(kNumber);
}

TEST(LaterHandlerDeathTest, WithoutEndAreAnError) {
  EXPECT_EXIT(
      {
        Guest guest({.fail_after_trap = false});
        const auto handlers = []<int... kNumber>(std::integer_sequence<int, kNumber...>) {
          return std::array{&Numbered<kNumber>...};
        }(std::make_integer_sequence<int, 80>());
        size_t traps = 0;
        for (const auto handler : handlers) {
          Install(SIGSEGV, handler);
          const Result<uint32_t> result = guest.Run1("load", 1 << 20);
          if (result) _exit(1);
          if (result.error().kind == ErrorKind::kUnsupported) break;
          if (result.error().kind != ErrorKind::kTrap) _exit(2);
          ++traps;
        }
        EndWith(traps > 50 && traps < handlers.size());
      },
      ::testing::ExitedWithCode(kDone), "");
}

// ---- Masks ----------------------------------------------------------------------------------------------------------

void BlockAll() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

TEST(BlockedSignalsDeathTest, AfterTheFirstCall) {
  EXPECT_EXIT(
      {
        Guest guest({.fail_after_trap = false});
        bool right = LoadTraps(guest) && IsStopped(guest);
        BlockAll();
        right = right && LoadTraps(guest);
        BlockAll();
        right = right && RecursionTraps(guest);
        BlockAll();
        right = right && Traps(guest, "unreachable", TrapCode::kUnreachable);
        BlockAll();
        EndWith(right && IsStopped(guest));
      },
      ::testing::ExitedWithCode(kDone), "");
}

TEST(BlockedSignalsDeathTest, OnANewThread) {
  EXPECT_EXIT(
      {
        Guest guest({.fail_after_trap = false});
        BlockAll();  // inherited
        bool right = false;
        std::thread([&] { right = IsStopped(guest) && LoadTraps(guest); }).join();
        EndWith(right);
      },
      ::testing::ExitedWithCode(kDone), "");
}

// ---- Alternate stacks -----------------------------------------------------------------------------------------------

class SmallStack : public ::testing::TestWithParam<size_t> {};
INSTANTIATE_TEST_SUITE_P(Sizes, SmallStack, ::testing::Values(2048, 3072, 8192));

TEST_P(SmallStack, IsLeftAloneAndNotUsed) {
  EXPECT_EXIT(
      {
        Guest guest({.fail_after_trap = false});
        std::vector<char> memory(GetParam());
        stack_t own = {};
        own.ss_sp = memory.data();
        own.ss_size = memory.size();
        // Where the kernel knows that no signal fits it may refuse; then nobody can have such a stack.
        if (sigaltstack(&own, nullptr) != 0) _exit(kDone);
        std::this_thread::sleep_for(1ms);
        bool right = RecursionTraps(guest) && LoadTraps(guest) && IsStopped(guest) && RecursionTraps(guest);
        stack_t now = {};
        sigaltstack(nullptr, &now);
        EndWith(right && now.ss_sp == memory.data() && now.ss_size == memory.size());
      },
      ::testing::ExitedWithCode(kDone), "");
}

Guest* called_from_handler = nullptr;
int handler_answer = 0;

void CallFromHandler(int) {
  const Result<uint32_t> result = called_from_handler->Run1("load", 16);
  handler_answer = !result && result.error().kind == ErrorKind::kUnsupported ? 1 : 2;
}

TEST(AlternateStackDeathTest, ACallFromAHandlerOnItIsAnError) {
  EXPECT_EXIT(
      {
        Guest guest({.fail_after_trap = false});
        called_from_handler = &guest;
        Install(SIGUSR1, &CallFromHandler);
        bool right = LoadTraps(guest);
        raise(SIGUSR1);
        right = right && handler_answer == 1 && !guest.instance->failed();
        EndWith(right && LoadTraps(guest) && guest.Run1("load", 16).has_value());
      },
      ::testing::ExitedWithCode(kDone), "");
}

// ---- Limits ---------------------------------------------------------------------------------------------------------

// ulimit -i 0, for real-time signals.
void LetNoSignalBeQueued() {
  const rlimit none = {};
  setrlimit(RLIMIT_SIGPENDING, &none);
}

TEST(PendingSignalsLimitDeathTest, DeadlinesFireAllTheSame) {
  EXPECT_EXIT(
      {
        LetNoSignalBeQueued();
        Guest guest({.fail_after_trap = false});
        bool right = true;
        for (int i = 0; i < 20; ++i) {
          right = right && IsStopped(guest) && IsStopped(guest, "fill") && IsStopped(guest, "log_forever");
          right = right && LoadTraps(guest);
        }
        EndWith(right);
      },
      ::testing::ExitedWithCode(kDone), "");
}

TEST(PendingSignalsLimitDeathTest, StopsReachASleeper) {
  EXPECT_EXIT(
      {
        LetNoSignalBeQueued();
        Guest guest({.fail_after_trap = false});
        bool slept = true;
        guest.log.on_line = [&] { slept = guest.host.control->SleepUntil(Clock::now() + 1min); };
        std::stop_source stop;
        std::jthread stopper([&] {
          std::this_thread::sleep_for(20ms);
          stop.request_stop();
        });
        const Result<void> result = guest.Run("log", {.stop = stop.get_token()});
        EndWith(!slept && !result && result.error().kind == ErrorKind::kCancelled);
      },
      ::testing::ExitedWithCode(kDone), "");
}

}  // namespace
}  // namespace guardc
