// The rules of docs/guard-abi.md, 4, over every combination of small labels, against a model that is as short as the
// text.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "guardc/flow.h"

namespace guardc {
namespace {

using Tags = std::set<std::string>;
struct ModelLabels {
  Tags secrecy, integrity;
};

// --- The model ---
bool Within(const Tags& a, const Tags& b) {
  return b.contains("*") || std::includes(b.begin(), b.end(), a.begin(), a.end());
}
std::string Verdict(const ModelLabels& agent, const ModelLabels& resource, const std::string& operation) {
  bool reads = operation != "write", writes = operation != "read";
  if (reads && !Within(agent.integrity, resource.integrity)) return "read integrity";
  if (reads && !Within(resource.secrecy, agent.secrecy)) return "read secrecy";
  if (writes && !Within(resource.integrity, agent.integrity)) return "write integrity";
  if (writes && !Within(agent.secrecy, resource.secrecy)) return "write secrecy";
  return "allowed";
}
// ---

Labels Real(const ModelLabels& model) {
  return {TagSet::From({model.secrecy.begin(), model.secrecy.end()}),
          TagSet::From({model.integrity.begin(), model.integrity.end()})};
}

std::vector<Tags> Subsets() { return {{}, {"a"}, {"b"}, {"a", "b"}, {"*"}, {"*", "a"}}; }

std::vector<ModelLabels> AllLabels() {
  std::vector<ModelLabels> out;
  for (const Tags& secrecy : Subsets()) {
    for (const Tags& integrity : Subsets()) out.push_back({secrecy, integrity});
  }
  return out;
}

std::string Describe(const Decision& decision) {
  if (decision.allowed) return "allowed";
  return std::string(OperationName(decision.half)) + " " + std::string(DenialCauseName(decision.cause));
}

constexpr Operation kOperations[] = {Operation::kRead, Operation::kWrite, Operation::kReadWrite};

TEST(FlowRulesTest, AgreeWithTheModel) {
  int denied = 0;
  for (const ModelLabels& agent : AllLabels()) {
    for (const ModelLabels& resource : AllLabels()) {
      for (Operation operation : kOperations) {
        std::string want = Verdict(agent, resource, std::string(OperationName(operation)));
        Labels a = Real(agent), r = Real(resource);
        ASSERT_EQ(Describe(CheckFlow(a, r, operation)), want);
        ASSERT_EQ(Describe(CheckFlow(a, r, operation, Mode::kStrict)), want);
        ASSERT_EQ(Describe(CheckFlow(a, r, operation, Mode::kFilter)), want);
        denied += want != "allowed";

        std::string in_propagate = operation == Operation::kRead ? "allowed" : Verdict(agent, resource, "write");
        Decision decision = CheckFlow(a, r, operation, Mode::kPropagate);
        ASSERT_EQ(Describe(decision), in_propagate);
        if (decision.allowed && operation != Operation::kWrite) {
          Labels after = AfterReading(a, r);
          EXPECT_EQ(a.secrecy.Union(decision.secrecy_gained), after.secrecy);
          EXPECT_EQ(a.integrity.Minus(decision.integrity_lost), after.integrity);
          // Having read, the agent may read the same again under the rules of strict, for literal tags.
          if (!r.integrity.HasWildcard() && !a.integrity.HasWildcard()) {
            EXPECT_TRUE(CheckFlow(after, r, Operation::kRead).allowed);
          }
        }
      }
    }
  }
  EXPECT_GT(denied, 1000);
}

TEST(FlowRulesTest, ADenialNamesEveryTagInTheWaySorted) {
  Labels agent{{"s1"}, {"i2", "i1", "i3"}};
  Labels resource{{"z", "s1", "y"}, {"i2"}};
  Decision decision = CheckFlow(agent, resource, Operation::kRead);
  EXPECT_EQ(decision.cause, DenialCause::kIntegrity);
  EXPECT_EQ(decision.tags, TagSet({"i1", "i3"}));
  EXPECT_NE(decision.reason.find("[i1, i3]"), std::string::npos) << decision.reason;

  agent.integrity = {};
  decision = CheckFlow(agent, resource, Operation::kRead);
  EXPECT_EQ(decision.cause, DenialCause::kSecrecy);
  EXPECT_EQ(decision.tags, TagSet({"y", "z"}));
  EXPECT_NE(decision.reason.find("[y, z]"), std::string::npos) << decision.reason;
}

TEST(FlowRulesTest, AReasonStaysShortWhateverAGuestSends) {
  std::vector<std::string> tags;
  for (int i = 0; i < 10000; ++i) tags.push_back("tag" + std::to_string(i));
  Decision decision = CheckFlow({}, {TagSet::From(tags), {}}, Operation::kRead);
  EXPECT_LT(decision.reason.size(), 500u);
  EXPECT_EQ(decision.tags.size(), tags.size());
}

TEST(FlowRulesTest, WhatFailedIsDenied) {
  EXPECT_FALSE(Decision().allowed);
  Decision denied = DecideOrDeny(Fail(ErrorKind::kTrap, "the guest trapped"));
  EXPECT_FALSE(denied.allowed);
  EXPECT_EQ(denied.cause, DenialCause::kError);
  ASSERT_TRUE(denied.error);
  EXPECT_EQ(denied.error->kind, ErrorKind::kTrap);
  EXPECT_TRUE(DecideOrDeny(CheckFlow({}, {}, Operation::kReadWrite)).allowed);
  EXPECT_EQ(Operation(), Operation::kReadWrite);
}

TEST(FlowRulesTest, OperationsAreComparedExactlyAndModesInAnyCase) {
  EXPECT_EQ(OperationFrom("read"), Operation::kRead);
  EXPECT_EQ(OperationFrom("read-write"), Operation::kReadWrite);
  EXPECT_EQ(OperationFrom("write"), Operation::kWrite);
  for (const char* name : {"", "WRITE", "READ", " read", "read ", "read_write", "delete"}) {
    EXPECT_EQ(OperationFrom(name), Operation::kReadWrite) << name;
  }
  EXPECT_EQ(ModeFrom("Strict"), Mode::kStrict);
  EXPECT_EQ(ModeFrom("FILTER"), Mode::kFilter);
  EXPECT_EQ(ModeFrom("propagate"), Mode::kPropagate);
  for (const char* name : {"", " strict", "allow", "off"}) EXPECT_FALSE(ModeFrom(name)) << name;
}

}  // namespace
}  // namespace guardc
