// Merging trusted names into a policy, and the policy of a write sink.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "guardc/policy.h"

namespace guardc {
namespace {

using Names = std::vector<std::string>;

Result<std::string> Merge(std::string_view policy, const Names& bots, const Names& users = {}) {
  return MergeTrusted(policy, bots, users);
}

TEST(MergeTrustedTest, AddsWhatIsNotThere) {
  constexpr std::string_view kPlain = R"({"allow-only":{"repos":"all","min-integrity":"none"}})";
  EXPECT_EQ(Merge(kPlain, {"b", "a"}).value(),
            R"({"allow-only":{"repos":"all","min-integrity":"none"},"trusted-bots":["b","a"]})");
  EXPECT_EQ(Merge(kPlain, {}, {"u"}).value(),
            R"({"allow-only":{"repos":"all","min-integrity":"none","trusted-users":["u"]}})");
  EXPECT_EQ(
      Merge(kPlain, {"b"}, {"u", " u "}).value(),
      R"({"allow-only":{"repos":"all","min-integrity":"none","trusted-users":["u"," u "]},"trusted-bots":["b"]})");
  EXPECT_EQ(Merge(kPlain, {}).value(), kPlain);
  EXPECT_EQ(Merge(kPlain, {"q\"\\\nz"}).value(),
            R"({"allow-only":{"repos":"all","min-integrity":"none"},"trusted-bots":["q\"\\\nz"]})");
}

TEST(MergeTrustedTest, ABlankNameIsAnError) {
  constexpr std::string_view kPlain = R"({"allow-only":{}})";
  for (const char* blank : {"", " ", "\t\u00a0"}) {
    EXPECT_EQ(Merge(kPlain, {"a", blank}).error().details().key, "trusted-bots");
    EXPECT_EQ(Merge(kPlain, {}, {blank}).error().details().key, "allow-only.trusted-users");
  }
}

TEST(MergeTrustedTest, KeepsWhatIsThereAsItWasWritten) {
  EXPECT_EQ(
      Merge(R"({"trusted-bots":[ "x" ],"allow-only":{ "n":1.50, "trusted-users": [] }})", {"x", "y"}, {"u"}).value(),
      R"({"trusted-bots":[ "x" ,"y"],"allow-only":{ "n":1.50, "trusted-users": ["u"] }})");
  EXPECT_EQ(Merge(R"({"allowonly":{}})", {}, {"u"}).value(), R"({"allowonly":{"trusted-users":["u"]}})");
  EXPECT_EQ(Merge(R"("{\"allow-only\":{}}")", {"b"}).value(), R"({"allow-only":{},"trusted-bots":["b"]})");
  EXPECT_EQ(Merge("{}", {"b"}).value(), R"({"trusted-bots":["b"]})");
}

TEST(MergeTrustedTest, NeverChangesTheCallersText) {
  const std::string mine = R"({"allow-only":{"repos":"all","min-integrity":"none"},"trusted-bots":["x"]})";
  const std::string before = mine;
  ASSERT_TRUE(Merge(mine, {"y"}, {"z"}));
  EXPECT_EQ(mine, before);
}

TEST(MergeTrustedTest, ErrorsNameTheKey) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"trusted-bots":"x"})", "trusted-bots"},
      {R"({"trusted-bots":[1]})", "trusted-bots[0]"},
      {R"({"trusted-bots":[],"trusted-bots":[]})", "trusted-bots"},
      {R"({"Trusted-Bots":[]})", "Trusted-Bots"},
      {R"({})", "allow-only"},
      {R"({"allow-only":[]})", "allow-only"},
      {R"({"allow-only":{},"allowonly":{}})", "allowonly"},
      {R"({"allow-only":{"trusted-users":{}}})", "allow-only.trusted-users"},
      {"null", ""},
      {"", ""}};
  for (const auto& [text, key] : cases) {
    auto merged = Merge(text, {"b"}, {"u"});
    ASSERT_FALSE(merged) << text;
    EXPECT_EQ(merged.error().kind, ErrorKind::kPolicy);
    EXPECT_EQ(merged.error().details().key, key) << merged.error().message;
  }
}

TEST(WriteSinkPolicyTest, VisibilityDefaultsToPublicButForSafeOutputs) {
  constexpr std::string_view kAccept = R"({"write-sink":{"accept":["private:o/r","*"]}})";
  EXPECT_TRUE(ParseWriteSinkPolicy(kAccept, "slack")->is_public);
  EXPECT_TRUE(ParseWriteSinkPolicy(kAccept, "slack")->ResourceSecrecy().empty());
  for (const char* server : {"safe-outputs", "safeoutputs"}) {
    auto policy = ParseWriteSinkPolicy(kAccept, server);
    ASSERT_TRUE(policy);
    EXPECT_EQ(policy->ResourceSecrecy(), TagSet({"*", "private:o/r"}));
  }
  for (const char* name : {"private", "internal", " Private\\n"}) {
    for (const char* key : {"visibility", "sink-visibility"}) {
      std::string text = R"({"write-sink":{"accept":["x"],")" + std::string(key) + "\":\"" + name + "\"}}";
      auto policy = ParseWriteSinkPolicy(text, "slack");
      ASSERT_TRUE(policy) << text << ": " << policy.error().message;
      EXPECT_FALSE(policy->is_public);
    }
  }
  constexpr std::string_view kEmpty = R"({"write-sink":{"accept":["x"],"visibility":""}})";
  EXPECT_TRUE(ParseWriteSinkPolicy(kEmpty, "slack")->is_public);
  EXPECT_FALSE(ParseWriteSinkPolicy(kEmpty, "safe-outputs")->is_public);
  EXPECT_TRUE(
      ParseWriteSinkPolicy(R"({"write-sink":{"accept":["x"],"visibility":"public"}})", "safeoutputs")->is_public);
}

TEST(WriteSinkPolicyTest, ErrorsNameTheKey) {
  const std::pair<const char*, const char*> cases[] = {
      {"{}", "write-sink"},
      {R"({"allow-only":{"repos":"all","min-integrity":"none"}})", "allow-only"},
      {R"({"write-sink":[]})", "write-sink"},
      {R"({"write-sink":{}})", "write-sink.accept"},
      {R"({"write-sink":{"accept":[]}})", "write-sink.accept"},
      {R"({"write-sink":{"accept":"*"}})", "write-sink.accept"},
      {R"({"write-sink":{"accept":["a",""]}})", "write-sink.accept[1]"},
      {R"({"write-sink":{"accept":["a"],"Accept":["*"]}})", "write-sink.Accept"},
      {R"({"write-sink":{"accept":["a"],"visibility":"secret"}})", "write-sink.visibility"},
      {R"({"write-sink":{"accept":["a"],"visibility":1}})", "write-sink.visibility"},
      {R"({"write-sink":{"accept":["a"],"visibility":null}})", "write-sink.visibility"},
      {R"({"write-sink":{"accept":["a"],"sink-visibility":"x"}})", "write-sink.sink-visibility"},
      {R"({"write-sink":{"accept":["a"],"visibility":"private","sink-visibility":"private"}})",
       "write-sink.sink-visibility"},
      {R"({"write-sink":{"accept":["a"],"more":1}})", "write-sink.more"}};
  for (const auto& [text, key] : cases) {
    auto policy = ParseWriteSinkPolicy(text, "slack");
    ASSERT_FALSE(policy) << text;
    EXPECT_EQ(policy.error().details().key, key) << policy.error().message;
  }
}

}  // namespace
}  // namespace guardc
