// The index over JSON text: what is JSON and what is not, and that every value keeps its bytes.
#include "gateway/json/json_text.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/support/json_model.h"
#include "tests/support/json_texts.h"

namespace guardc::gateway {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST(JsonTextTest, AgreesWithTheCheckAndAnotherParserOnMutatedTexts) {
  std::mt19937 random(7);
  int accepted = 0;
  for (int i = 0; i < 50'000; ++i) {
    const std::string text = test::MutatedJson(random);
    auto parsed = JsonText::Parse(text, "it");
    const auto checked = CheckJson(text, "it");
    ASSERT_EQ(parsed.has_value(), checked.has_value()) << text;
    if (!parsed) {
      ASSERT_EQ(parsed.error().message, checked.error().message);
      continue;
    }
    ++accepted;
    ASSERT_EQ(test::ToModel((*parsed)->root()), json::parse(text)) << text;
  }
  EXPECT_GT(accepted, 10'000);
}

TEST(JsonTextTest, TakesWhatIsJsonAndNothingElse) {
  for (const std::string_view text : test::kJsonTexts) EXPECT_TRUE(JsonText::Parse(std::string(text), "it")) << text;
  for (const std::string_view text : test::kJsonTextsBeyondADom) {
    EXPECT_TRUE(JsonText::Parse(std::string(text), "it")) << text;
  }
  for (const std::string_view text : test::kNotJsonTexts) {
    const auto parsed = JsonText::Parse(std::string(text), "it");
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind, ErrorKind::kInvalidArgument) << text;
    EXPECT_THAT(parsed.error().message, HasSubstr("it is not JSON: ")) << text;
  }
}

TEST(JsonTextTest, ValuesKeepTheirBytes) {
  auto parsed = JsonText::Parse(R"([ 1.0e+02 ,{ "a" : 12345678901234567890123 } , "\u0041"])", "it").value();
  std::vector<std::string_view> raw;
  for (JsonValue value : parsed->root()) raw.push_back(value.raw());
  EXPECT_THAT(raw, testing::ElementsAre("1.0e+02", R"({ "a" : 12345678901234567890123 })", R"("\u0041")"));
}

TEST(JsonTextTest, DepthIsLimitedAndCostsNoStack) {
  EXPECT_TRUE(JsonText::Parse(test::NestedJson(kMaxJsonDepth), "it"));
  for (size_t depth : {size_t{kMaxJsonDepth} + 1, size_t{10000}, size_t{1000000}}) {
    EXPECT_EQ(JsonText::Parse(test::NestedJson(depth), "it").error().kind, ErrorKind::kLimit);
    EXPECT_EQ(JsonText::Parse(std::string(depth, '['), "it").error().kind, ErrorKind::kInvalidArgument);
  }
}

TEST(JsonTextTest, HalfASurrogatePairIsNoText) {
  auto parsed = JsonText::Parse(R"(["\ud83d\ude00","\ud83d","\ude00","\ud83d\u0041","\ud83dx"])", "it");
  ASSERT_TRUE(parsed);  // as bytes it may pass
  int ok = 0;
  for (JsonValue value : (*parsed)->root()) ok += value.String().has_value();
  EXPECT_EQ(ok, 1);
}

TEST(JsonTextTest, ABigTextFollowedBySmallOnes) {
  std::string big = "[" + std::string(20 << 20, ' ') + "1]";
  EXPECT_EQ((*JsonText::Parse(big, "it"))->root().size(), 1u);
  EXPECT_TRUE(JsonText::Parse("[]", "it"));
}

TEST(OnOneLineTest, LeavesNoSecondLine) {
  EXPECT_EQ(OnOneLine("{\n  \"a b\": [1, \"\\\"x \\\\\"],\r\n\t\"c\": null }\n"), R"({"a b":[1,"\"x \\"],"c":null})");
  EXPECT_EQ(OnOneLine(R"({"a": [1,  2]} )"), R"({"a": [1,  2]})");  // as it is
  for (const char* text : {"\"a\nb\"", "\"\\\n\"", "{}\n\"\n", "\\\n\\\n", "\"\\\\\n"}) {
    EXPECT_EQ(OnOneLine(text).find('\n'), std::string::npos) << text;
  }
}

TEST(KnownMembersTest, FindsAndRefuses) {
  auto read = [](std::string text) {
    static std::vector<std::shared_ptr<const JsonText>> kept;
    kept.push_back(JsonText::Parse(std::move(text), "it").value());
    return KnownMembers::Read(kept.back()->root(), {"secrecy", "task"}, ErrorKind::kBadResponse, "it");
  };
  auto members = read(R"({"secrecy":1,"other":2,"task":null})");
  ASSERT_TRUE(members);
  EXPECT_TRUE(members->Find("secrecy"));
  EXPECT_TRUE(members->Find("task"));
  EXPECT_FALSE(members->FindNotNull("task"));
  EXPECT_EQ(members->unknown(), "other");
  EXPECT_TRUE(read(R"({"Other":1,"other":2})"));
  for (const char* text : {R"({"Secrecy":1})", R"({"SECRECY":1})", "{\"\u017fecrecy\":1}", "{\"ta\u017f\u212a\":1}"}) {
    auto wrong = read(text);
    ASSERT_FALSE(wrong) << text;
    EXPECT_THAT(wrong.error().message, HasSubstr("spelling"));
    EXPECT_FALSE(wrong.error().details().key.empty());
  }
  for (const char* text : {R"({"secrecy":1,"secrecy":1})", R"({"secrecy":1,"s\u0065crecy":1})", R"({"x":1,"x":1})"}) {
    EXPECT_THAT(read(text).error().message, HasSubstr("twice")) << text;
  }
  for (const char* text : {"[]", "null", "\"secrecy\"", "1"}) EXPECT_FALSE(read(text)) << text;
}

TEST(AppendJsonStringTest, IsReadBackAsItWas) {
  std::string all;
  for (int c = 0; c < 128; ++c) all += static_cast<char>(c);
  all += "\xc3\xa9\xf0\x9f\x98\x80\"\\";
  std::string out;
  AppendJsonString(out, all);
  EXPECT_EQ(json::parse(out).get<std::string>(), all);
}

TEST(PrintableTest, IsShortAndHasNoControls) {
  EXPECT_EQ(Printable("a\nb\x7f\x1b[0m"), "a?b??[0m");
  EXPECT_EQ(Printable("\xff\xfe"), "??");
  // C1 controls, separators, marks of direction; and what is next to them
  EXPECT_EQ(Printable("a\u0080b\u009bc\u00a0d\u2028e\u202ef\u2030g\u2066h\u206ai\u061cj\u200ek\u200d"),
            "a?b?c\u00a0d?e?f\u2030g?h\u206ai?j?k\u200d");
  std::string cut = Printable(std::string(9, 'x') + "\xc3\xa9" + std::string(100, 'y'), 10);
  EXPECT_EQ(cut, std::string(9, 'x') + "...");
}

}  // namespace
}  // namespace guardc::gateway
