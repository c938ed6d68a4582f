// Threads with small stacks, without an alternate stack, and many at once. STACK-1.
#include <limits.h>
#include <pthread.h>
#include <signal.h>

#include <functional>
#include <thread>

#include "tests/trap/guest_fixture.h"

namespace guardc {
namespace {

using namespace std::chrono_literals;

void OnThreadWithStack(size_t stack_size, const std::function<void()>& body) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, stack_size), 0);
  pthread_t thread;
  const auto run = [](void* arg) -> void* {
    (*static_cast<const std::function<void()>*>(arg))();
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, run, const_cast<std::function<void()>*>(&body)), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

TEST(Thread, DeepRecursionOnATinyStack) {
  Guest guest({.fail_after_trap = false});
  OnThreadWithStack(64 * 1024, [&] {
    ExpectTrap(guest.Run1("recurse", 0), TrapCode::kStackExhausted, "recurse");
    EXPECT_TRUE(guest.Run("log"));
    ExpectTrap(guest.Run("unreachable"), TrapCode::kUnreachable, "unreachable");
  });
}

TEST(Thread, OneInstanceOnManyThreadsInTurn) {
  Guest guest({.fail_after_trap = false});
  for (int i = 0; i < 20; ++i) {
    std::thread([&] {
      ExpectTrap(guest.Run1("recurse", 0), TrapCode::kStackExhausted, "recurse");
      const Result<void> result = guest.Run("spin", {.deadline = Clock::now() + 1ms});
      ASSERT_FALSE(result);
      EXPECT_EQ(result.error().kind, ErrorKind::kDeadline);
    }).join();
  }
}

TEST(Thread, ManyAtOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([t] {
      Guest guest({.fail_after_trap = false});
      for (int i = 0; i < 20; ++i) {
        ExpectTrap(guest.Run1("load", 1 << 20), TrapCode::kMemoryOutOfBounds, "load");
        ExpectTrap(guest.Run1("recurse", 0), TrapCode::kStackExhausted, "recurse");
        const Result<void> result = guest.Run("spin", {.deadline = Clock::now() + std::chrono::microseconds(300 * t)});
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().kind, ErrorKind::kDeadline);
        EXPECT_EQ(guest.Run1("load", 16, {.deadline = Clock::now() + 10s}).value(), 0x6c6c6568u);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// Looked at again within 20 microseconds of running time; without one, memory faults would still trap, recursion would
// end the process.
TEST(Thread, AnAlternateStackThatWasTakenAwayIsGivenAgain) {
  Guest guest({.fail_after_trap = false});
  std::thread([&] {
    EXPECT_EQ(guest.Run1("load", 16).value(), 0x6c6c6568u);  // sets the thread up
    stack_t none = {};
    none.ss_flags = SS_DISABLE;
    ASSERT_EQ(sigaltstack(&none, nullptr), 0);
    ExpectTrap(guest.Run1("load", 1 << 20), TrapCode::kMemoryOutOfBounds, "load");
    std::this_thread::sleep_for(1ms);
    ExpectTrap(guest.Run1("recurse", 0), TrapCode::kStackExhausted, "recurse");
  }).join();
}

TEST(Thread, AnAlternateStackOfTheHostIsKept) {
  Guest guest;
  std::thread([&] {
    std::vector<char> memory(131072);
    const stack_t own = {.ss_sp = memory.data(), .ss_flags = 0, .ss_size = memory.size()};
    ASSERT_EQ(sigaltstack(&own, nullptr), 0);
    ExpectTrap(guest.Run1("recurse", 0), TrapCode::kStackExhausted, "recurse");
    stack_t now;
    ASSERT_EQ(sigaltstack(nullptr, &now), 0);
    EXPECT_EQ(now.ss_sp, memory.data());
    stack_t none = {};
    none.ss_flags = SS_DISABLE;
    sigaltstack(&none, nullptr);
  }).join();
}

}  // namespace
}  // namespace guardc
