// Which data a result holds: its text as JSON where it is JSON, else the result as it stands.
#include "gateway/answers/mcp_result.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace guardc::gateway {
namespace {

using nlohmann::json;

std::shared_ptr<const JsonText> ResultOf(const std::vector<std::string>& texts) {
  json content = json::array();
  for (const std::string& text : texts) content.push_back({{"type", "text"}, {"text", text}});
  return JsonText::Parse(json{{"content", content}}.dump(), "it").value();
}

// Most that is no JSON is told by its first byte; that must be right for each first byte.
TEST(InnerJsonTest, IsTheTextWhereAnotherParserTakesItForJson) {
  std::vector<std::string> texts = {"",           "true",      "false", "null",     "tru", "true story",
                                    "nullable",   "fn main()", "-1",    "- a",      "12",  "12 x",
                                    "\"quoted\"", "\"open",    "[1]",   "[1",       "{}",  "{",
                                    "\\\"",       "\\n[1]",    "/path", "\xc3\xa9", "\x01"};
  for (int c = 0x20; c < 0x7f; ++c) texts.push_back(std::string(1, static_cast<char>(c)) + "1]");
  for (const std::string space : {"", " ", "\n", "\r\n\t ", "\f", "\b"}) {
    for (const std::string& text : texts) {
      const auto result = ResultOf({space + text});
      const auto inner = InnerJson(result);
      ASSERT_TRUE(inner) << inner.error().message;
      EXPECT_EQ(*inner != result, json::accept(space + text)) << space << text;
    }
  }
}

TEST(InnerJsonTest, PartsAreOneText) {
  EXPECT_EQ(InnerJson(ResultOf({"[1,", "2]"})).value()->text(), "[1,2]");
  EXPECT_EQ(InnerJson(ResultOf({"", " ", "[1]"})).value()->text(), " [1]");
  for (const auto& parts : {std::vector<std::string>{"nu", "ll"}, {"n", "ul", "l"}, {" tr", "ue"}, {"fals", "e"}}) {
    EXPECT_NE(InnerJson(ResultOf(parts)).value(), ResultOf(parts)) << parts[0];
    EXPECT_FALSE(InnerJson(ResultOf(parts)).value()->root().Is(JsonType::kObject)) << parts[0];
  }
  EXPECT_TRUE(InnerJson(ResultOf({"nu", "tshell"})).value()->root().Is(JsonType::kObject));
  const auto prose = ResultOf({"as follows: ", "[1]"});
  EXPECT_EQ(InnerJson(prose).value(), prose);
}

TEST(InnerJsonTest, HalfASurrogatePairIsAnErrorInAnyText) {
  for (const char* text : {R"([\"\ud83d\"])", R"(prose \ud83d)", R"(prose"},{"text":"\ud83d)"}) {
    const auto result = JsonText::Parse(std::string(R"({"content":[{"text":")") + text + R"("}]})", "it").value();
    const auto inner = InnerJson(result);
    ASSERT_FALSE(inner) << text;
    EXPECT_EQ(inner.error().kind, ErrorKind::kBackend);
  }
}

}  // namespace
}  // namespace guardc::gateway
