// Faults of the host are not ours: they reach the handler that was there before, or that came after. TRAP-2. Each in a
// process of its own, since handlers stay.
#include <signal.h>
#include <unistd.h>

#include "tests/trap/guest_fixture.h"

namespace guardc {
namespace {

void HostHandler(int signal, siginfo_t* info, void*) {
  // The same arguments as the kernel gave.
  _exit(info->si_signo == signal && info->si_addr == reinterpret_cast<void*>(8) ? 42 : 1);
}

void InstallHostHandler() {
  struct sigaction action = {};
  action.sa_sigaction = &HostHandler;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGSEGV, &action, nullptr);
}

TEST(HostFaultDeathTest, ReachesTheHandlerFromBefore) {
  EXPECT_EXIT(
      {
        InstallHostHandler();
        Guest guest({.fail_after_trap = false});
        if (guest.Run1("load", 1 << 20)) _exit(2);
        NullDereference();
      },
      ::testing::ExitedWithCode(42), "");
}

TEST(HostFaultDeathTest, ReachesTheHandlerFromBeforeWithinAHostFunction) {
  EXPECT_EXIT(
      {
        InstallHostHandler();
        Guest guest;
        guest.log.on_line = NullDereference;
        static_cast<void>(guest.Run("log"));
        _exit(2);
      },
      ::testing::ExitedWithCode(42), "");
}

TEST(HostFaultDeathTest, ReachesAHandlerFromAfter) {
  EXPECT_EXIT(
      {
        Guest guest({.fail_after_trap = false});
        if (guest.Run1("load", 1 << 20)) _exit(2);
        InstallHostHandler();
        NullDereference();
      },
      ::testing::ExitedWithCode(42), "");
}

struct sigaction chained;

TEST(HostFaultDeathTest, ALaterHandlerThatHandsOnKeepsTrapsAlive) {
  EXPECT_EXIT(
      {
        Guest guest({.fail_after_trap = false});
        struct sigaction action = {};
        action.sa_sigaction = [](int signal, siginfo_t* info, void* context) {
          chained.sa_sigaction(signal, info, context);
        };
        action.sa_flags = SA_SIGINFO | SA_ONSTACK;
        sigaction(SIGSEGV, &action, &chained);
        const Result<uint32_t> result = guest.Run1("load", 1 << 20);
        _exit(!result && result.error().kind == ErrorKind::kTrap ? 42 : 1);
      },
      ::testing::ExitedWithCode(42), "");
}

TEST(HostFaultDeathTest, WithoutAHandlerTheDefaultEndsTheProcess) {
  EXPECT_EXIT(
      {
        signal(SIGSEGV, SIG_DFL);
        Guest guest;
        guest.log.on_line = NullDereference;
        static_cast<void>(guest.Run("log"));
        _exit(2);
      },
      ::testing::KilledBySignal(SIGSEGV), "");
}

TEST(HostFaultDeathTest, SentSignalsKeepTheirDefault) {
  EXPECT_EXIT(
      {
        signal(SIGFPE, SIG_DFL);
        const Guest guest;
        kill(getpid(), SIGFPE);
        for (;;) pause();
      },
      ::testing::KilledBySignal(SIGFPE), "");
}

TEST(HostFaultDeathTest, AStraySignalOfInterruptionDoesNothing) {
  EXPECT_EXIT(
      {
        Guest guest;
        kill(getpid(), 34);
        sigqueue(getpid(), 34, {});
        raise(34);
        guest.log.on_line = [] { raise(34); };
        _exit(guest.Run("log") ? 42 : 1);
      },
      ::testing::ExitedWithCode(42), "");
}

// A fault in host code that happens to touch guest memory is the host's.
TEST(HostFaultDeathTest, AHostAccessBeyondGuestMemoryIsTheHosts) {
  EXPECT_EXIT(
      {
        struct sigaction action = {};
        action.sa_handler = [](int) { _exit(42); };
        sigaction(SIGSEGV, &action, nullptr);
        Guest guest;
        guest.log.on_line = [&] {
          const auto data = guest.instance->ExportedMemory("memory")->data();
          *const_cast<volatile std::byte*>(data.data() + data.size()) = std::byte{1};
        };
        static_cast<void>(guest.Run("log"));
        _exit(2);
      },
      ::testing::ExitedWithCode(42), "");
}

}  // namespace
}  // namespace guardc
