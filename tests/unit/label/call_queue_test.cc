// The queue in front of a guard: order, and the ways to leave it.
#include "runtime/label/call_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace guardc {
namespace {

using std::chrono::milliseconds;

ErrorKind KindOf(const Result<void>& result) { return result ? ErrorKind::kInternal : result.error().kind; }

// Enters, on a thread of its own, and stays until told.
class Occupant {
 public:
  explicit Occupant(CallQueue& queue)
      : thread_([this, &queue] {
          EXPECT_TRUE(queue.Enter({}));
          is_in_ = true;
          is_in_.notify_all();
          may_go_.wait(false);
          queue.Leave();
        }) {
    is_in_.wait(false);
  }
  ~Occupant() { Go(); }
  void Go() {
    may_go_ = true;
    may_go_.notify_all();
  }

 private:
  std::atomic<bool> is_in_ = false;
  std::atomic<bool> may_go_ = false;
  std::jthread thread_;
};

TEST(CallQueueTest, FreeQueueIsEnteredAtOnce) {
  CallQueue queue;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(queue.Enter({}));
    queue.Leave();
  }
}

TEST(CallQueueTest, WaitersLeaveAtTheirDeadline) {
  CallQueue queue;
  const Occupant occupant(queue);
  const auto start = Clock::now();
  EXPECT_EQ(KindOf(queue.Enter({.deadline = start + milliseconds(20)})), ErrorKind::kDeadline);
  EXPECT_GE(Clock::now() - start, milliseconds(20));
  EXPECT_EQ(KindOf(queue.Enter({.deadline = start - milliseconds(1)})), ErrorKind::kDeadline);
}

TEST(CallQueueTest, WaitersLeaveWhenStopped) {
  CallQueue queue;
  const Occupant occupant(queue);
  std::stop_source source;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(milliseconds(20));
    source.request_stop();
  });
  EXPECT_EQ(KindOf(queue.Enter({.stop = source.get_token()})), ErrorKind::kCancelled);
  EXPECT_EQ(KindOf(queue.Enter({.stop = source.get_token()})), ErrorKind::kCancelled);
  // With a deadline too, whichever comes first.
  EXPECT_EQ(KindOf(queue.Enter({.deadline = Clock::now() + std::chrono::hours(1), .stop = source.get_token()})),
            ErrorKind::kCancelled);
}

TEST(CallQueueTest, TurnsComeInOrder) {
  CallQueue queue;
  Occupant occupant(queue);
  std::mutex mutex;
  std::vector<int> order;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 5; ++i) {
    threads.emplace_back([&, i] {
      ASSERT_TRUE(queue.Enter({.deadline = Clock::now() + std::chrono::minutes(1)}));
      {
        const std::lock_guard lock(mutex);
        order.push_back(i);
      }
      queue.Leave();
    });
    while (queue.waiting() != threads.size()) std::this_thread::yield();  // so that they queue in this order
  }
  occupant.Go();
  threads.clear();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(CallQueueTest, CloseTurnsWaitersAwayAndWaitsForTheRunner) {
  CallQueue queue;
  auto occupant = std::make_unique<Occupant>(queue);
  std::atomic<bool> is_closed = false;
  std::jthread waiter([&] { EXPECT_EQ(KindOf(queue.Enter({})), ErrorKind::kClosed); });
  std::this_thread::sleep_for(milliseconds(20));
  std::jthread closer([&] {
    EXPECT_TRUE(queue.Close());
    is_closed = true;
  });
  waiter.join();
  EXPECT_FALSE(is_closed);
  occupant.reset();
  closer.join();
  EXPECT_EQ(KindOf(queue.Enter({})), ErrorKind::kClosed);
  EXPECT_TRUE(queue.Close());
}

TEST(CallQueueTest, AThreadCannotWaitForItself) {
  CallQueue queue;
  ASSERT_TRUE(queue.Enter({}));
  EXPECT_EQ(KindOf(queue.Enter({})), ErrorKind::kInvalidArgument);
  EXPECT_EQ(KindOf(queue.Close()), ErrorKind::kInvalidArgument);
  queue.Leave();
  EXPECT_TRUE(queue.Enter({}));
  queue.Leave();
}

TEST(CallQueueTest, ManyThreadsOneAtATime) {
  CallQueue queue;
  int unguarded = 0;
  std::atomic<int> entered = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 500; ++i) {
          CallOptions call;
          if ((t + i) % 5 == 0) call.deadline = Clock::now() + std::chrono::microseconds(i);
          if (!queue.Enter(call)) continue;
          ++unguarded;
          ++entered;
          queue.Leave();
        }
      });
    }
  }
  EXPECT_EQ(unguarded, entered);
  EXPECT_TRUE(queue.Close());
}

}  // namespace
}  // namespace guardc
