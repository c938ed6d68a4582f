// An agent never gains by speaking again: introductions, and what reading takes away.
#include <gmock/gmock.h>

#include <atomic>
#include <functional>
#include <latch>
#include <thread>

#include "tests/unit/gateway/fake_guard.h"

namespace guardc {
namespace {

constexpr const char* kReorders = R"({"allow-only":{"min-integrity":"none","repos":"all"}})";

// Answers label_agent with what `answer` gives, and takes any policy.
class AnySource : public LabelSource {
 public:
  explicit AnySource(std::function<AgentAnswer()> answer) : answer_(std::move(answer)) {}
  std::string_view name() const override { return "any"; }
  std::string_view kind() const override { return "any"; }
  Result<AgentAnswer> LabelAgent(std::string_view, const CallOptions&) override {
    ++asked;
    return answer_();
  }
  Result<ResourceAnswer> LabelResource(const LabelQuery&, const CallOptions&) override { return resource; }
  Result<LabelledData> LabelResponse(const LabelQuery&, const JsonDocument&, const CallOptions&) override {
    return LabelledData();
  }

  std::atomic<int> asked = 0;
  ResourceAnswer resource{"", {}, Operation::kRead};

 private:
  std::function<AgentAnswer()> answer_;
};

AgentAnswer Trusted() { return {{{"s"}, {"approved"}}, Mode::kPropagate, std::nullopt}; }

Outcome Call(LabelSource& guard, Agent& agent, std::string_view policy, std::string_view server = "") {
  return GuardedCall(guard, agent, {.tool = "get_x", .server = server, .policy_json = policy},
                     [](auto, auto, const auto&) -> Result<std::string> { return "1"; });
}

TEST(AgentTest, OtherSpellingsOfAPolicyIntroduceNobodyAgain) {
  FakeCall call;
  call.guard.agent = R"({"difc_mode":"propagate","agent":{"integrity":["approved"]}})";
  const auto source = call.guard.Source();
  Agent agent;
  EXPECT_EQ(Call(*source, agent, kPolicy).agent_before, (Labels{{}, {"approved"}}));
  EXPECT_EQ(agent.labels(), Labels());
  for (const char* policy :
       {kPolicy.data(), kReorders, " {\"allow-only\" : {\"repos\":\"all\",\n\"min-integrity\":\"none\"}} ",
        R"({"\u0061llow-only":{"repos":"\u0061ll","min-integrity":"none"}})",
        R"("{\"allow-only\":{\"repos\":\"all\",\"min-integrity\":\"none\"}}")",
        R"("{\"allow-only\":{\"min-integrity\":\"none\",\"repos\":\"all\"}} ")"}) {
    for (int i = 0; i < 2; ++i) {
      const Outcome out = Call(*source, agent, policy);
      EXPECT_EQ(out.kind, OutcomeKind::kAllowed) << policy << out.reason;
      EXPECT_EQ(out.agent_before, Labels()) << policy;
    }
  }
  EXPECT_EQ(std::ranges::count(call.guard.asked, LabelFunction::kAgent, [](const auto& asked) { return asked.first; }),
            1);
}

TEST(AgentTest, ACompiledGuardTakesItsPolicyInAnySpelling) {
  FakeCall call;
  const auto source = call.guard.Source();
  for (const char* policy :
       {kPolicy.data(), kReorders, R"("{\"allow-only\":{\"min-integrity\":\"none\",\"repos\":\"all\"}}")"}) {
    Agent agent;
    EXPECT_EQ(Call(*source, agent, policy).kind, OutcomeKind::kAllowed) << policy;
  }
  Agent agent;
  EXPECT_EQ(OneLine(Call(*source, agent, R"({"allow-only":{"repos":"public","min-integrity":"none"}})")),
            "error 0 policy");
  EXPECT_EQ(OneLine(Call(*source, agent, R"({"allow-only":{"repos":["all/x"],"min-integrity":"none"}})")),
            "error 0 policy");
}

TEST(AgentTest, WhatReadingTookComesBackByNoPolicyServerOrGuard) {
  AnySource guard(Trusted), other(Trusted);
  Agent agent;
  EXPECT_EQ(Call(guard, agent, "1", "one").agent_before, (Labels{{"s"}, {"approved"}}));
  EXPECT_EQ(agent.labels(), (Labels{{"s"}, {}}));
  for (LabelSource* source : {&guard, &other}) {
    for (const char* policy : {"1", "2", "", "{}", kReorders}) {
      for (const char* server : {"one", "two", ""}) {
        EXPECT_EQ(Call(*source, agent, policy, server).agent_before, (Labels{{"s"}, {}})) << policy << server;
      }
    }
  }
}

TEST(AgentTest, AnotherPolicyAndAnotherServerAddTagsThatReadingDidNotTake) {
  AnySource guard([n = 0]() mutable { return AgentAnswer{{{}, {"i" + std::to_string(n++)}}, Mode::kStrict, {}}; });
  guard.resource.labels.integrity = {"i0", "i1", "i2", "i3"};
  Agent agent;
  EXPECT_EQ(Call(guard, agent, "1", "a").agent_before.integrity, TagSet({"i0"}));
  EXPECT_EQ(Call(guard, agent, "1", "a").agent_before.integrity, TagSet({"i0"}));
  EXPECT_EQ(Call(guard, agent, "2", "a").agent_before.integrity, TagSet({"i0", "i1"}));
  EXPECT_EQ(Call(guard, agent, "2", "b").agent_before.integrity, TagSet({"i0", "i1", "i2"}));
  // Back to the first policy: taught again, introduced already.
  EXPECT_EQ(Call(guard, agent, "1", "a").agent_before.integrity, TagSet({"i0", "i1", "i2"}));
  EXPECT_EQ(guard.asked, 4);
}

TEST(AgentTest, AGuardInAnothersPlaceIsTaughtAndAddsNothing) {
  AnySource first([] { return AgentAnswer{{{"s"}, {"a"}}, Mode::kStrict, {}}; });
  AnySource second([] { return AgentAnswer{{{"t"}, {"b"}}, Mode::kFilter, {}}; });
  first.resource.labels.integrity = second.resource.labels.integrity = {"a", "b"};
  Agent agent;
  EXPECT_EQ(Call(first, agent, "{}", "github").mode, Mode::kStrict);
  for (int i = 0; i < 2; ++i) {
    const Outcome out = Call(second, agent, " { }", "github");
    EXPECT_EQ(out.mode, Mode::kFilter);
    EXPECT_EQ(out.agent_before, (Labels{{"s"}, {"a"}}));
  }
  EXPECT_EQ(second.asked, 1);
  // Without a server's id a guard stands for its server.
  EXPECT_EQ(Call(second, agent, "{}").agent_before, (Labels{{"s", "t"}, {"a", "b"}}));
}

TEST(AgentTest, AGuardThatFailsIntroducesNobody) {
  FakeCall call;
  call.guard.agent = Fail(ErrorKind::kTrap, "unreachable");
  const auto source = call.guard.Source();
  Agent agent;
  EXPECT_EQ(OneLine(Call(*source, agent, kPolicy)), "error 0 trap");
  call.guard.agent = R"({"difc_mode":"strict","agent":{"secrecy":["s"]}})";
  EXPECT_EQ(Call(*source, agent, kPolicy).agent_before.secrecy, TagSet({"s"}));
}

TEST(AgentTest, TheTextOfAPolicyThatIsNoObjectIsThePolicy) {
  AnySource guard([n = 0]() mutable { return AgentAnswer{{{"s" + std::to_string(n++)}, {}}, Mode::kStrict, {}}; });
  Agent agent;
  size_t policies = 0;
  for (const char* policy : {"", "x", "[1]", "[1 ]", "null", "\"x\"", "5", R"({"n":1})", R"({"n":[1,{"a":2}]})",
                             R"({"n":2})", R"({"n":"1"})", R"({"n":true})", R"({"n":null})",
                             R"({"n":9007199254740993})", R"({"n":9007199254740992})", R"({"n":1,"m":1})"}) {
    EXPECT_EQ(Call(guard, agent, policy, "one").agent_before.secrecy.size(), ++policies) << policy;
  }
  for (const char* policy : {R"({"n": 1.0})", R"({"n":10e-1})", R"({"m":1e0,"n":1})", R"({"n":[1,{ "a":2 }]})"}) {
    EXPECT_EQ(Call(guard, agent, policy, "one").agent_before.secrecy.size(), policies) << policy;
  }
}

TEST(AgentTest, APolicyThatNestsDeepIsNoTroubleForTheStack) {
  std::string deep;
  for (int i = 0; i < 900; ++i) deep += "{\"a\":";
  deep += "1" + std::string(900, '}');
  AnySource guard(Trusted);
  Agent agent;
  std::jthread([&] { EXPECT_EQ(Call(guard, agent, deep).kind, OutcomeKind::kAllowed); });
}

// --- Threads ---

// A policy that is being taught binds the guard as one that was.
TEST(AgentTest, ACompiledGuardIsTaughtOnePolicyAtATime) {
  std::latch entered(1), may_answer(1);
  LabelTransport transport;
  transport.call = [&](LabelFunction, std::string_view, const CallOptions&) -> Result<std::string> {
    entered.count_down();
    may_answer.wait();
    return R"({"difc_mode":"strict"})";
  };
  const auto source = MakeCompiledSource(std::move(transport));
  std::jthread first([&] { EXPECT_TRUE(source->LabelAgent(kPolicy, {})); });
  entered.wait();
  const auto other = source->LabelAgent(R"({"allow-only":{"repos":"public","min-integrity":"none"}})", {});
  may_answer.count_down();
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::kPolicy);
  first.join();
  EXPECT_TRUE(source->LabelAgent(kReorders, {}));
}

// Two first calls: one introduces, reads and loses while the other's label_agent has not come back.
TEST(AgentTest, OfTwoFirstCallsOneIntroduces) {
  std::latch both(2), has_read(1);
  std::atomic<int> entered = 0;
  AnySource guard([&] {
    const bool is_first = entered++ == 0;
    both.arrive_and_wait();
    if (!is_first) has_read.wait();
    return Trusted();
  });
  Agent agent;
  Outcome outcomes[2];
  std::atomic<int> done = 0;
  {
    std::vector<std::jthread> threads;
    for (Outcome& out : outcomes) {
      threads.emplace_back([&] {
        out = Call(guard, agent, kPolicy, "github");
        if (done++ == 0) has_read.count_down();
      });
    }
  }
  EXPECT_EQ(guard.asked, 2);
  const bool first_is_0 = !outcomes[0].agent_before.integrity.empty();
  EXPECT_EQ(outcomes[first_is_0 ? 0 : 1].agent_before, (Labels{{"s"}, {"approved"}}));
  EXPECT_EQ(outcomes[first_is_0 ? 1 : 0].agent_before, (Labels{{"s"}, {}}));
  EXPECT_EQ(agent.labels(), (Labels{{"s"}, {}}));
}

TEST(AgentTest, WhatIsReadAtOnceIsAllTakenOnAndNoDecisionSeesHalfAnIntroduction) {
  constexpr int kThreads = 8;
  constexpr int kRounds = 200;
  Agent agent({{}, {"kept"}});
  std::vector<std::unique_ptr<AnySource>> guards;
  for (int i = 0; i < kThreads; ++i) {
    const std::string n = std::to_string(i);
    guards.push_back(std::make_unique<AnySource>(
        [n] { return AgentAnswer{{{"agent" + n}, {"trust" + n, "lost" + n}}, Mode::kPropagate, {}}; }));
  }
  std::vector<std::string> all{"kept"};
  for (int i = 0; i < kThreads; ++i) all.push_back("trust" + std::to_string(i));
  for (auto& guard : guards) guard->resource.labels = {{"read"}, TagSet::From(all)};  // which takes every lost...
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int round = 0; round < kRounds; ++round) {
          const int i = (t + round) % kThreads;
          const Outcome out =
              Call(*guards[static_cast<size_t>(i)], agent, round % 2 ? kPolicy : kReorders, "s" + std::to_string(i));
          ASSERT_EQ(out.kind, OutcomeKind::kAllowed) << out.reason;
          for (int j = 0; j < kThreads; ++j) {
            const std::string n = std::to_string(j);
            ASSERT_EQ(out.agent_before.secrecy.Contains("agent" + n), out.agent_before.integrity.Contains("trust" + n));
          }
          ASSERT_TRUE(out.agent_after.secrecy.Contains("read"));
          ASSERT_FALSE(out.agent_after.integrity.Contains("lost" + std::to_string(i)));
        }
      });
    }
  }
  EXPECT_EQ(agent.labels().integrity, TagSet::From(all));
  EXPECT_EQ(agent.labels().secrecy.size(), 1u + kThreads);
  for (auto& guard : guards) EXPECT_LE(guard->asked, kThreads);
}

}  // namespace
}  // namespace guardc
