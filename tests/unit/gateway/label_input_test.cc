// What a guard gets: the inputs of docs/guard-abi.md, 3, spliced from text.
#include <gtest/gtest.h>

#include "guardc/label.h"
#include "tests/support/json_document.h"

namespace guardc {
namespace {

using test::Json;

TEST(LabelInputTest, ResourceHasNameArgumentsAndCapabilities) {
  EXPECT_EQ(LabelResourceInput("get_me", Json("{}")).value(),
            R"({"tool_name":"get_me","tool_args":{},"capabilities":{}})");
  EXPECT_EQ(LabelResourceInput("t", JsonDocument()).value(), R"({"tool_name":"t","tool_args":null,"capabilities":{}})");
  EXPECT_EQ(LabelResourceInput("t", Json("{}"), Json(R"({"a":1})")).value(),
            R"({"tool_name":"t","tool_args":{},"capabilities":{"a":1}})");
  EXPECT_EQ(LabelResourceInput("t", Json("{}"), Json("null")).value(),
            R"({"tool_name":"t","tool_args":{},"capabilities":{}})");
}

TEST(LabelInputTest, ResponseHasTheResultAsWell) {
  EXPECT_EQ(LabelResponseInput("t", JsonDocument(), Json("[1]")).value(),
            R"({"tool_name":"t","tool_args":null,"tool_result":[1],"capabilities":{}})");
  EXPECT_EQ(LabelResponseInput("t", Json(R"({"q":1})"), Json("[1]")).value(),
            R"({"tool_name":"t","tool_args":{"q":1},"tool_result":[1],"capabilities":{}})");
}

TEST(LabelInputTest, NumbersKeepTheirDigits) {
  EXPECT_EQ(LabelResourceInput("t", Json("{\"n\": 12345678901234567890.10}")).value(),
            R"({"tool_name":"t","tool_args":{"n": 12345678901234567890.10},"capabilities":{}})");
}

TEST(LabelInputTest, ANameCannotBreakOut) {
  EXPECT_EQ(LabelResourceInput("a\",\"x\":\"\n", Json("1")).value(),
            R"({"tool_name":"a\",\"x\":\"\n","tool_args":1,"capabilities":{}})");
  EXPECT_EQ(LabelResourceInput("\xff", Json("1")).error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(LabelResponseInput("\xff", Json("1"), Json("1")).error().kind, ErrorKind::kInvalidArgument);
}

TEST(JsonDocumentTest, HoldsOnlyJson) {
  for (const char* text : {"", "{", "1,2", "x", "{}}", "\"\xff\""}) {
    EXPECT_EQ(JsonDocument::Parse(text, "it").error().kind, ErrorKind::kInvalidArgument) << text;
  }
  EXPECT_EQ(JsonDocument().text(), "null");
}

}  // namespace
}  // namespace guardc
