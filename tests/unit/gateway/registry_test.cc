#include "guardc/registry.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "tests/unit/gateway/fake_guard.h"

namespace guardc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::shared_ptr<LabelSource> FailingToClose(std::string message, ErrorKind kind, int* closes) {
  LabelTransport transport;
  transport.call = [](auto, auto, const auto&) { return Result<std::string>(""); };
  transport.close = [=]() -> Result<void> {
    ++*closes;
    return Fail(kind, message);
  };
  return MakeCompiledSource(std::move(transport));
}

TEST(GuardRegistryTest, RegisterGetHasRemoveListInfo) {
  GuardRegistry registry;
  FakeGuard fake;
  EXPECT_EQ(registry.Get("github")->kind(), "noop");
  EXPECT_FALSE(registry.Has("github"));
  auto first = fake.Source("first");
  EXPECT_EQ(registry.Register("github", first).value(), nullptr);
  ASSERT_TRUE(registry.Register("a", MakeWriteSinkSource({}, "sink")));
  EXPECT_EQ(registry.Get("github"), first);
  EXPECT_TRUE(registry.Has("github"));
  EXPECT_THAT(registry.List(), ElementsAre("a", "github"));
  auto info = registry.Info();
  ASSERT_EQ(info.size(), 2u);
  EXPECT_EQ(info[0].kind, "write-sink");
  EXPECT_EQ(info[1].name, "first");
  EXPECT_EQ(registry.Info("github")->kind, "compiled");
  EXPECT_EQ(registry.Info("none"), std::nullopt);

  auto second = fake.Source("second");
  EXPECT_EQ(registry.Register("github", second).value(), first);
  EXPECT_EQ(registry.Remove("github"), second);
  EXPECT_EQ(registry.Remove("github"), nullptr);
  EXPECT_EQ(registry.Get("github")->kind(), "noop");
  EXPECT_EQ(fake.closed, 0);
  EXPECT_EQ(registry.Register("", first).error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(registry.Register("x", nullptr).error().kind, ErrorKind::kInvalidArgument);
}

TEST(GuardRegistryTest, CloseAllReportsEveryErrorAndMayBeCalledTwice) {
  GuardRegistry registry;
  int closes = 0;
  FakeGuard fine;
  ASSERT_TRUE(registry.Register("b", FailingToClose("first broke", ErrorKind::kIo, &closes)));
  ASSERT_TRUE(registry.Register("c", fine.Source()));
  ASSERT_TRUE(registry.Register("d", FailingToClose("second broke", ErrorKind::kTrap, &closes)));
  auto closed = registry.CloseAll();
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().kind, ErrorKind::kIo);
  EXPECT_THAT(closed.error().message, HasSubstr("b: first broke; d: second broke"));
  EXPECT_EQ(closed.error().details().cause->message, "first broke");
  EXPECT_EQ(closes, 2);
  EXPECT_EQ(fine.closed, 1);
  EXPECT_TRUE(registry.CloseAll());
  EXPECT_EQ(closes, 2);
  EXPECT_THAT(registry.List(), IsEmpty());
}

TEST(GuardRegistryTest, AfterCloseAllNothingIsAllowed) {
  GuardRegistry registry;
  FakeGuard fake;
  auto held = fake.Source();
  ASSERT_TRUE(registry.Register("github", held));
  ASSERT_TRUE(registry.CloseAll());
  FakeCall call;
  EXPECT_EQ(OneLine(call.Run(*registry.Get("github"))), "error 0 closed");
  EXPECT_EQ(OneLine(call.Run(*registry.Get("other"))), "error 0 closed");
  EXPECT_EQ(OneLine(call.Run(*held)), "error 0 closed");
  EXPECT_FALSE(held->healthy());
  EXPECT_EQ(registry.Register("x", held).error().kind, ErrorKind::kClosed);
}

TEST(GuardRegistryTest, ManyThreads) {
  GuardRegistry registry;
  FakeGuard fake;
  std::atomic<int> calls{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 200; ++i) {
          std::string id = "server" + std::to_string((t + i) % 5);
          if (i % 7 == 0) (void)registry.Register(id, MakeWriteSinkSource({}));
          if (i % 11 == 0) registry.Remove(id);
          (void)registry.Info();
          Agent agent;
          Outcome out = GuardedCall(*registry.Get(id), agent, {.tool = "t"},
                                    [](auto, auto, const auto&) { return Result<std::string>("1"); });
          calls += out.kind == OutcomeKind::kAllowed || out.error->kind == ErrorKind::kClosed;
        }
        if (t == 3) (void)registry.CloseAll();
      });
    }
  }
  EXPECT_EQ(calls, 1600);
}

}  // namespace
}  // namespace guardc
