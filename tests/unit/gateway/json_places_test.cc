// Every place of the libraries that reads JSON from a guest, a file or a caller takes one text and nothing behind it.
// env.call_backend is in tests/unit/host/env_test.cc, the command's files in tests/cli/test_json_text.py.
#include <gmock/gmock.h>

#include <functional>

#include "artifact/description.h"
#include "artifact/manifest.h"
#include "base/json.h"
#include "guardc/pipeline.h"
#include "guardc/policy.h"
#include "tests/support/json_texts.h"
#include "tests/support/test_artifact.h"
#include "tests/unit/gateway/fake_guard.h"

namespace guardc {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

constexpr std::string_view kPolicy = R"({"allow-only":{"repos":"all","min-integrity":"none"}})";

// A guarded call of which one text is replaced; what the agent sees, or the error.
Result<void> Call(std::string_view name, const std::string& text) {
  const auto or_default = [&](std::string_view which, std::string_view otherwise) {
    return name == which ? text : std::string(otherwise);
  };
  FakeGuard fake;
  fake.agent = or_default("label_agent", R"({"difc_mode":"strict"})");
  fake.resource = or_default("label_resource", R"({"resource":{},"operation":"read"})");
  fake.response = or_default("label_response", R"({"labeled_paths":[]})");
  const std::string args = or_default("args", "{}");
  const std::string capabilities = or_default("capabilities", "{}");
  const std::string policy = or_default("policy", kPolicy);
  Agent agent;
  const CallRequest request{
      .tool = "list_x", .args_json = args, .capabilities_json = capabilities, .policy_json = policy};
  Outcome out = GuardedCall(*fake.Source(), agent, request,
                            [&](std::string_view, std::string_view, const CallOptions&) -> Result<std::string> {
                              return or_default("result", "[]");
                            });
  EXPECT_EQ(out.error.has_value(), !out.result.has_value());
  if (out.error) return std::unexpected(*out.error);
  return {};
}

struct Place {
  std::string name;
  std::string good;
  std::function<Result<void>(const std::string&)> read;
};

template <class Parse>
Place PlaceOf(std::string name, std::string_view good, Parse parse) {
  return {std::move(name), std::string(good), [parse](const std::string& text) -> Result<void> {
            GUARDC_CHECK(parse(text));
            return {};
          }};
}

std::vector<Place> Places() {
  const artifact::Payload payload = test::TestPayload(test::TestIdentity(), {std::byte{1}});
  std::vector<Place> places = {
      PlaceOf("CheckJson", "{}", [](const std::string& text) { return CheckJson(text, "it"); }),
      PlaceOf("ParseJson", "{}", [](const std::string& text) { return ParseJson(text, "it"); }),
      PlaceOf("ParseManifest", artifact::PrintManifest(payload.manifest),
              [](const std::string& text) { return artifact::ParseManifest(text, "it"); }),
      PlaceOf("ParseDescription", artifact::PrintDescription(payload.description),
              [](const std::string& text) { return artifact::ParseDescription(text, "it"); }),
      PlaceOf("JsonDocument", "null", [](const std::string& text) { return JsonDocument::Parse(text); }),
      PlaceOf("ParsePolicy", kPolicy, [](const std::string& text) { return ParsePolicy(text); }),
      PlaceOf("MergeTrusted", kPolicy,
              [](const std::string& text) {
                const std::string names[] = {"bot"};
                return MergeTrusted(text, names, {});
              }),
      PlaceOf("ParseWriteSinkPolicy", R"({"write-sink":{"accept":["a"]}})",
              [](const std::string& text) { return ParseWriteSinkPolicy(text, "x"); }),
      PlaceOf("ParseAgentAnswer", R"({"difc_mode":"strict"})",
              [](const std::string& text) { return ParseAgentAnswer(text); }),
      PlaceOf("ParseResourceAnswer", R"({"resource":{},"operation":"read"})",
              [](const std::string& text) { return ParseResourceAnswer(text); }),
      PlaceOf("ParseResponseAnswer", "{}",
              [](const std::string& text) { return ParseResponseAnswer(text, JsonDocument()); }),
  };
  for (const auto& [name, good] : {std::pair("label_agent"sv, R"({"difc_mode":"strict"})"sv),
                                   {"label_resource"sv, R"({"resource":{},"operation":"read"})"sv},
                                   {"label_response"sv, R"({"labeled_paths":[]})"sv},
                                   {"args"sv, "null"sv},
                                   {"capabilities"sv, "{}"sv},
                                   {"policy"sv, kPolicy},
                                   {"result"sv, "[]"sv}}) {
    places.push_back(PlaceOf("GuardedCall's " + std::string(name), good,
                             [name](const std::string& text) { return Call(name, text); }));
  }
  return places;
}

TEST(JsonPlacesTest, TakeOneTextAndNothingBehindIt) {
  for (const Place& place : Places()) {
    const auto good = place.read(place.good);
    EXPECT_TRUE(good) << place.name << ": " << good.error().message;
    EXPECT_TRUE(place.read(" \t\r\n" + place.good + "\r\n\t ")) << place.name;
    const std::string behind[] = {
        "\0"s, "\0\0\0"s, "\0 x"s, "\0"s + place.good, "\n\0"s, "\0\n{\"outcome\":\"allowed\"}"s, " " + place.good, ",",
        "]",   "}",       "x",     "\xef\xbb\xbf",     "\x1a"};
    for (const std::string& more : behind) {
      const auto read = place.read(place.good + more);
      ASSERT_FALSE(read) << place.name << " takes " << testing::PrintToString(more);
      EXPECT_THAT(read.error().message, testing::HasSubstr("is not JSON")) << place.name;
    }
    EXPECT_FALSE(place.read("\xef\xbb\xbf" + place.good)) << place.name;
    EXPECT_FALSE(place.read("\0"s + place.good)) << place.name;
    EXPECT_FALSE(place.read(place.good.substr(0, place.good.find_last_not_of('\n')))) << place.name;
  }
}

TEST(JsonPlacesTest, RefuseWhatIsNotJson) {
  for (const Place& place : Places()) {
    for (const std::string_view text : test::kNotJsonTexts) {
      // Some take nothing at all for something.
      if (text.find_first_not_of(" \n") == std::string_view::npos) continue;
      EXPECT_FALSE(place.read(std::string(text))) << place.name << " takes " << testing::PrintToString(text);
    }
    EXPECT_FALSE(place.read(test::NestedJson(100'000))) << place.name;
  }
}

TEST(JsonPlacesTest, WhatIsPassedOnMayHoldAnyNumber) {
  for (const std::string_view text : test::kJsonTextsBeyondADom) {
    EXPECT_EQ(JsonDocument::Parse(std::string(text)).value().text(), text);
    for (const char* name : {"args", "capabilities", "result"})
      EXPECT_TRUE(Call(name, "[" + std::string(text) + "]")) << name << text;
  }
}

}  // namespace
}  // namespace guardc
