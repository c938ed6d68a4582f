#include "runtime/memory/linear_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "guardc/instance.h"
#include "runtime/trap/memory_regions.h"

namespace guardc {
namespace {

using ::testing::HasSubstr;

TEST(Memory, GrowsToItsMaximum) {
  Store store;
  Memory memory = store.NewMemory({{.min = 1, .max = 3}}).value();
  EXPECT_EQ(memory.pages(), 1u);
  memory.data()[65535] = std::byte{9};
  EXPECT_EQ(memory.Grow(2).value(), 1u);
  EXPECT_EQ(memory.data().size(), 3 * kWasmPageSize);
  EXPECT_EQ(memory.data()[65535], std::byte{9});
  EXPECT_EQ(memory.data()[65536], std::byte{0});
  const Result<uint64_t> more = memory.Grow(1);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().kind, ErrorKind::kLimit);
  EXPECT_EQ(more.error().details().limit, 3u);
  EXPECT_FALSE(memory.Grow(~uint64_t{0}));
}

TEST(Memory, TheCapCountsMoreThanTheMaximum) {
  Store store({.memory_cap_pages = 2});
  Memory memory = store.NewMemory({{.min = 1, .max = 3}}).value();
  EXPECT_TRUE(memory.Grow(1));
  EXPECT_FALSE(memory.Grow(1));
  const Result<Memory> large = store.NewMemory({{.min = 40000}});
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().kind, ErrorKind::kLimit);
  EXPECT_TRUE(large.error().message.starts_with("memory minimum 40000 pages, limit 2 pages"));
}

TEST(Memory, ReservationsFollowFromTheChecks) {
  EXPECT_EQ(MemoryReservation(1, false), abi::kMemoryReservation);
  EXPECT_LT(MemoryReservation(1, true), uint64_t{1} << 20);
}

// In a child: the limit stays.
TEST(MemoryDeathTest, WithoutAddressSpaceTheErrorSaysWhatHelps) {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "sanitizers have more address space than the limit, and end where they get no more";
#endif
  EXPECT_EXIT(
      {
        rlimit limit = {};
        limit.rlim_cur = limit.rlim_max = uint64_t{4} << 30;
        setrlimit(RLIMIT_AS, &limit);
        Store store;
        const Result<Memory> memory = store.NewMemory({{.min = 1}});
        if (memory) _exit(1);
        fprintf(stderr, "%s: %s\n", std::string(ErrorKindName(memory.error().kind)).c_str(),
                memory.error().message.c_str());
        _exit(7);
      },
      ::testing::ExitedWithCode(7), "out_of_memory: cannot reserve 8193 MiB .*RLIMIT_AS.*--bounds-checks");
}

TEST(MemoryRegions, HoldsManyMoreThanOneChunk) {
  MemoryRegions regions;
  for (uintptr_t i = 1; i <= 100; ++i) regions.Add(i * 1000, 10);
  EXPECT_TRUE(regions.Contains(1000));
  EXPECT_TRUE(regions.Contains(100009));
  EXPECT_FALSE(regions.Contains(100010));
  EXPECT_FALSE(regions.Contains(999));
}

}  // namespace
}  // namespace guardc
