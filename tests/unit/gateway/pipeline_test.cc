// The phases of docs/guard-abi.md, 4, one by one.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/unit/gateway/fake_guard.h"

namespace guardc {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr std::string_view kSecret = R"({"description":"the vault","secrecy":["s"]})";
constexpr std::string_view kUntrusted = R"({"integrity":["low"]})";

std::string Kept(const std::string& array) {
  return R"({"content":[{"type":"text","text":)" + json(array).dump() + "}]}";
}

TEST(PipelineTest, AnAllowedReadPassesUnchanged) {
  FakeCall call;
  call.result = R"({ "content":[{"text":"hello"}], "total_count": 1.0 })";
  EXPECT_EQ(OneLine(call.Run()), "allowed 6 " + *call.result);
  ASSERT_EQ(call.guard.asked.size(), 3u);
  EXPECT_EQ(call.guard.asked[0], std::pair(LabelFunction::kAgent, std::string(kPolicy)));
  EXPECT_EQ(call.guard.asked[1].second, R"({"tool_name":"list_things","tool_args":null,"capabilities":{}})");
  EXPECT_EQ(call.guard.asked[2].second,
            R"({"tool_name":"list_things","tool_args":null,"tool_result":)" + *call.result + R"(,"capabilities":{}})");
}

TEST(PipelineTest, CoarseChecksByOperationAndMode) {
  struct {
    const char* mode;
    const char* operation;
    const char* outcome;
    int backend_calls;
  } cases[] = {
      {"strict", "read", "denied 5", 1},       {"filter", "read", "filtered 5", 1},
      {"propagate", "read", "allowed 6", 1},   {"strict", "write", "allowed 6", 1},
      {"filter", "write", "allowed 6", 1},     {"strict", "read-write", "denied 2", 0},
      {"filter", "read-write", "denied 2", 0}, {"propagate", "read-write", "allowed 6", 1},
      {"propagate", "write", "allowed 6", 1},
  };
  for (const auto& c : cases) {
    FakeCall call;
    call.Mode(c.mode).Resource(c.operation, kSecret);  // the agent may not see "s"; it may write there
    call.result = "[1]";
    EXPECT_THAT(OneLine(call.Run()), testing::StartsWith(c.outcome)) << c.mode << " " << c.operation;
    EXPECT_EQ(call.backend_calls, c.backend_calls) << c.mode << " " << c.operation;
  }
  for (const char* mode : {"strict", "filter", "propagate"}) {
    for (const char* operation : {"write", "read-write"}) {
      FakeCall call;
      call.agent = {{"s"}, {}};  // what the agent carries must not flow out
      call.Mode(mode).Resource(operation, "{}");
      EXPECT_EQ(OneLine(call.Run()), "denied 2") << mode << " " << operation;
      EXPECT_EQ(call.backend_calls, 0);
    }
  }
}

TEST(PipelineTest, ADenialNamesCauseAndTags) {
  FakeCall call;
  call.agent = {{}, {"high", "mid"}};
  call.Resource("read-write", R"({"secrecy":["s"],"integrity":["low"]})");
  Outcome out = call.Run();
  EXPECT_EQ(out.cause, DenialCause::kIntegrity);
  EXPECT_THAT(out.reason, HasSubstr("[high, mid]"));
  EXPECT_FALSE(out.result);
  EXPECT_EQ(out.resource->operation, Operation::kReadWrite);
}

TEST(PipelineTest, WhoIsAskedForResponseLabels) {
  struct {
    const char* mode;
    const char* operation;
    bool asked;
  } cases[] = {{"strict", "read", true},        {"filter", "read", true},       {"propagate", "read", true},
               {"strict", "write", false},      {"filter", "write", false},     {"propagate", "write", false},
               {"strict", "read-write", false}, {"filter", "read-write", true}, {"propagate", "read-write", true}};
  for (const auto& c : cases) {
    FakeCall call;
    call.Mode(c.mode).Resource(c.operation, "{}");
    EXPECT_EQ(OneLine(call.Run()), "allowed 6 []");
    EXPECT_EQ(call.guard.asked.size() == 3, c.asked) << c.mode << " " << c.operation;
  }
}

TEST(PipelineTest, FilteringKeepsTheBytesOfWhatIsKept) {
  FakeCall call;
  call.Mode("filter").Resource("read", "{}");
  call.guard.response = R"({"items_path":"/items","labeled_paths":[{"path":"/items/1","labels":
      {"description":"issue #2","secrecy":["s"]}}]})";
  std::string inner = "{\"items\":[ {\"n\": 1.0, \"t\":\"\\u00e9\\n\"} ,{\"n\":2}, 3e0 ],\"total_count\":3}";
  call.result =
      json({{"content", {{{"type", "text"}, {"text", inner}}}}, {"structuredContent", {1}}, {"_meta", 1}}).dump();
  Outcome out = call.Run();
  EXPECT_EQ(OneLine(out), "filtered 5 " + Kept("[{\"n\": 1.0, \"t\":\"\\u00e9\\n\"},3e0]"));
  ASSERT_TRUE(out.items);
  EXPECT_EQ(out.items->total, 3u);
  EXPECT_EQ(out.items->kept.size(), 2u);
  ASSERT_EQ(out.items->left_out.size(), 1u);
  EXPECT_EQ(out.items->left_out[0].index, 1u);
  EXPECT_EQ(out.notice, "1 item was left out by secrecy policy: issue #2");
  EXPECT_THAT(out.reason, HasSubstr("[s]"));
}

TEST(PipelineTest, OfTheEnvelopeOnlyThatItIsAnErrorIsLeftWhenItIsFiltered) {
  FakeCall call;
  call.Mode("filter").Resource("read", kSecret);
  call.result = R"({"content":[{"type":"text","text":"boom"}],"isError":true})";
  EXPECT_EQ(OneLine(call.Run()), R"(filtered 5 {"content":[{"type":"text","text":"[]"}],"isError":true})");
}

// The agent has {a} and {x}. Item 0 may be read and written, 1 only read (what it needs of a writer is missing), 2 only
// written (it is too secret to read), 3 only read (it must not get "a").
TEST(PipelineTest, ItemsAreHeldToTheOperationOfTheCall) {
  struct {
    const char* operation;
    const char* mode;
    const char* kept;
  } cases[] = {{"read", "filter", "[0,1,3]"},
               {"read-write", "filter", "[0]"},
               {"read", "propagate", ""},
               {"read-write", "propagate", "[0,2]"}};
  for (const auto& c : cases) {
    FakeCall call;
    call.agent = {{"a"}, {"x"}};
    call.Mode(c.mode).Resource(c.operation, R"({"secrecy":["a"],"integrity":["x"]})");
    call.guard.response = R"({"labeled_paths":[{"path":"/0","labels":{"secrecy":["a"],"integrity":["x"]}},
        {"path":"/1","labels":{"secrecy":["a"],"integrity":["x","y"]}},
        {"path":"/2","labels":{"secrecy":["a","s"],"integrity":["x"]}},
        {"path":"/3","labels":{"integrity":["x"]}}]})";
    call.result = "[0,1,2,3]";
    Outcome out = call.Run();
    EXPECT_EQ(OneLine(out), *c.kept ? "filtered 5 " + Kept(c.kept) : "allowed 6 [0,1,2,3]") << c.operation << c.mode;
  }
}

TEST(PipelineTest, AnAgentTakesOnWhatLeavesOfAReadWrite) {
  FakeCall call;
  call.agent = {{}, {"x"}};
  call.Mode("propagate").Resource("read-write", "{}");
  call.guard.response = R"({"default_labels":{"integrity":["x"]},
      "labeled_paths":[{"path":"/1","labels":{"secrecy":["s"],"integrity":["x","y"]}}]})";
  call.result = "[0,1]";
  Outcome out = call.Run();
  EXPECT_EQ(OneLine(out), "filtered 5 " + Kept("[0]"));
  EXPECT_EQ(out.agent_after, out.agent_before);
  call.Resource("read-write", R"({"secrecy":["r"]})");
  call.guard.response = R"({"labeled_paths":[{"path":"/1","labels":{"integrity":["x","y"]}}]})";
  out = call.Run();
  EXPECT_EQ(OneLine(out), "filtered 5 " + Kept("[0]"));
  EXPECT_EQ(out.agent_after, (Labels{{"r"}, {}}));
}

TEST(PipelineTest, StrictBlocksTheResponseForOneItem) {
  FakeCall call;
  call.guard.response = R"({"labeled_paths":[{"path":"/0","labels":{"secrecy":["s"]}}]})";
  call.result = "[1,2]";
  Outcome out = call.Run();
  EXPECT_EQ(OneLine(out), "denied 5");
  EXPECT_THAT(out.reason, HasSubstr("[s]"));
  call.guard.response = R"({"labeled_paths":[]})";
  EXPECT_EQ(OneLine(call.Run()), "allowed 6 [1,2]");
}

TEST(PipelineTest, ACoarseDeniedReadShowsItsItemsAndNoMore) {
  for (const char* mode : {"strict", "filter"}) {
    FakeCall call;
    call.Mode(mode).Resource("read", kSecret);
    call.guard.response = R"({"labeled_paths":[{"path":"/0","labels":{}}]})";
    call.result = "[1]";
    EXPECT_EQ(OneLine(call.Run()), "allowed 6 " + Kept("[1]")) << mode;
  }
}

TEST(PipelineTest, PropagateTakesOnWhatWasRead) {
  FakeCall call;
  call.agent = {{"a"}, {"x", "y"}};
  call.guard.agent = R"({"difc_mode":"propagate","agent":{"integrity":["z"]}})";
  call.Resource("read", R"({"secrecy":["r"],"integrity":["x"]})");
  call.result = "[1,2]";
  Outcome out = call.Run();
  EXPECT_EQ(OneLine(out), "allowed 6 [1,2]");
  EXPECT_EQ(out.agent_before, (Labels{{"a"}, {"x", "y", "z"}}));
  EXPECT_EQ(out.agent_after, (Labels{{"a", "r"}, {"x"}}));
  EXPECT_EQ(call.agent_after, out.agent_after);

  call.guard.response = R"({"labeled_paths":[{"path":"/0","labels":{"secrecy":["s"],"integrity":["x","y"]}},
                                             {"path":"/1","labels":{"integrity":["y"]}}]})";
  out = call.Run();
  EXPECT_EQ(out.agent_after, (Labels{{"a", "s"}, {"y"}}));
  EXPECT_EQ(out.items->kept.size(), 2u);
  EXPECT_EQ(out.items->kept[0].decision->secrecy_gained, TagSet({"s"}));

  call.guard.resource = R"({"resource":{"secrecy":["a"],"integrity":["x"]},"operation":"write"})";
  out = call.Run();
  EXPECT_EQ(out.agent_after, out.agent_before);
}

TEST(PipelineTest, OtherModesLeaveTheAgentAlone) {
  for (const char* mode : {"strict", "filter"}) {
    FakeCall call;
    call.agent = {{"r"}, {}};
    call.Mode(mode).Resource("read", R"({"secrecy":["r"]})");
    Outcome out = call.Run();
    EXPECT_EQ(out.kind, OutcomeKind::kAllowed);
    EXPECT_EQ(out.agent_after, out.agent_before);
  }
}

TEST(PipelineTest, EveryFailureIsAnErrorOfItsPhase) {
  const Error trap(ErrorKind::kTrap, "unreachable");
  auto run = [&](auto spoil) {
    FakeCall call;
    call.result = "[1]";
    spoil(call);
    Outcome out = call.Run();
    EXPECT_FALSE(out.result);
    EXPECT_FALSE(out.reason.empty());
    return OneLine(out);
  };
  EXPECT_EQ(run([](FakeCall& c) { c.policy = ""; }), "error 0 policy");
  EXPECT_EQ(run([](FakeCall& c) { c.policy = R"({"write-sink":{"accept":["*"]}})"; }), "error 0 policy");
  EXPECT_EQ(run([&](FakeCall& c) { c.guard.agent = std::unexpected(trap); }), "error 0 trap");
  EXPECT_EQ(run([](FakeCall& c) { c.guard.agent = "{}"; }), "error 0 bad_response");
  EXPECT_EQ(run([](FakeCall& c) { c.guard.agent = R"({"success":false})"; }), "error 0 rejected");
  EXPECT_EQ(run([](FakeCall& c) { c.tool = "\xff"; }), "error 1 invalid_argument");
  EXPECT_EQ(run([&](FakeCall& c) { c.guard.resource = std::unexpected(trap); }), "error 1 trap");
  EXPECT_EQ(run([](FakeCall& c) { c.guard.resource = "garbage"; }), "error 1 bad_response");
  EXPECT_EQ(run([](FakeCall& c) { c.result = Fail(ErrorKind::kBackend, "down"); }), "error 3 backend");
  for (const char* text : {"", "[1", "\"\xff\"", "<html>"}) {
    EXPECT_EQ(run([&](FakeCall& c) { c.result = text; }), "error 3 backend") << text;
  }
  EXPECT_EQ(run([](FakeCall& c) { c.result = std::string(5000, '[') + std::string(5000, ']'); }), "error 3 limit");
  EXPECT_EQ(run([&](FakeCall& c) { c.guard.response = std::unexpected(trap); }), "error 4 trap");
  for (const char* text : {"garbage", "[]", R"({"labeled_paths":[{"path":"/01"}]})", R"({"items":[{"data":1}]})"}) {
    EXPECT_EQ(run([&](FakeCall& c) { c.guard.response = text; }), "error 4 bad_response") << text;
  }
}

TEST(PipelineTest, ABackendThatThrowsOrIsMissingIsAnError) {
  FakeCall call;
  auto source = call.guard.Source();
  Agent agent;
  CallRequest request{.tool = "list_things", .policy_json = kPolicy};
  for (const Backend& backend :
       {Backend(), Backend([](auto, auto, const auto&) -> Result<std::string> { throw std::runtime_error("no"); }),
        Backend([](auto, auto, const auto&) -> Result<std::string> { throw 7; })}) {
    EXPECT_EQ(OneLine(GuardedCall(*source, agent, request, backend)), "error 3 backend");
  }
}

TEST(PipelineTest, ArgumentsThatAreNotJsonNeverReachAnyone) {
  FakeCall call;
  auto source = call.guard.Source();
  Agent agent;
  for (const char* args : {"{", "{}{}", "x"}) {
    CallRequest request{.tool = "t", .args_json = args, .policy_json = kPolicy};
    EXPECT_EQ(OneLine(GuardedCall(*source, agent, request, Backend())), "error 0 invalid_argument");
  }
  CallRequest request{.tool = "t", .capabilities_json = "{", .policy_json = kPolicy};
  EXPECT_EQ(OneLine(GuardedCall(*source, agent, request, Backend())), "error 0 invalid_argument");
  EXPECT_TRUE(call.guard.asked.empty());
}

TEST(PipelineTest, AnAgentIsIntroducedToAGuardOnce) {
  FakeCall call;
  auto source = call.guard.Source();
  auto other = call.guard.Source();
  Agent agent;
  CallRequest request{.tool = "list_x", .policy_json = kPolicy};
  Backend backend = [](auto, auto, const auto&) -> Result<std::string> { return "[]"; };
  for (LabelSource* guard : {source.get(), source.get(), other.get()}) {
    EXPECT_EQ(GuardedCall(*guard, agent, request, backend).kind, OutcomeKind::kAllowed);
  }
  EXPECT_EQ(call.guard.asked.size(), 8u);
  Agent second;
  request.policy_json = R"({"allow-only":{"repos":"public","min-integrity":"none"}})";
  EXPECT_EQ(OneLine(GuardedCall(*source, second, request, backend)), "error 0 policy");
  // Nor does an agent that knows the guard get by with another policy, or none.
  EXPECT_EQ(OneLine(GuardedCall(*source, agent, request, backend)), "error 0 policy");
  request.policy_json = "";
  EXPECT_EQ(OneLine(GuardedCall(*source, agent, request, backend)), "error 0 policy");
  request.policy_json = kPolicy;
  EXPECT_EQ(OneLine(GuardedCall(*source, agent, request, backend)), "allowed 6 []");
}

TEST(PipelineTest, TheBackendGetsTheArgumentsAndTheCallersOptions) {
  FakeCall call;
  auto source = call.guard.Source();
  Agent agent;
  CallRequest request{.tool = "list_x", .args_json = "{\"n\": 1.0}", .policy_json = kPolicy};
  request.call.request_id = "r7";
  std::string seen;
  Outcome out = GuardedCall(*source, agent, request,
                            [&](std::string_view tool, std::string_view args, const CallOptions& options) {
                              seen = std::string(tool) + std::string(args) + std::string(options.request_id);
                              return Result<std::string>("[]");
                            });
  EXPECT_EQ(out.kind, OutcomeKind::kAllowed);
  EXPECT_EQ(seen, "list_x{\"n\": 1.0}r7");
}

TEST(PipelineTest, Noop) {
  auto noop = MakeNoopSource();
  FakeCall call;
  call.policy = "";
  call.result = "[1]";
  Outcome out = call.Run(*noop);
  EXPECT_EQ(OneLine(out), "allowed 6 [1]");
  EXPECT_EQ(out.mode, Mode::kStrict);
  EXPECT_EQ(out.resource->operation, Operation::kReadWrite);
  EXPECT_EQ(call.Run(*noop, Mode::kFilter).mode, Mode::kFilter);
  call.agent = {{"s"}, {}};
  EXPECT_EQ(OneLine(call.Run(*noop)), "denied 2");
  call.agent = {{}, {"i"}};
  EXPECT_EQ(OneLine(call.Run(*noop)), "denied 2");
}

TEST(PipelineTest, WriteSink) {
  WriteSinkPolicy policy{{"private:o/r"}, false};
  auto sink = MakeWriteSinkSource(policy);
  FakeCall call;
  call.agent = {{"private:o/r"}, {"i"}};
  Outcome out = call.Run(*sink);
  EXPECT_EQ(OneLine(out), "allowed 6 []");
  EXPECT_EQ(out.mode, Mode::kFilter);
  EXPECT_EQ(out.resource->operation, Operation::kWrite);
  call.agent = {{"private:o/other"}, {}};
  EXPECT_EQ(OneLine(call.Run(*sink)), "denied 2");
  auto any = MakeWriteSinkSource({{"*"}, false});
  EXPECT_EQ(OneLine(call.Run(*any)), "allowed 6 []");
  auto open = MakeWriteSinkSource({{"*"}, true});
  EXPECT_EQ(OneLine(call.Run(*open)), "denied 2");
  call.agent = {};
  EXPECT_EQ(OneLine(call.Run(*open)), "allowed 6 []");
}

}  // namespace
}  // namespace guardc
