// What JSON text is, and what a DOM takes of it.
#include "base/json_check.h"

#include <gmock/gmock.h>

#include "base/json.h"
#include "tests/support/json_texts.h"

namespace guardc {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using namespace std::string_view_literals;

std::string WhyNot(std::string_view text) {
  const auto checked = CheckJson(text, "it");
  if (checked) return "it is JSON";
  EXPECT_EQ(checked.error().kind, ErrorKind::kInvalidArgument);
  return checked.error().message;
}

TEST(CheckJsonTest, TakesWhatIsJson) {
  for (const std::string_view text : test::kJsonTexts) {
    EXPECT_TRUE(CheckJson(text, "it")) << text;
    EXPECT_TRUE(json::accept(text)) << text;
  }
  for (const std::string_view text : test::kJsonTextsBeyondADom) EXPECT_TRUE(CheckJson(text, "it")) << text;
}

TEST(CheckJsonTest, RefusesWhatIsNot) {
  for (const std::string_view text : test::kNotJsonTexts) EXPECT_THAT(WhyNot(text), HasSubstr("is not JSON")) << text;
}

TEST(CheckJsonTest, RefusesWhatFollowsAnyText) {
  for (const std::string_view text : test::kJsonTexts) {
    for (const std::string_view behind :
         {"\0"sv, "\0\0"sv, "\0 {}"sv, "\n\0"sv, ","sv, "]"sv, "\xef\xbb\xbf"sv, " 0"sv}) {
      EXPECT_THAT(WhyNot(std::string(text) + std::string(behind)), HasSubstr("is not JSON")) << text;
    }
    EXPECT_THAT(WhyNot("\xef\xbb\xbf" + std::string(text)), HasSubstr("byte order mark"));
    EXPECT_TRUE(CheckJson(" \t\r\n" + std::string(text) + " \t\r\n", "it"));
  }
}

TEST(CheckJsonTest, SaysWhereAndWhat) {
  EXPECT_EQ(WhyNot("{}\0x"sv), "it is not JSON: column 3: the byte 0x00 where the end of the text was expected");
  EXPECT_EQ(WhyNot("{}x\n"), "it is not JSON: line 1, column 3: 'x' where the end of the text was expected");
  EXPECT_EQ(WhyNot("[1,\n 2,\n]"), "it is not JSON: line 3, column 1: ']' where a value was expected");
  EXPECT_EQ(WhyNot(""), "it is not JSON: column 1: the end of the text where a value was expected");
  EXPECT_EQ(WhyNot("{1:2}"), "it is not JSON: column 2: '1' where a key was expected");
  EXPECT_THAT(WhyNot("{\"a\" 1}"), HasSubstr("column 6: '1' where ':' was expected"));
  EXPECT_THAT(WhyNot("{\"a\":1 1}"), HasSubstr("column 8: '1' where ',' or '}' was expected"));
  EXPECT_THAT(WhyNot("[01]"), HasSubstr("column 3: '1' where ',' or ']' was expected"));
  EXPECT_THAT(WhyNot("\"a\nb\""), HasSubstr("column 3: the byte 0x0a where a character of a string"));
  EXPECT_THAT(WhyNot("\"\\q\""), HasSubstr("column 3: 'q' where an escape was expected"));
  EXPECT_THAT(WhyNot("\"\xff\""), HasSubstr("column 2: the byte 0xff where UTF-8 was expected"));
  EXPECT_THAT(WhyNot("\"abc"), HasSubstr("column 5: the end of the text where the end of a string was expected"));
}

TEST(CheckJsonTest, DepthIsLimitedAndCostsNoStack) {
  EXPECT_TRUE(CheckJson(test::NestedJson(kMaxJsonDepth), "it"));
  for (const size_t depth : {size_t{kMaxJsonDepth} + 1, size_t{10'000}, size_t{1'000'000}}) {
    const auto checked = CheckJson(test::NestedJson(depth), "it");
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().kind, ErrorKind::kLimit);
    EXPECT_EQ(checked.error().details().limit, kMaxJsonDepth);
    // What is no JSON at all is called that.
    EXPECT_THAT(WhyNot(std::string(depth, '[')), HasSubstr("is not JSON"));
  }
}

TEST(CheckJsonTest, AgreesWithAnotherParserOnMutatedTexts) {
  std::mt19937 random(7);
  int accepted = 0;
  for (int i = 0; i < 50'000; ++i) {
    const std::string text = test::MutatedJson(random);
    const bool is_json = CheckJson(text, "it").has_value();
    if (text.contains('\0')) {
      ASSERT_FALSE(is_json) << text;
    } else {
      ASSERT_EQ(is_json, json::accept(text)) << text;
    }
    accepted += is_json;
  }
  EXPECT_GT(accepted, 10'000);
}

TEST(ParseJsonTest, RefusesWhatTheCheckRefuses) {
  EXPECT_EQ(ParseJson(R"({"a":[1,"x"]})", "it").value(), (json{{"a", {1, "x"}}}));
  for (const std::string_view text : test::kNotJsonTexts) {
    const auto parsed = ParseJson(text, "it");
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error().message, HasSubstr("is not JSON"));
  }
  EXPECT_EQ(ParseJson(test::NestedJson(100'000), "it").error().kind, ErrorKind::kLimit);
}

TEST(ParseJsonTest, RefusesWhatADomCannotHold) {
  for (const std::string_view text : test::kJsonTextsBeyondADom) {
    EXPECT_THAT(ParseJson(text, "it").error().message, HasSubstr("surrogate pair")) << text;
  }
}

}  // namespace
}  // namespace guardc
