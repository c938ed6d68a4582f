// Traps as typed errors, with what was on the guest's stack.
#include <fenv.h>

#include "tests/trap/guest_fixture.h"

namespace guardc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(Trap, Unreachable) {
  Guest guest;
  const Result<void> result = guest.Run("unreachable");
  ExpectTrap(result, TrapCode::kUnreachable, "unreachable");
  EXPECT_THAT(FrameNames(result.error()), ElementsAre("unreachable"));
  const Frame& frame = result.error().details().backtrace[0];
  EXPECT_EQ(frame.function_index, 2u);
  EXPECT_EQ(frame.module_offset, 0x102u);
  EXPECT_THAT(result.error().message, HasSubstr("unreachable"));
}

TEST(Trap, ABacktraceNamesTheCallers) {
  Guest guest;
  abi::Value values[4] = {};
  const auto function = GuestFunction::Bind(
      *guest.instance, "label_agent", {{ValType::kI32, ValType::kI32, ValType::kI32, ValType::kI32}, {ValType::kI32}});
  ASSERT_TRUE(function);
  const Result<void> result = function->Call(values, guest.host, {});
  ExpectTrap(result, TrapCode::kUnreachable, "unreachable");
  EXPECT_THAT(FrameNames(result.error()), ElementsAre("unreachable", "label_agent"));
}

TEST(Trap, LoadsSeeTheImageAndTrapBeyondTheEnd) {
  Guest guest;
  EXPECT_EQ(guest.Run1("load", 16).value(), 0x6c6c6568u);  // "hell"
  EXPECT_EQ(guest.Run1("load", 2 * 65536 - 4).value(), 0u);
  const Result<uint32_t> result = guest.Run1("load", 2 * 65536);
  ExpectTrap(result, TrapCode::kMemoryOutOfBounds, "load");
  EXPECT_EQ(result.error().details().backtrace[0].code_offset, 2u);
}

TEST(Trap, LoadsAtTheEndOfTheIndexSpace) {
  Guest guest;
  ExpectTrap(guest.Run1("load", 0xffffffff), TrapCode::kMemoryOutOfBounds, "load");
}

TEST(Trap, MemoryGrowsUpToTheCap) {
  Guest guest({.memory_cap_pages = 4});
  ExpectTrap(Guest().Run1("store", 3 * 65536 - 1), TrapCode::kMemoryOutOfBounds, "store");
  EXPECT_EQ(guest.Run1("grow", 1).value(), 2u);
  EXPECT_EQ(guest.Run1("store", 3 * 65536 - 1).value(), 3u);
  EXPECT_EQ(guest.Run1("grow", 2).value(), 0xffffffffu);
  EXPECT_EQ(guest.Run1("grow", 1).value(), 3u);
  EXPECT_EQ(guest.Run1("grow", 0).value(), 4u);
}

TEST(Trap, RecursionEndsInStackExhausted) {
  Guest guest;
  const Result<uint32_t> result = guest.Run1("recurse", 0);
  ExpectTrap(result, TrapCode::kStackExhausted, "recurse");
  EXPECT_THAT(result.error().details().backtrace, SizeIs(64));
}

TEST(Trap, AFailedInstanceStaysFailed) {
  Guest guest;
  ASSERT_FALSE(guest.instance->failed());
  ExpectTrap(guest.Run("unreachable"), TrapCode::kUnreachable, "unreachable");
  EXPECT_TRUE(guest.instance->failed());
  const Result<uint32_t> later = guest.Run1("load", 0);
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error().kind, ErrorKind::kInstanceFailed);
  ASSERT_NE(later.error().details().cause, nullptr);
  EXPECT_EQ(later.error().details().cause->details().trap, TrapCode::kUnreachable);
}

TEST(Trap, WithoutFailAfterTrapItRunsOn) {
  Guest guest({.fail_after_trap = false});
  for (int i = 0; i < 100; ++i) {
    ExpectTrap(guest.Run("unreachable"), TrapCode::kUnreachable, "unreachable");
    ExpectTrap(guest.Run1("load", 1 << 20), TrapCode::kMemoryOutOfBounds, "load");
    ExpectTrap(guest.Run1("recurse", 0), TrapCode::kStackExhausted, "recurse");
    EXPECT_EQ(guest.Run1("load", 16).value(), 0x6c6c6568u);
  }
}

TEST(Trap, ExitIsNoTrap) {
  Guest guest;
  const Result<uint32_t> clean = guest.Run1("exit", 0);
  ASSERT_FALSE(clean);
  EXPECT_EQ(clean.error().kind, ErrorKind::kExit);
  EXPECT_EQ(clean.error().details().exit_code, 0u);
  EXPECT_FALSE(guest.instance->failed());
  EXPECT_EQ(guest.Run1("load", 16).value(), 0x6c6c6568u);

  const Result<uint32_t> failed = guest.Run1("exit", 3);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().details().exit_code, 3u);
  EXPECT_TRUE(guest.instance->failed());
}

TEST(Trap, HostFunctionsSeeMemoryAndTheirTimeIsTaken) {
  Guest guest;
  ASSERT_TRUE(guest.Run("log"));
  EXPECT_THAT(guest.log.lines, ElementsAre("hello"));
  EXPECT_EQ(guest.host.timing.host_ns, 0u);
  guest.host.timing.enabled = true;
  guest.log.on_line = [] { usleep(2000); };
  ASSERT_TRUE(guest.Run("log"));
  EXPECT_GE(guest.host.timing.host_ns, 2'000'000u);
  guest.host.timing = {};
  ASSERT_TRUE(guest.Run("log"));
  EXPECT_EQ(guest.host.timing.host_ns, 0u);
}

TEST(Trap, AHostFunctionMayEnterAnotherInstanceButNotItsOwn) {
  Guest outer, inner;
  outer.log.on_line = [&] {
    const Result<void> own = outer.Run("log");
    ASSERT_FALSE(own);
    EXPECT_EQ(own.error().kind, ErrorKind::kInvalidArgument);
    ExpectTrap(inner.Run1("load", 1 << 20), TrapCode::kMemoryOutOfBounds, "load");
  };
  EXPECT_TRUE(outer.Run("log"));
  EXPECT_TRUE(inner.instance->failed());
  EXPECT_EQ(outer.Run1("load", 16).value(), 0x6c6c6568u);
}

TEST(Trap, TheHostsFloatingPointControlIsItsOwn) {
  Guest guest({.fail_after_trap = false});
  ASSERT_EQ(fesetround(FE_UPWARD), 0);
  int seen_by_host = -1;
  guest.log.on_line = [&] { seen_by_host = fegetround(); };
  EXPECT_TRUE(guest.Run("log"));
  EXPECT_EQ(seen_by_host, FE_UPWARD);
  EXPECT_EQ(fegetround(), FE_UPWARD);
  ExpectTrap(guest.Run("unreachable"), TrapCode::kUnreachable, "unreachable");
  EXPECT_EQ(fegetround(), FE_UPWARD);
  fesetround(FE_TONEAREST);
}

TEST(Trap, ManyInstancesOfOneModule) {
  std::vector<std::unique_ptr<Guest>> guests;
  for (int i = 0; i < 50; ++i) guests.push_back(std::make_unique<Guest>());
  for (uint32_t i = 0; i < guests.size(); ++i) {
    EXPECT_EQ(guests[i]->Run1("store", i).value(), 2u);
  }
  EXPECT_EQ(guests[0]->Run1("load", 0).value(), 42u);
  EXPECT_EQ(guests[1]->Run1("load", 0).value(), 42u << 8);
  ExpectTrap(guests[7]->Run1("load", 1 << 30), TrapCode::kMemoryOutOfBounds, "load");
}

}  // namespace
}  // namespace guardc
