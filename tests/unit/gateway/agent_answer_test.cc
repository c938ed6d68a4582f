// docs/guard-abi.md, 3, label_agent's response.
#include <gmock/gmock.h>

#include "guardc/label.h"
#include "tests/unit/gateway/bad_answer.h"

namespace guardc {
namespace {

using testing::HasSubstr;

TEST(AgentAnswerTest, ModeLabelsAndPolicy) {
  auto answer = ParseAgentAnswer(
      R"({"agent":{"secrecy":["b","a"],"integrity":["i"]},"difc_mode":"filter","normalized_policy":{"n": 1.0}})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->mode, Mode::kFilter);
  EXPECT_EQ(answer->labels, (Labels{{"a", "b"}, {"i"}}));
  EXPECT_EQ(answer->normalized_policy, R"({"n": 1.0})");
  EXPECT_EQ(ParseAgentAnswer(R"({"difc_mode":"STRICT"})")->mode, Mode::kStrict);
  EXPECT_EQ(ParseAgentAnswer(R"({"difc_mode":"Propagate","agent":null,"normalized_policy":null})")->mode,
            Mode::kPropagate);
  EXPECT_EQ(ParseAgentAnswer(R"({"difc_mode":"strict","agent":{"secrecy":null}})")->labels, Labels());
}

TEST(AgentAnswerTest, TagsAreTrimmedAndEmptyOnesDropped) {
  auto answer = ParseAgentAnswer(
      R"({"difc_mode":"strict","agent":{"secrecy":[" a ","","  ",null,"a"],"integrity":["\u00a0i\n"]}})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->labels, (Labels{{"a"}, {"i"}}));
}

TEST(AgentAnswerTest, RejectionsCarryTheMessage) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"success":false,"error":"no such repo","difc_mode":"strict"})", "no such repo"},
      {R"({"ok":false,"error":"not today"})", "not today"},
      {R"({"ok":false,"error":" \n"})", "without saying why"},
      {R"({"success":true,"error":"but"})", "but"},
      {R"({"success":false})", "without saying why"},
      {R"({"success":true,"ok":false,"difc_mode":"strict"})", "without saying why"}};
  for (const auto& [text, message] : cases) {
    auto answer = ParseAgentAnswer(text);
    ASSERT_FALSE(answer) << text;
    EXPECT_EQ(answer.error().kind, ErrorKind::kRejected);
    EXPECT_THAT(answer.error().message, HasSubstr(message));
  }
  EXPECT_TRUE(ParseAgentAnswer(R"({"success":true,"ok":true,"error":"","difc_mode":"strict"})"));
}

TEST(AgentAnswerTest, OnlyFalseAndTextReject) {
  for (const char* text :
       {R"({"success":"false","difc_mode":"strict"})", R"({"ok":0,"difc_mode":"strict"})",
        R"({"success":null,"ok":null,"error":null,"difc_mode":"strict"})", R"({"error":{},"difc_mode":"strict"})",
        R"({"error":" \n\t","difc_mode":"strict"})", R"({"message":"m","Message":"n","difc_mode":"strict"})"}) {
    EXPECT_TRUE(ParseAgentAnswer(text)) << text;
  }
}

TEST(AgentAnswerTest, EverythingElseIsABadResponse) {
  ExpectBad(ParseAgentAnswer, "", "");
  for (const char* text : {"null", "[]", "1", "{", "\xff", "x"}) ExpectBad(ParseAgentAnswer, text, "");
  for (const char* text : {"{}", R"({"difc_mode":""})", R"({"difc_mode":null})", R"({"difc_mode":"allow"})",
                           R"({"difc_mode":" strict"})", R"({"difc_mode":1})"}) {
    ExpectBad(ParseAgentAnswer, text, "difc_mode");
  }
  ExpectBad(ParseAgentAnswer, R"({"Success":false,"difc_mode":"strict"})", "Success");
  ExpectBad(ParseAgentAnswer, R"({"error":"\ud800","difc_mode":"strict"})", "error");
  for (const char* policy : {"[]", "\"{}\"", "1", "true"}) {
    ExpectBad(ParseAgentAnswer, R"({"difc_mode":"strict","normalized_policy":)" + std::string(policy) + "}",
              "normalized_policy");
  }
  for (const char* agent : {"[]", "\"a\"", "1", "false"}) {
    ExpectBad(ParseAgentAnswer, R"({"difc_mode":"strict","agent":)" + std::string(agent) + "}", "agent");
  }
  ExpectBad(ParseAgentAnswer, R"({"difc_mode":"strict","difc_mode":"propagate"})", "difc_mode");
  ExpectBad(ParseAgentAnswer, R"({"DIFC_mode":"strict"})", "DIFC_mode");
  ExpectBad(ParseAgentAnswer, R"({"difc_mode":"strict","agent":{"Integrity":["a"]}})", "Integrity");
  ExpectBad(ParseAgentAnswer, R"({"difc_mode":"strict","agent":{"secrecy":"a"}})", "agent.secrecy");
  ExpectBad(ParseAgentAnswer, R"({"difc_mode":"strict","agent":{"secrecy":[1]}})", "agent.secrecy");
  ExpectBad(ParseAgentAnswer, R"({"difc_mode":"strict","agent":{"integrity":["\ud800"]}})", "agent.integrity");
}

TEST(AgentAnswerTest, AMillionTags) {
  std::string tags = "\"t\"";
  for (int i = 0; i < 1000000; ++i) tags += ",\"t\"";
  ExpectBad(ParseAgentAnswer, R"({"difc_mode":"strict","agent":{"secrecy":[)" + tags + "]}}", "agent.secrecy");
}

}  // namespace
}  // namespace guardc
