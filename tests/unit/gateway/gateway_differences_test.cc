// docs/differences.md: where we do as the gateway does, and where we do not. What concerns one answer alone is tested
// with that answer; here are the sentences about whole calls.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/unit/gateway/fake_guard.h"

namespace guardc {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kVault = R"({"description":"the vault","secrecy":["s"],"integrity":["i"]})";
constexpr const char* kSecretItem = R"({"labeled_paths":[{"path":"/0","labels":{"secrecy":["s"]}}]})";
const char* const kNoLabels[] = {"", "null", "{}", R"({"x":1})", R"({"items":{}})"};
const char* const kNoItems[] = {R"({"items":[]})", R"({"items":[4]})"};

TEST(Section8Test, TheGuardsModeWinsOverAConfiguredOne) {
  FakeCall call;
  call.Mode("STRICT");
  auto source = call.guard.Source();
  EXPECT_EQ(call.Run(*source, Mode::kPropagate).mode, Mode::kStrict);
  const auto noop = MakeNoopSource();
  const auto sink = MakeWriteSinkSource({});
  EXPECT_EQ(call.Run(*noop, Mode::kPropagate).mode, Mode::kStrict);
  EXPECT_EQ(call.Run(*sink, Mode::kStrict).mode, Mode::kFilter);
  for (const char* none : {"", " \n", "null", " null "}) {
    call.policy = none;
    EXPECT_EQ(call.Run(*noop, Mode::kPropagate).mode, Mode::kPropagate) << none;
    EXPECT_EQ(call.Run(*sink, Mode::kStrict).mode, Mode::kStrict) << none;
    EXPECT_EQ(call.Run(*noop).mode, Mode::kStrict) << none;
    EXPECT_EQ(call.Run(*sink).mode, Mode::kFilter) << none;
  }
  for (const char* other : {"{}", "5", "x", "\"\""}) {
    call.policy = other;
    EXPECT_EQ(call.Run(*noop, Mode::kPropagate).mode, Mode::kStrict) << other;
  }
}

TEST(Section8Test, LabelAgentsTagsAreAddedToThoseThatTheAgentHas) {
  FakeCall call;
  call.agent = {{"a"}, {"x"}};
  call.guard.agent = R"({"difc_mode":"filter","agent":{"secrecy":[" b ",""],"integrity":["y"]}})";
  EXPECT_EQ(call.Run().agent_before, (Labels{{"a", "b"}, {"x", "y"}}));
}

TEST(Section8Test, ASingularReadWhoseItemIsLeftOutIsAnError) {
  for (const char* tool : {"get_thing", "issue_read", "List_things", "research_x"}) {
    FakeCall call;
    call.tool = tool;
    call.Mode("filter");
    call.guard.response = kSecretItem;
    call.result = "[1]";
    EXPECT_EQ(OneLine(call.Run()), "denied 5") << tool;
    call.result = "[1,2]";
    EXPECT_THAT(OneLine(call.Run()), StartsWith("filtered 5")) << tool;
  }
  for (const char* tool : {"list_things", "search_code"}) {
    FakeCall call;
    call.tool = tool;
    call.Mode("filter");
    call.guard.response = kSecretItem;
    call.result = "[1]";
    EXPECT_EQ(OneLine(call.Run()), R"(filtered 5 {"content":[{"type":"text","text":"[]"}]})") << tool;
  }
}

TEST(Section8Test, ANoticeNamesFiveThenACount) {
  auto notice = [](const std::vector<std::pair<std::string, std::string>>& items) {
    FakeCall call;
    call.agent = {{}, {"i"}};
    call.Mode("filter").Resource("read", R"({"integrity":["i"]})");
    std::string paths, result;
    for (size_t i = 0; i < items.size(); ++i) {
      paths += (i ? "," : "") + std::string(R"({"path":"/)") + std::to_string(i) + R"(","labels":{"description":")" +
               items[i].first + R"(",)" + items[i].second + "}}";
      result += (i ? "," : "") + std::to_string(i);
    }
    call.guard.response = "{\"labeled_paths\":[" + paths + "]}";
    call.result = "[" + result + "]";
    return call.Run().notice;
  };
  const std::string secret = R"("secrecy":["s"],"integrity":["i"])", low = R"("integrity":[])";
  EXPECT_EQ(notice({{"a", secret}}), "1 item was left out by secrecy policy: a");
  EXPECT_EQ(notice({{"a", low}, {"", low}}), "2 items were left out by integrity policy: a, item 1");
  EXPECT_EQ(notice({{"a", low}, {"b", secret}}), "2 items were left out by access policy: a, b");
  EXPECT_EQ(notice({{"a", low}, {"b", low}, {"c", low}, {"d", low}, {"e", low}, {"f", low}, {"g", low}}),
            "7 items were left out by integrity policy: a, b, c, d, e, and 2 more");
  EXPECT_EQ(notice({{"a", R"("integrity":["i"])"}}), "");
  EXPECT_EQ(notice({{"", low}, {"", secret}, {"unlabeled", low}}),
            "3 items were left out by access policy: item 0, item 1, unlabeled");
  EXPECT_THAT(notice({{std::string("x\\n\\u001b[31m") + std::string(5000, 'y'), low}}), HasSubstr("x??[31my"));
}

TEST(Section8Test, WhenNothingIsLeftOutTheResultPassesEnvelopeAndAll) {
  for (const char* mode : {"strict", "filter", "propagate"}) {
    for (const char* response : {"", R"({"labeled_paths":[]})", R"({"labeled_paths":[{"path":"/0","labels":{}}]})"}) {
      FakeCall call;
      call.Mode(mode);
      call.guard.response = response;
      call.result =
          R"({"content":[{"type":"text","text":"[1]"},{"type":"image","data":"x"}],"structuredContent":[1],"_meta":{}})";
      EXPECT_EQ(OneLine(call.Run()), "allowed 6 " + *call.result) << response;
    }
  }
}

TEST(Section8Test, LegacyItemsAreTheAnswerAlsoWhenNothingIsLeftOut) {
  for (const char* mode : {"strict", "filter", "propagate"}) {
    FakeCall call;
    call.Mode(mode);
    call.guard.response = R"({"items":[{"data":{"n": 9},"labels":{}}]})";
    call.result = R"({"content":[{"type":"text","text":"[1,2]"},{"type":"image","data":"x"}],"_meta":{}})";
    EXPECT_EQ(OneLine(call.Run()), R"(allowed 6 {"content":[{"type":"text","text":"[{\"n\": 9}]"}]})") << mode;
    for (const char* response : kNoItems) {
      call.guard.response = response;
      EXPECT_EQ(OneLine(call.Run()), R"(allowed 6 {"content":[{"type":"text","text":"[]"}]})") << mode << response;
    }
  }
}

TEST(Section8Test, LegacyItemsAreKeptAsTheGuardWroteThem) {
  FakeCall call;
  call.Mode("filter");
  call.guard.response =
      R"({"items":[{"data":{"n": 1.0},"labels":{}},3,{"data":2,"labels":{"secrecy":["s"]}},{"data":"x","labels":{}}]})";
  call.result = "[1,2,3]";
  Outcome out = call.Run();
  EXPECT_EQ(json::parse(*out.result)["content"][0]["text"], R"([{"n": 1.0},"x"])");
  EXPECT_EQ(out.items->total, 3u);
  EXPECT_EQ(out.items->left_out[0].index, 1u);
}

// --- Different from the gateway ---

TEST(Section8Test, ACoarseDeniedReadWithoutItemLabelsIsDenied) {
  std::vector<const char*> responses(std::begin(kNoLabels), std::end(kNoLabels));
  responses.insert(responses.end(), std::begin(kNoItems), std::end(kNoItems));
  for (const char* response : responses) {
    FakeCall call;
    call.guard.response = response;
    call.result = "[\"secret\"]";
    call.Mode("strict").Resource("read", kVault);
    EXPECT_EQ(OneLine(call.Run()), "denied 5") << response;

    call.Mode("filter");
    Outcome out = call.Run();
    EXPECT_EQ(OneLine(out), R"(filtered 5 {"content":[{"type":"text","text":"[]"}]})") << response;
    EXPECT_EQ(out.notice, "the answer was left out by secrecy policy: the vault");
    EXPECT_FALSE(out.items);
    call.tool = "get_it";
    EXPECT_EQ(OneLine(call.Run()), "denied 5") << response;

    call.agent = {{"a"}, {"i", "j"}};
    call.Mode("propagate");
    out = call.Run();
    const bool has_a_list = std::string_view(response).contains('[');
    EXPECT_EQ(OneLine(out),
              has_a_list ? R"(allowed 6 {"content":[{"type":"text","text":"[]"}]})" : "allowed 6 [\"secret\"]")
        << response;
    EXPECT_EQ(out.agent_after, (Labels{{"a", "s"}, {"i"}})) << response;
  }
}

TEST(Section8Test, AnEmptyCollectionHasTheResourcesLabels) {
  FakeCall call;
  call.guard.response = R"({"labeled_paths":[],"items_path":"/items"})";
  call.result = R"({"items":[],"total_count":57})";
  call.Mode("strict").Resource("read", kVault);
  EXPECT_EQ(OneLine(call.Run()), "denied 5");
  for (const char* tool : {"list_things", "get_thing"}) {
    call.tool = tool;
    Outcome out = call.Mode("filter").Run();
    EXPECT_EQ(OneLine(out), R"(filtered 5 {"content":[{"type":"text","text":"[]"}]})") << tool;
    EXPECT_EQ(out.notice, "the answer was left out by secrecy policy: the vault");
    EXPECT_EQ(out.cause, DenialCause::kSecrecy);
    EXPECT_EQ(out.reason,
              "the answer was left out by secrecy policy: the vault; read denied by secrecy: the resource carries [s], "
              "which the agent may not see");
  }
  call.agent = {{}, {"i", "j"}};
  call.Mode("propagate");
  Outcome out = call.Run();
  EXPECT_EQ(OneLine(out), R"(allowed 6 {"content":[{"type":"text","text":"[]"}]})");
  EXPECT_EQ(out.agent_after, (Labels{{"s"}, {"i"}}));
  call.agent = {{"s"}, {"i"}};
  out = call.Run();
  EXPECT_EQ(OneLine(out), "allowed 6 " + *call.result);
  EXPECT_EQ(out.agent_after, call.agent);
}

TEST(Section8Test, ItemsThatNobodyLabelledAreToldApart) {
  FakeCall call;
  call.Mode("filter").Resource("read", kVault);
  call.guard.response = R"({"labeled_paths":[{"path":"/1","labels":{}},{"path":"/2"}]})";
  call.result = "[0,1,2,3]";
  EXPECT_EQ(call.Run().notice, "3 items were left out by secrecy policy: item 0, item 2, item 3");
  call.guard.response = R"({"labeled_paths":[{"path":"/1","labels":{"description":"a","secrecy":["s"]}}],
    "default_labels":{"description":"an issue","secrecy":["s"]}})";
  EXPECT_EQ(call.Run().notice,
            "4 items were left out by secrecy policy: an issue (item 0), a, an issue (item 2), an issue (item 3)");
  call.guard.response = R"({"labeled_paths":[{"path":"/1","labels":{}},{"path":"/2"}]})";
  call.result = "{}";
  EXPECT_EQ(call.Run().notice, "the answer was left out by secrecy policy");
  call.guard.response = R"({"labeled_paths":[],"default_labels":{"description":"a file","secrecy":["t"]}})";
  EXPECT_EQ(call.Run().notice, "the answer was left out by secrecy policy: a file");
}

TEST(Section8Test, NoPolicyForAServerThatHasAGuardIsAnError) {
  FakeCall call;
  for (const char* policy : {"", "null", "\"\"", "{}"}) {
    call.policy = policy;
    EXPECT_EQ(OneLine(call.Run()), "error 0 policy") << policy;
  }
  EXPECT_EQ(call.Run(*MakeNoopSource()).kind, OutcomeKind::kAllowed);
}

TEST(Section8Test, AnswersThatMeanTwoThingsAreErrorsWhateverTheMode) {
  for (const char* mode : {"strict", "filter", "propagate"}) {
    for (const char* response :
         {R"({"items":[{"data":1}]})", R"({"items":[{"data":1,"labels":{"secrecy":"a"}}]})",
          R"({"labeled_paths":[{"path":"/0","labels":{"Secrecy":["s"]}}]})",
          R"({"labeled_paths":[{"path":"/0","labels":{"secrecy":["s"],"secrecy":[]}}]})",
          R"({"labeled_paths":[{"path":"/01","labels":{}}]})", R"({"labeled_paths":[{"path":"/~2","labels":{}}]})"}) {
      FakeCall call;
      call.Mode(mode);
      call.guard.response = response;
      call.result = "[1,2]";
      EXPECT_EQ(OneLine(call.Run()), "error 4 bad_response") << mode << response;
    }
    for (const char* resource : {R"({"secrecy":"a"})", R"({"secrecy":[1]})", R"({"Secrecy":["a"]})"}) {
      FakeCall call;
      call.Mode(mode).Resource("read", resource);
      EXPECT_EQ(OneLine(call.Run()), "error 1 bad_response") << mode << resource;
    }
  }
}

}  // namespace
}  // namespace guardc
