// docs/guard-abi.md, 3, label_resource's response.
#include <gtest/gtest.h>

#include "guardc/label.h"
#include "tests/unit/gateway/bad_answer.h"

namespace guardc {
namespace {

TEST(ResourceAnswerTest, DescriptionLabelsAndOperation) {
  auto answer = ParseResourceAnswer(
      R"({"resource":{"description":"d\n","secrecy":["s","s"," "],"integrity":["i"]},"operation":"read"})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->description, "d\n");
  EXPECT_EQ(answer->labels, (Labels{{"s", " "}, {"i"}}));  // as they are
  EXPECT_EQ(answer->operation, Operation::kRead);
  EXPECT_EQ(ParseResourceAnswer(R"({"resource":{},"operation":"read-write"})")->operation, Operation::kReadWrite);
  EXPECT_EQ(ParseResourceAnswer(R"({"resource":{},"operation":"write"})")->operation, Operation::kWrite);
}

TEST(ResourceAnswerTest, AnUnknownOperationIsAReadWrite) {
  for (const char* operation : {R"("WRITE")", R"("READ")", R"(" read")", R"("read ")", R"("delete")", R"("")",
                                R"("\ud800")", "null", "1", "{}", "[\"read\"]"}) {
    auto answer = ParseResourceAnswer(std::string(R"({"resource":{},"operation":)") + operation + "}");
    ASSERT_TRUE(answer) << operation;
    EXPECT_EQ(answer->operation, Operation::kReadWrite) << operation;
  }
  EXPECT_EQ(ParseResourceAnswer(R"({"resource":{}})")->operation, Operation::kReadWrite);
}

TEST(ResourceAnswerTest, SuccessAndErrorMeanNothingHere) {
  EXPECT_TRUE(ParseResourceAnswer(R"({"success":false,"error":"x","resource":{},"operation":"read"})"));
}

TEST(ResourceAnswerTest, EverythingElseIsABadResponse) {
  ExpectBad(ParseResourceAnswer, "", "");
  for (const char* text : {"null", "[]", "7", "{", "{\"resource\":{}} x"}) ExpectBad(ParseResourceAnswer, text, "");
  ExpectBad(ParseResourceAnswer, "{}", "resource");
  for (const char* value : {"null", "[]", "\"x\""})
    ExpectBad(ParseResourceAnswer, std::string(R"({"resource":)") + value + "}", "resource");
  for (const char* value : {"\"a\"", "[1]", "null", "{}", "[\"a\",null]", "[[\"a\"]]"}) {
    ExpectBad(ParseResourceAnswer, std::string(R"({"resource":{"secrecy":)") + value + "}}", "resource.secrecy");
    ExpectBad(ParseResourceAnswer, std::string(R"({"resource":{"integrity":)") + value + "}}", "resource.integrity");
  }
  ExpectBad(ParseResourceAnswer, R"({"resource":{"Secrecy":["a"]}})", "Secrecy");
  ExpectBad(ParseResourceAnswer, R"({"resource":{"secrecy":["a"],"secrecy":[]}})", "secrecy");
  ExpectBad(ParseResourceAnswer, R"({"resource":{"secrecy":["a"]},"resource":{}})", "resource");
  ExpectBad(ParseResourceAnswer, R"({"Resource":{}})", "Resource");
  ExpectBad(ParseResourceAnswer, R"({"resource":{},"Operation":"read"})", "Operation");
}

TEST(ResourceAnswerTest, ErrorsNameWhatIsWrong) {
  std::string tags = "\"t\"";
  for (size_t i = 0; i < kMaxTagsPerLabel; ++i) tags += ",\"t\"";
  const auto many = ParseResourceAnswer(R"({"resource":{"secrecy":[)" + tags + "]}}");
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().details().key, "resource.secrecy");
  EXPECT_EQ(many.error().details().limit, kMaxTagsPerLabel);
  EXPECT_EQ(many.error().message,
            "label_resource answered wrongly: \"resource.secrecy\" has 10001 tags; the limit is 10000 in a label and "
            "200000 in an answer");
  EXPECT_EQ(ParseResourceAnswer("null").error().message,
            "label_resource answered wrongly: the answer is null; expected an object");
}

}  // namespace
}  // namespace guardc
