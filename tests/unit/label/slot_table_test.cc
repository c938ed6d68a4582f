// Who gets which slot of a pool, and the ways to leave the queue for one.
#include "gateway/pool/slot_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace guardc {
namespace {

using std::chrono::milliseconds;

ErrorKind KindOf(const Result<size_t>& result) { return result ? ErrorKind::kInternal : result.error().kind; }

TEST(SlotTableTest, EverySlotIsTakenOnce) {
  SlotTable slots(3);
  std::vector<bool> taken(3);
  for (int i = 0; i < 3; ++i) {
    const size_t index = slots.Take({}).value();
    EXPECT_FALSE(taken[index]);
    taken[index] = true;
  }
  EXPECT_FALSE(slots.TryTake(1));
  EXPECT_EQ(KindOf(slots.Take({.deadline = Clock::now() + milliseconds(5)})), ErrorKind::kDeadline);
  slots.Return(1);
  EXPECT_TRUE(slots.TryTake(1));
  slots.Return(1);
  EXPECT_EQ(slots.Take({}).value(), 1u);
}

TEST(SlotTableTest, WaitersLeaveWhenStopped) {
  SlotTable slots(1);
  ASSERT_TRUE(slots.Take({}));
  std::stop_source source;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(milliseconds(20));
    source.request_stop();
  });
  EXPECT_EQ(KindOf(slots.Take({.stop = source.get_token()})), ErrorKind::kCancelled);
  EXPECT_EQ(KindOf(slots.Take({.deadline = Clock::now() + std::chrono::hours(1), .stop = source.get_token()})),
            ErrorKind::kCancelled);
  slots.Return(0);
  EXPECT_TRUE(slots.Take({}));
}

TEST(SlotTableTest, TurnsComeInOrder) {
  SlotTable slots(1);
  ASSERT_TRUE(slots.Take({}));
  std::vector<int> order;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 5; ++i) {
    threads.emplace_back([&, i] {
      const size_t index = slots.Take({}).value();
      order.push_back(i);
      slots.Return(index);
    });
    std::this_thread::sleep_for(milliseconds(20));  // so that they queue in this order
  }
  slots.Return(0);
  threads.clear();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(SlotTableTest, CloseTurnsWaitersAwayAndWaitsForTheOthers) {
  SlotTable slots(2);
  ASSERT_TRUE(slots.Take({}));
  ASSERT_TRUE(slots.Take({}));
  std::jthread waiter([&] { EXPECT_EQ(KindOf(slots.Take({})), ErrorKind::kClosed); });
  std::this_thread::sleep_for(milliseconds(20));
  std::atomic<int> closed = 0;
  std::vector<std::jthread> closers;
  for (int i = 0; i < 3; ++i) {
    closers.emplace_back([&] {
      slots.Close();
      ++closed;
    });
  }
  waiter.join();
  slots.Return(0);
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(closed, 0);
  slots.Return(1);
  closers.clear();
  EXPECT_EQ(closed, 3);
  EXPECT_EQ(KindOf(slots.Take({})), ErrorKind::kClosed);
  EXPECT_FALSE(slots.TryTake(0));
}

TEST(SlotTableTest, MoreThreadsThanSlots) {
  SlotTable slots(3);
  int unguarded[3] = {};
  std::atomic<int> taken = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 12; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 2000; ++i) {
          CallOptions call;
          if ((t + i) % 7 == 0) call.deadline = Clock::now() + std::chrono::microseconds(i % 50);
          const auto index = slots.Take(call);
          if (!index) continue;
          ++unguarded[*index];
          ++taken;
          if (i % 64 == 0) std::this_thread::yield();
          slots.Return(*index);
        }
      });
    }
  }
  EXPECT_EQ(unguarded[0] + unguarded[1] + unguarded[2], taken);
  slots.Close();
}

}  // namespace
}  // namespace guardc
