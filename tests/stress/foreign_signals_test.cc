// Endless guests in a process that uses signals itself, from before the first guard on: its own SIGSEGV handler, an
// alarm that rings all the time, and a profiler that walks the stack of whatever it meets. A deadline of 10 ms stops
// the guest wherever it is, and the process's own signals go where they went.
#include <execinfo.h>
#include <gtest/gtest.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "guardc/guard.h"
#include "guardc/label.h"
#include "guardc/pool.h"
#include "tests/stress/stress_support.h"

namespace guardc {
namespace {

using std::chrono::milliseconds;

// Counted by handlers, read by Read. Atomic, but not by way of thread sanitizer: it runs handlers late, with all
// signals blocked, and each atomic operation and intercepted function within one would run the next; both keep the mask
// to put back in the same place of the thread, so that after the outer one all signals stay blocked.
int faults = 0, alarms = 0, profiles = 0, depth = 0;
__attribute__((no_sanitize("thread"))) int Read(int& counter) { return __atomic_load_n(&counter, __ATOMIC_RELAXED); }
__attribute__((no_sanitize("thread"))) void Count(int& counter) { __atomic_fetch_add(&counter, 1, __ATOMIC_RELAXED); }

thread_local sigjmp_buf after_fault;
thread_local volatile sig_atomic_t expects_fault = 0;

// A handler without SA_ONSTACK runs on the guest's stack, and finds no room where a recursion is about to use it up:
// the kernel ends the process (docs/traps.md).
std::string_view fatal_ops = "uod";

void OnFault(int, siginfo_t*, void*) {
  if (expects_fault == 0) abort();  // a guest's fault must not come here
  Count(faults);
  siglongjmp(after_fault, 1);
}
void OnAlarm(int, siginfo_t*, void*) { Count(alarms); }
void OnProfile(int, siginfo_t*, void*) {
  const int saved_errno = errno;
#ifndef __SANITIZE_THREAD__  // which intercepts what backtrace calls
  void* frames[64];
  const int frames_now = backtrace(frames, 64);
  if (frames_now > Read(depth)) __atomic_store_n(&depth, frames_now, __ATOMIC_RELAXED);
#endif
  Count(profiles);
  errno = saved_errno;
}

void Install(int signal, void (*handler)(int, siginfo_t*, void*), int flags) {
  struct sigaction action = {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | SA_RESTART | flags;
  sigaction(signal, &action, nullptr);
}

void InstallOwnSignals(int flags) {
  void* frames[4];
  backtrace(frames, 4);  // loads what it needs, which no handler may
  Install(SIGSEGV, OnFault, SA_ONSTACK);
  Install(SIGALRM, OnAlarm, flags);
  Install(SIGPROF, OnProfile, flags);
  const itimerval often = {.it_interval = {0, 1000}, .it_value = {0, 1000}};
  setitimer(ITIMER_REAL, &often, nullptr);
  setitimer(ITIMER_PROF, &often, nullptr);
}

// A fault of the host's own, in the middle of everything. No data race: nobody comes to write there.
__attribute__((no_sanitize("thread", "address", "undefined"))) void FaultOnce() {
  expects_fault = 1;
  if (sigsetjmp(after_fault, 1) == 0) {
    volatile int* volatile nowhere = reinterpret_cast<int*>(8);
    *nowhere = 1;
  }
  expects_fault = 0;
}

GuardOptions Options() {
  GuardOptions options;
  options.log = std::make_shared<SilentLog>();
  options.output_initial = 4096;
  return options;
}

// A tool of the stress guard, as its two functions get it.
std::string Input(std::string_view tool) { return "{\"tool_name\":\"" + std::string(tool) + "\",\"tool_args\":null}"; }

// `run` gets 10 ms; more only where a busy machine used them up before the guest was entered.
void ExpectStopped(const std::function<Error(milliseconds time)>& run) {
  for (milliseconds time(10);; time *= 2) {
    const auto start = Clock::now();
    const Error error = run(time);
    const auto took = Clock::now() - start;
    ASSERT_EQ(error.kind, ErrorKind::kDeadline) << error.message;
    EXPECT_GE(took, time);
    EXPECT_LT(took, time + std::chrono::seconds(30));  // bench/ measures how soon it is on an idle machine
    if (error.details().trap == TrapCode::kInterrupted) return;
    ASSERT_LT(time, std::chrono::seconds(10)) << error.message;
  }
}

Error ErrorOf(const Result<std::string>& result) {
  return result ? Error(ErrorKind::kInternal, "the guest ended by itself") : result.error();
}

void EndlessEverywhere() {
  for (const std::string op : {"l", "f", "p"}) {
    SCOPED_TRACE(op);
    const auto guard = Guard::Create(StressModule(), Options()).value();
    ExpectStopped([&](milliseconds time) {
      return ErrorOf(guard->Call(LabelFunction::kResource, Input(op + "E00000000"), {.deadline = Clock::now() + time}));
    });
    EXPECT_FALSE(guard->healthy());
    const auto pool = GuardPool::Create(StressModule(), Options(), {.max_clones = 1}).value();
    ExpectStopped([&](milliseconds time) {
      return ErrorOf(
          pool->Call(LabelFunction::kResponse, Input("E" + op + "00000000"), {.deadline = Clock::now() + time}));
    });
    EXPECT_TRUE(pool->Call(LabelFunction::kResource, Input("EE00000000")));
    FaultOnce();
  }
  for (const char* start_function :
       {"(loop $l (br $l))", "(loop $l (memory.fill (i32.const 4096) (i32.const 0) (i32.const 61000)) (br $l))",
        "(call $sleep (i64.const 60000))"}) {
    SCOPED_TRACE(start_function);
    const auto module = StressModule(start_function);
    ExpectStopped([&](milliseconds time) {
      GuardOptions options = Options();
      options.timeout = time;
      const auto guard = Guard::Create(module, options);
      return guard ? Error(ErrorKind::kInternal, "the guest ended by itself") : guard.error();
    });
  }
  // A guest's faults stay ours.
  GuardOptions options = Options();
  options.after_failure = AfterFailure::kReplace;
  const auto guard = Guard::Create(StressModule(), options).value();
  for (const char op : fatal_ops) {
    const Error error = ErrorOf(guard->Call(LabelFunction::kResource, Input(std::string(1, op) + "E00000000")));
    EXPECT_EQ(error.kind, ErrorKind::kTrap) << error.message;
    FaultOnce();
  }
}

TEST(ForeignSignals, OnTheMainThread) {
  for (int i = 0; i < 3; ++i) EndlessEverywhere();
}

TEST(ForeignSignals, OnManyThreads) {
  std::vector<std::jthread> threads;
  for (int t = 0; t < 8; ++t) threads.emplace_back(EndlessEverywhere);
}

TEST(ForeignSignals, WereThereAllTheTime) {
  printf("%d own faults, %d alarms, %d profiles, at most %d frames deep\n", Read(faults), Read(alarms), Read(profiles),
         Read(depth));
  EXPECT_EQ(std::exchange(faults, 0), 11 * static_cast<int>(3 + fatal_ops.size()));  // all threads have ended
  EXPECT_GT(Read(alarms), 10);
  EXPECT_GT(Read(profiles), 10);
#ifndef __SANITIZE_THREAD__
  EXPECT_GT(Read(depth), 3);
#endif
}

}  // namespace
}  // namespace guardc

// One argument beside those of GoogleTest: "onstack" for handlers with SA_ONSTACK, which the guest's stack is spared.
int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  const bool on_stack = argc > 1 && std::string_view(argv[1]) == "onstack";
  if (on_stack) guardc::fatal_ops = "uodr";
  guardc::InstallOwnSignals(on_stack ? SA_ONSTACK : 0);
  return RUN_ALL_TESTS();
}
