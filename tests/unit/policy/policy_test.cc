// docs/guard-abi.md, 3, sentence by sentence, for the policy of a compiled guard.
#include "guardc/policy.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace guardc {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

json Base() { return {{"allow-only", {{"repos", "all"}, {"min-integrity", "none"}}}}; }

json With(const std::string& key, const json& value) {
  json policy = Base();
  policy["allow-only"][key] = value;
  return policy;
}

struct BadPolicy {
  std::string text;
  std::string key;  // of the error
};

void ExpectError(const BadPolicy& bad) {
  auto policy = ParsePolicy(bad.text);
  ASSERT_FALSE(policy) << bad.text;
  EXPECT_EQ(policy.error().kind, ErrorKind::kPolicy) << bad.text;
  EXPECT_EQ(policy.error().details().key, bad.key) << policy.error().message;
  if (!bad.key.empty()) {
    std::string last = bad.key.substr(bad.key.rfind('.') + 1);
    EXPECT_THAT(policy.error().message, HasSubstr(last));
  }
}

TEST(PolicyTest, IsAnObjectOrAStringThatHoldsOne) {
  std::string object = Base().dump();
  auto direct = ParsePolicy(object);
  auto in_string = ParsePolicy(json(object).dump());
  ASSERT_TRUE(direct && in_string);
  EXPECT_EQ(direct->guard_json, object);
  EXPECT_EQ(in_string->guard_json, object);
  EXPECT_TRUE(ParsePolicy(" \n" + object + " "));
  for (const char* text : {"", "  ", "null", "\"\"", "\"  \"", "\"null\"", "\"x\"", "5", "[]", "true", "{", "\"[]\"",
                           "\"\\\"{}\\\"\"", "{} {}", "\xff"}) {
    ExpectError({text, ""});
  }
}

TEST(PolicyTest, TopLevelKeys) {
  json policy = Base();
  policy["trusted-bots"] = {"bot[bot]"};
  EXPECT_TRUE(ParsePolicy(policy.dump()));
  policy = {{"allowonly", Base()["allow-only"]}};
  EXPECT_TRUE(ParsePolicy(policy.dump()));
  for (const char* key : {"Allow-Only", "allow_only", "extra", "tool-call-limits", "promotion-label", "demotion-label",
                          "policy", "write-sink", "trusted-users", "Trusted-Bots"}) {
    policy = Base();
    policy[key] = json::object();
    ExpectError({policy.dump(), key});
  }
  ExpectError({"{}", "allow-only"});
  ExpectError({R"({"trusted-bots":["a"]})", "allow-only"});
  EXPECT_THAT(ParsePolicy(json({{"policy", Base()}}).dump()).error().message, HasSubstr("outdated"));
}

TEST(PolicyTest, BothSpellingsOfOneKeyAreAnError) {
  json policy = Base();
  policy["allowonly"] = policy["allow-only"];
  ExpectError({policy.dump(), "allowonly"});
  ExpectError({With("integrity", "none").dump(), "allow-only.integrity"});
  auto legacy = ParsePolicy(R"({"allowonly":{"repos":"all","integrity":"merged"}})");
  ASSERT_TRUE(legacy);
  EXPECT_EQ(legacy->min_integrity, IntegrityLevel::kMerged);
  EXPECT_EQ(json::parse(legacy->normalized_json),
            json::parse(R"({"allow-only":{"repos":"all","min-integrity":"merged"}})"));
}

TEST(PolicyTest, AKeyTwiceOrInAnotherCaseIsAnError) {
  ExpectError({R"({"allow-only":{"repos":"all","min-integrity":"none"},"allow-only":{}})", "allow-only"});
  ExpectError({R"({"allow-only":{"repos":"all","repos":"public","min-integrity":"none"}})", "allow-only.repos"});
  ExpectError({R"({"allow-only":{"repos":"all","r\u0065pos":"public","min-integrity":"none"}})", "allow-only.repos"});
  ExpectError({R"({"allow-only":{"Repos":"all","min-integrity":"none"}})", "allow-only.Repos"});
  ExpectError({"{\"allow-only\":{\"repo\u017f\":\"all\",\"min-integrity\":\"none\"}}", "allow-only.repo\u017f"});
}

TEST(PolicyTest, AllowOnly) {
  for (const char* value : {"null", "[]", "\"all\"", "1"}) {
    ExpectError({std::string(R"({"allow-only":)") + value + "}", "allow-only"});
  }
  ExpectError({R"({"allow-only":{"min-integrity":"none"}})", "allow-only.repos"});
  ExpectError({R"({"allow-only":{"repos":"all"}})", "allow-only.min-integrity"});
  ExpectError({With("extra", 1).dump(), "allow-only.extra"});
  ExpectError({With("trusted-bots", {"a"}).dump(), "allow-only.trusted-bots"});
}

TEST(PolicyTest, Repos) {
  for (const char* good : {R"("all")", R"("ALL")", R"(" all\n")", R"("Public")", R"([" o/r\t"])", R"(["o/*"])",
                           R"(["o/r","o/r*","a-b_9/x-_0*"])"}) {
    EXPECT_TRUE(ParsePolicy(With("repos", json::parse(good)).dump())) << good;
  }
  EXPECT_EQ(ParsePolicy(With("repos", "PUBLIC").dump())->scope, RepoScope::kPublic);
  EXPECT_THAT(ParsePolicy(With("repos", {"o/r ", "o/*"}).dump())->repos, ElementsAre("o/r", "o/*"));
  for (const char* bad : {R"("")", R"("a ll")", R"("none")", "[]", "null", "{}", "7", R"("o/r")"}) {
    ExpectError({With("repos", json::parse(bad)).dump(), "allow-only.repos"});
  }
  for (const char* bad : {"",     "o",     "o/", "/r",  "*/r",  "o*/r", "O/r", "o/R", "o/r.js", "o/r/x",
                          "o/**", "o/r*x", "*",  "*/*", "o /r", "o/ r", " ",   "all", "public", "\xc3\xb6/r"}) {
    ExpectError({With("repos", {bad}).dump(), "allow-only.repos[0]"});
  }
  ExpectError({With("repos", {"o/r", 5}).dump(), "allow-only.repos[1]"});
  ExpectError({With("repos", {"o/r", "o/x", " o/r"}).dump(), "allow-only.repos[2]"});
  std::string owner(39, 'o'), repo(100, 'r');
  EXPECT_TRUE(ParsePolicy(With("repos", {owner + "/" + repo, owner + "/" + repo + "*"}).dump()));
  ExpectError({With("repos", {owner + "o/r"}).dump(), "allow-only.repos[0]"});
  ExpectError({With("repos", {"o/" + repo + "r"}).dump(), "allow-only.repos[0]"});
}

TEST(PolicyTest, IntegrityLevels) {
  const std::pair<const char*, IntegrityLevel> good[] = {{"none", IntegrityLevel::kNone},
                                                         {" Unapproved\n", IntegrityLevel::kUnapproved},
                                                         {"APPROVED", IntegrityLevel::kApproved},
                                                         {"\u00a0merged", IntegrityLevel::kMerged}};
  for (const auto& [text, level] : good) {
    auto policy = ParsePolicy(With("min-integrity", text).dump());
    ASSERT_TRUE(policy) << text;
    EXPECT_EQ(policy->min_integrity, level);
    EXPECT_EQ(ParsePolicy(With("disapproval-integrity", text).dump())->disapproval_integrity, level);
    EXPECT_EQ(ParsePolicy(With("endorser-min-integrity", text).dump())->endorser_min_integrity, level);
  }
  for (const char* key : {"min-integrity", "disapproval-integrity", "endorser-min-integrity"}) {
    for (const char* bad : {R"("")", R"("high")", "null", "1", R"(["none"])"}) {
      ExpectError({With(key, json::parse(bad)).dump(), std::string("allow-only.") + key});
    }
  }
}

TEST(PolicyTest, StringArraysHoldNonEmptyStrings) {
  for (const std::string key : {"blocked-users", "refusal-labels", "approval-labels", "trusted-users",
                                "endorsement-reactions", "disapproval-reactions"}) {
    EXPECT_TRUE(ParsePolicy(With(key, {"x", "y"}).dump())) << key;
    EXPECT_TRUE(ParsePolicy(With(key, json::array()).dump())) << key;
    for (const char* bad : {"null", "5", "{}"}) {
      ExpectError({With(key, json::parse(bad)).dump(), "allow-only." + key});
    }
    if (key != "refusal-labels") ExpectError({With(key, "x").dump(), "allow-only." + key});
    for (const char* bad : {R"(["x",""])", R"(["x"," "])", R"(["x",1])", R"(["x",null])", R"(["x",["y"]])"}) {
      ExpectError({With(key, json::parse(bad)).dump(), "allow-only." + key + "[1]"});
    }
  }
}

TEST(PolicyTest, TrustedBotsMustNotBeEmpty) {
  json policy = Base();
  for (const char* bad : {"[]", "null", "\"x\"", "{}"}) {
    policy["trusted-bots"] = json::parse(bad);
    ExpectError({policy.dump(), "trusted-bots"});
  }
  policy["trusted-bots"] = {""};
  ExpectError({policy.dump(), "trusted-bots[0]"});
}

TEST(PolicyTest, RefusalLabelsMayBeOneString) {
  auto policy = ParsePolicy(With("refusal-labels", " do not merge ,wip\n,\nspam, ").dump());
  ASSERT_TRUE(policy);
  EXPECT_THAT(*policy->refusal_labels, ElementsAre("do not merge", "wip", "spam"));
  for (const char* bad : {"", " ", ",", "\n , \n"}) {
    ExpectError({With("refusal-labels", bad).dump(), "allow-only.refusal-labels"});
  }
  EXPECT_THAT(*ParsePolicy(With("refusal-labels", {" a ", "b"}).dump())->refusal_labels, ElementsAre("a", "b"));
}

TEST(PolicyTest, TheGuardGetsThePolicyAsItWasGiven) {
  std::string text = R"( {"allow-only" : {"repos":"ALL", "min-integrity" : " None ","trusted-users":["b","a"]}} )";
  EXPECT_EQ(ParsePolicy(text)->guard_json,
            R"({"allow-only" : {"repos":"ALL", "min-integrity" : " None ","trusted-users":["b","a"]}})");
  // Only refusal labels become a list of trimmed ones.
  text = R"({"allow-only":{"refusal-labels" : "a, b\nc","repos":"ALL","min-integrity":"none"}})";
  EXPECT_EQ(ParsePolicy(text)->guard_json,
            R"({"allow-only":{"refusal-labels" : ["a","b","c"],"repos":"ALL","min-integrity":"none"}})");
  text = R"({"allow-only":{"refusal-labels":[ " a ", "b"],"repos":[" o/r"],"min-integrity":"none"}})";
  EXPECT_EQ(ParsePolicy(text)->guard_json,
            R"({"allow-only":{"refusal-labels":["a","b"],"repos":[" o/r"],"min-integrity":"none"}})");
  text = R"({"allow-only":{"refusal-labels":[ "\u0061", "b"],"repos":"all","min-integrity":"none"}})";
  EXPECT_EQ(ParsePolicy(text)->guard_json, text);
}

TEST(PolicyTest, NormalisedIsOneSpelling) {
  auto policy = ParsePolicy(R"({"allowonly":{"integrity":" MERGED","repos":"Public","refusal-labels":"x,y",
      "blocked-users":["B","a"],"approval-labels":["ok"],"trusted-users":["t"],"endorsement-reactions":["+1"],
      "disapproval-reactions":["-1"],"disapproval-integrity":"None","endorser-min-integrity":"APPROVED"},
      "trusted-bots":["z","a"]})");
  ASSERT_TRUE(policy);
  EXPECT_EQ(json::parse(policy->normalized_json), json::parse(R"({"allow-only":{"min-integrity":"merged",
      "repos":"public","refusal-labels":["x","y"],"blocked-users":["B","a"],"approval-labels":["ok"],
      "trusted-users":["t"],"endorsement-reactions":["+1"],"disapproval-reactions":["-1"],
      "disapproval-integrity":"none","endorser-min-integrity":"approved"},"trusted-bots":["z","a"]})"));
  auto again = ParsePolicy(policy->normalized_json);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->normalized_json, policy->normalized_json);
}

TEST(PolicyTest, HostileTextsAreTypedErrors) {
  std::string deep = R"({"allow-only":)" + std::string(10000, '[') + std::string(10000, ']') + "}";
  EXPECT_EQ(ParsePolicy(deep).error().kind, ErrorKind::kLimit);
  std::string open(100000, '{');
  EXPECT_EQ(ParsePolicy(open).error().kind, ErrorKind::kPolicy);
  ExpectError({"{\"allow-only\":{\"repos\":\"\\ud800\",\"min-integrity\":\"none\"}}", "allow-only.repos"});
  std::string keys = "{";
  for (int i = 0; i < 200000; ++i) keys += "\"k" + std::to_string(i) + "\":1,";
  ExpectError({keys + "\"k0\":2}", "k0"});
}

}  // namespace
}  // namespace guardc
