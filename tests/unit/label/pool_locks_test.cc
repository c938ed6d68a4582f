// Calls through a pool take no lock: counted, by standing in for the C library's.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include "guardc/pool.h"
#include "tests/fixtures/wat.h"
#include "tests/unit/label/plain_guard.h"

namespace {
thread_local int locks = 0;  // taken by this thread
}

extern "C" int pthread_mutex_lock(pthread_mutex_t* mutex) {
  using Lock = int (*)(pthread_mutex_t*);
  static std::atomic<Lock> real = nullptr;
  Lock lock = real.load(std::memory_order_acquire);
  if (lock == nullptr) {
    lock = reinterpret_cast<Lock>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
    real.store(lock, std::memory_order_release);
  }
  ++locks;
  return lock(mutex);
}

namespace guardc {
namespace {

// Each thread makes its calls when all have their clones; the locks that it takes meanwhile.
template <class Call>
std::vector<int> LocksOf(int threads, const Call& call) {
  std::latch ready(threads);
  std::vector<int> counts(static_cast<size_t>(threads));
  std::vector<std::jthread> running;
  for (int& count : counts) {
    running.emplace_back([&] {
      for (int i = 0; i < 50; ++i) call();
      ready.arrive_and_wait();
      const int before = locks;
      for (int i = 0; i < 1000; ++i) call();
      count = locks - before;
    });
  }
  running.clear();
  return counts;
}

TEST(PoolLocksTest, NoneIsTakenByACall) {
  GuardOptions options;
  options.output_initial = 1024;
  options.log = std::make_shared<testing::SilentLog>();
  const auto pool =
      GuardPool::Create(testing::CompileWat(testing::kPlainGuard).value(), options, {.max_clones = 8}).value();
  const auto source = MakeCompiledSource(pool);
  const auto expect_few = [](const std::vector<int>& counts) {
    // The watcher is told of a deadline only where it is earlier than the one that it waits for.
    for (const int count : counts) EXPECT_LE(count, 10);
  };
  expect_few(LocksOf(3, [&] { ASSERT_TRUE(pool->Call(LabelFunction::kResource, "{}")); }));
  expect_few(LocksOf(3, [&] {
    std::stop_source stop;
    const CallOptions call = {.deadline = Clock::now() + std::chrono::hours(1), .stop = stop.get_token()};
    ASSERT_TRUE(pool->Call(LabelFunction::kResource, "{}", call));
  }));
  const JsonDocument args;
  const std::optional<JsonDocument> capabilities;
  expect_few(LocksOf(3, [&] {
    ASSERT_TRUE(source->LabelResource({.tool = "list_things", .args = args, .capabilities = capabilities}, {}));
  }));
}

}  // namespace
}  // namespace guardc
