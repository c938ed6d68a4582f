// What leaves of a result, cell by cell: form x coarse decision x mode x what is kept. Expectations are written out
// from docs/guard-abi.md, "What leaves"; nothing here computes them.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/unit/gateway/fake_guard.h"

namespace guardc {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

// An agent may read what has no secrecy; where a cell says "denied", the resource has {s}.
constexpr const char* kAllowed = "{}";
constexpr const char* kDenied = R"({"description":"the vault","secrecy":["s"]})";

// The JSON in the result's text.
constexpr const char* kTwo = R"({"items":["A","B"],"total":7})";
constexpr const char* kOne = R"({"items":["A"],"total":7})";
constexpr const char* kNone = R"({"items":[],"total":7})";
constexpr const char* kNoArray = R"({"title":"A","n": 1.0})";

std::string Paths(const std::string& entries, const std::string& more = R"(,"items_path":"/items")") {
  return "{\"labeled_paths\":[" + entries + "]" + more + "}";
}
const std::string kPublic0 = R"({"path":"/items/0","labels":{}})", kPublic1 = R"({"path":"/items/1","labels":{}})";
const std::string kSecret0 = R"({"path":"/items/0","labels":{"secrecy":["t"]}})";
const std::string kSecret1 = R"({"path":"/items/1","labels":{"secrecy":["t"]}})";
const std::string kWithoutLabels1 = R"({"path":"/items/1"})", kNullLabels1 = R"({"path":"/items/1","labels":null})";

std::string Legacy(const std::string& entries) { return "{\"items\":[" + entries + "]}"; }
const std::string kLegacyPublic = R"({"data":"a*","labels":{}})";
const std::string kLegacySecret = R"({"data":"b*","labels":{"secrecy":["t"]}})";

// What came out: "denied", "whole", or the text of the one part, with "filtered " before it where something was left
// out. Everything else fails.
std::string Show(const Outcome& out, const std::string& result, bool is_error) {
  if (out.kind == OutcomeKind::kDenied) return out.result ? "a denial with a result" : "denied";
  if (out.kind == OutcomeKind::kError || !out.result) return OneLine(out) + " " + out.reason;
  if (*out.result == result) return out.kind == OutcomeKind::kAllowed ? "whole" : "a filtered whole";
  const json seen = json::parse(*out.result);
  json expected = {{"content", {{{"type", "text"}, {"text", seen["content"][0]["text"]}}}}};
  if (is_error) expected["isError"] = true;
  if (seen != expected) return "more than one text: " + *out.result;
  return (out.kind == OutcomeKind::kFiltered ? "filtered " : "") + seen["content"][0]["text"].get<std::string>();
}

// "s,t|x": secrecy and integrity.
std::string Show(const Labels& labels) {
  std::string out;
  for (const std::string& tag : labels.secrecy.tags()) out += (out.empty() ? "" : ",") + tag;
  out += "|";
  for (const std::string& tag : labels.integrity.tags()) out += (out.back() == '|' ? "" : ",") + tag;
  return out;
}

struct Cell {
  const char* name;
  const char* tool;
  const char* resource;
  const char* inner;
  std::string response;
  const char* strict;
  const char* filter;
  const char* propagate;
  const char* afterwards;  // the agent's labels after a propagated call
  const char* operation = "read";
  Labels agent = {};
};

void Expect(const Cell& cell) {
  for (const bool is_error : {false, true}) {
    for (const auto& [mode, expected] :
         {std::pair("strict", cell.strict), std::pair("filter", cell.filter), std::pair("propagate", cell.propagate)}) {
      SCOPED_TRACE(testing::Message() << cell.name << ", " << mode << ", " << cell.tool << ", resource "
                                      << cell.resource << (is_error ? ", isError" : ""));
      FakeCall call;
      call.agent = cell.agent;
      call.tool = cell.tool;
      call.Mode(mode).Resource(cell.operation, cell.resource);
      call.guard.response = cell.response;
      json result = {{"content",
                      {{{"type", "text"}, {"text", cell.inner}},
                       {{"type", "image"}, {"data", "PICTURE"}, {"mimeType", "image/png"}},
                       {{"type", "resource_link"}, {"uri", "LINK"}}}},
                     {"structuredContent", {{"all", "STRUCTURE"}}},
                     {"_meta", {{"m", "META"}}}};
      if (is_error) result["isError"] = true;
      call.result = result.dump();
      const Outcome out = call.Run();
      EXPECT_EQ(Show(out, *call.result, is_error), expected);
      EXPECT_EQ(Show(call.agent_after), mode == std::string_view("propagate") ? cell.afterwards : Show(cell.agent));
      EXPECT_EQ(out.agent_after, call.agent_after);
    }
  }
}

TEST(LeavingTest, ReadsWithoutLabels) {
  for (const char* response : {"", "null", "{}"}) {
    Expect({"no labels", "list_x", kAllowed, kTwo, response, "whole", "whole", "whole", "|"});
    Expect({"no labels", "get_x", kAllowed, kTwo, response, "whole", "whole", "whole", "|"});
    Expect({"no labels", "list_x", kDenied, kTwo, response, "denied", "filtered []", "whole", "s|"});
    Expect({"no labels", "get_x", kDenied, kTwo, response, "denied", "denied", "whole", "s|"});
  }
}

TEST(LeavingTest, ReadsWithLabelledPaths) {
  const std::string all = Paths(kPublic0 + "," + kPublic1), some = Paths(kPublic0 + "," + kSecret1),
                    none = Paths(kSecret0 + "," + kSecret1);
  for (const char* tool : {"list_x", "get_x"}) {
    Expect({"all kept", tool, kAllowed, kTwo, all, "whole", "whole", "whole", "|"});
    Expect({"all kept", tool, kDenied, kTwo, all, R"(["A","B"])", R"(["A","B"])", R"(["A","B"])", "|"});
    Expect({"some kept", tool, kAllowed, kTwo, some, "denied", R"(filtered ["A"])", "whole", "t|"});
    Expect({"some kept", tool, kDenied, kTwo, some, "denied", R"(filtered ["A"])", R"(["A","B"])", "t|"});
    Expect({"none kept", tool, kAllowed, kTwo, none, "denied", "filtered []", "whole", "t|"});
    Expect({"none kept", tool, kDenied, kTwo, none, "denied", "filtered []", R"(["A","B"])", "t|"});
    Expect({"one kept", tool, kAllowed, kOne, Paths(kPublic0), "whole", "whole", "whole", "|"});
    Expect({"one kept", tool, kDenied, kOne, Paths(kPublic0), R"(["A"])", R"(["A"])", R"(["A"])", "|"});
    Expect({"empty", tool, kAllowed, kNone, Paths(""), "whole", "whole", "whole", "|"});
    Expect({"empty", tool, kDenied, kNone, Paths(""), "denied", "filtered []", "[]", "s|"});
    Expect({"empty, with defaults", tool, kDenied, kNone, Paths("", R"(,"items_path":"/items","default_labels":{})"),
            "denied", "filtered []", "[]", "s|"});
  }
  Expect({"the one left out", "list_x", kAllowed, kOne, Paths(kSecret0), "denied", "filtered []", "whole", "t|"});
  Expect({"the one left out", "list_x", kDenied, kOne, Paths(kSecret0), "denied", "filtered []", R"(["A"])", "t|"});
  Expect({"the one left out", "get_x", kAllowed, kOne, Paths(kSecret0), "denied", "denied", "whole", "t|"});
  Expect({"the one left out", "get_x", kDenied, kOne, Paths(kSecret0), "denied", "denied", R"(["A"])", "t|"});
}

TEST(LeavingTest, ElementsThatNobodyLabelled) {
  // By the resource's secrecy.
  for (const std::string& response :
       {Paths(kPublic0), Paths(kPublic0 + "," + kWithoutLabels1), Paths(kPublic0 + "," + kNullLabels1)}) {
    Expect({"unnamed", "list_x", kAllowed, kTwo, response, "whole", "whole", "whole", "|"});
    Expect({"unnamed", "list_x", kDenied, kTwo, response, "denied", R"(filtered ["A"])", R"(["A","B"])", "s|"});
  }
  Expect({"nothing named", "list_x", kAllowed, kTwo, Paths(""), "whole", "whole", "whole", "|"});
  Expect({"nothing named", "list_x", kDenied, kTwo, Paths(""), "denied", "filtered []", R"(["A","B"])", "s|"});
  // They have no integrity, also where the agent may read the resource.
  const char* trusted = R"({"integrity":["i"]})";
  const std::string high = R"({"path":"/items/0","labels":{"integrity":["i"]}})";
  const Labels agent{{}, {"i"}};
  for (const std::string& response : {Paths(high), Paths(high + "," + kWithoutLabels1), Paths(high + "," + kPublic1)}) {
    Expect({"no integrity", "list_x", trusted, kTwo, response, "denied", R"(filtered ["A"])", "whole", "|", "read",
            agent});
    Expect({"no integrity", "list_x", "{}", kTwo, response, "denied", R"(filtered ["A"])", R"(["A","B"])", "|", "read",
            agent});
  }
  // The defaults are for elements without an entry. An entry without labels is held to them as well.
  const std::string defaults = R"(,"items_path":"/items","default_labels":{"secrecy":["d"]})";
  Expect(
      {"defaults", "list_x", kAllowed, kTwo, Paths(kPublic0, defaults), "denied", R"(filtered ["A"])", "whole", "d|"});
  Expect({"defaults", "list_x", kAllowed, kTwo, Paths(kPublic0 + "," + kPublic1, defaults), "whole", "whole", "whole",
          "|"});
  Expect({"defaults and an entry without labels", "list_x", kDenied, kTwo,
          Paths(kPublic0 + "," + kWithoutLabels1, defaults), "denied", R"(filtered ["A"])", R"(["A","B"])", "d,s|"});
  const std::string open = R"(,"items_path":"/items","default_labels":{})";
  Expect({"open defaults", "list_x", kDenied, kTwo, Paths(kSecret0, open), "denied", R"(filtered ["B"])",
          R"(["A","B"])", "t|"});
  Expect({"open defaults and an entry without labels", "list_x", kDenied, kTwo,
          Paths(kPublic0 + "," + kWithoutLabels1, open), "denied", R"(filtered ["A"])", R"(["A","B"])", "s|"});
}

TEST(LeavingTest, ReadsWithoutAnArray) {
  const std::string kept = Paths("", R"(,"default_labels":{})"),
                    left = Paths("", R"(,"default_labels":{"secrecy":["t"]})");
  for (const char* tool : {"list_x", "get_x"}) {
    const char* const gone = tool == std::string_view("get_x") ? "denied" : "filtered []";
    Expect({"kept", tool, kAllowed, kNoArray, kept, "whole", "whole", "whole", "|"});
    Expect({"kept", tool, kDenied, kNoArray, kept, kNoArray, kNoArray, kNoArray, "|"});
    Expect({"left out", tool, kAllowed, kNoArray, left, "denied", gone, "whole", "t|"});
    Expect({"left out", tool, kDenied, kNoArray, left, "denied", gone, kNoArray, "t|"});
    Expect({"no defaults", tool, kAllowed, kNoArray, Paths("", ""), "whole", "whole", "whole", "|"});
    Expect({"no defaults", tool, kDenied, kNoArray, Paths("", ""), "denied", gone, kNoArray, "s|"});
  }
  Expect({"no integrity",
          "get_x",
          R"({"integrity":["i"]})",
          kNoArray,
          Paths("", ""),
          "denied",
          "denied",
          "whole",
          "|",
          "read",
          {{}, {"i"}}});
}

// Labels for a result as a whole are no word about its pictures.
TEST(LeavingTest, AResultWhoseTextIsNoJson) {
  const std::string kept = Paths("", R"(,"default_labels":{})");
  const char* const texts = R"({"content":[{"type":"text","text":"plain \"A\""}]})";
  const char* const error = R"({"content":[{"type":"text","text":"plain \"A\""}],"isError":true})";
  for (const char* mode : {"strict", "filter", "propagate"}) {
    for (const bool is_error : {false, true}) {
      FakeCall call;
      call.Mode(mode).Resource("read", kDenied);
      call.guard.response = kept;
      json result = {{"content",
                      {{{"type", "text"}, {"text", "plain \"A\""}, {"annotations", "NOTE"}},
                       {{"type", "image"}, {"data", "PICTURE"}},
                       {{"type", "image"}, {"text", "CAPTION"}},
                       {{"type", "resource"}, {"resource", {{"text", "EMBEDDED"}}}},
                       {{"type", "resource_link"}, {"uri", "LINK"}},
                       5}},
                     {"structuredContent", "STRUCTURE"},
                     {"_meta", "META"},
                     {"other", "OTHER"}};
      if (is_error) result["isError"] = true;
      call.result = result.dump();
      EXPECT_EQ(Show(call.Run(), *call.result, is_error), is_error ? error : texts) << mode;
      call.Resource("read", kAllowed);
      EXPECT_EQ(Show(call.Run(), *call.result, is_error), "whole") << mode;
    }
  }
  FakeCall call;
  call.Mode("filter").Resource("read", kDenied);
  call.guard.response = kept;
  for (const auto& [result, text] : {std::pair(R"({"structuredContent":"STRUCTURE"})", R"({"content":[]})"),
                                     std::pair(R"({"content":[],"n":"OTHER"})", R"({"content":[]})"),
                                     std::pair(R"({"_meta":1,"n":"OTHER"})", R"({"content":[]})"),
                                     std::pair(R"({"n": 1.0})", R"({"n": 1.0})"), std::pair("\"x\"", "\"x\"")}) {
    call.result = result;
    EXPECT_EQ(Show(call.Run(), *call.result, false), text);
  }
}

TEST(LeavingTest, ReadsInTheLegacyForm) {
  const std::string all = Legacy(kLegacyPublic + "," + kLegacyPublic),
                    some = Legacy(kLegacyPublic + "," + kLegacySecret),
                    none = Legacy(kLegacySecret + "," + kLegacySecret);
  for (const char* resource : {kAllowed, kDenied}) {
    for (const char* tool : {"list_x", "get_x"}) {
      const char* const gone = tool == std::string_view("get_x") ? "denied" : "filtered []";
      Expect({"all", tool, resource, kTwo, all, R"(["a*","a*"])", R"(["a*","a*"])", R"(["a*","a*"])", "|"});
      Expect({"some", tool, resource, kTwo, some, "denied", R"(filtered ["a*"])", R"(["a*","b*"])", "t|"});
      Expect({"none", tool, resource, kTwo, none, "denied", "filtered []", R"(["b*","b*"])", "t|"});
      Expect({"one", tool, resource, kTwo, Legacy(kLegacyPublic), R"(["a*"])", R"(["a*"])", R"(["a*"])", "|"});
      Expect({"one, no array", tool, resource, kNoArray, Legacy("3," + kLegacyPublic), R"(["a*"])", R"(["a*"])",
              R"(["a*"])", "|"});
      Expect({"the one left out", tool, resource, kTwo, Legacy(kLegacySecret), "denied", gone, R"(["b*"])", "t|"});
      Expect({"no data", tool, resource, kTwo, Legacy(R"({"labels":{}})"), "[null]", "[null]", "[null]", "|"});
    }
  }
  for (const std::string& empty : {Legacy(""), Legacy("1,null,\"x\"")}) {
    Expect({"empty", "list_x", kAllowed, kTwo, empty, "[]", "[]", "[]", "|"});
    Expect({"empty", "get_x", kAllowed, kTwo, empty, "[]", "[]", "[]", "|"});
    Expect({"empty", "list_x", kDenied, kTwo, empty, "denied", "filtered []", "[]", "s|"});
    Expect({"empty", "get_x", kDenied, kTwo, empty, "denied", "denied", "[]", "s|"});
  }
}

// The agent has {a} and {x}, and may read and write what has both.
TEST(LeavingTest, ReadWrites) {
  const Labels agent{{"a"}, {"x"}};
  const char* both = R"({"secrecy":["a"],"integrity":["x"]})";
  const char* too_secret = R"({"secrecy":["a","s"],"integrity":["x"]})";   // to be read
  const char* too_trusted = R"({"secrecy":["a"],"integrity":["x","y"]})";  // to be written
  const std::string good0 = R"({"path":"/items/0","labels":{"secrecy":["a"],"integrity":["x"]}})";
  const std::string good1 = R"({"path":"/items/1","labels":{"secrecy":["a"],"integrity":["x"]}})";
  const std::string no_write1 = R"({"path":"/items/1","labels":{"secrecy":["a"],"integrity":["x","y"]}})";
  const std::string no_read1 = R"({"path":"/items/1","labels":{"secrecy":["a","t"],"integrity":["x"]}})";
  auto row = [&](const char* name, const char* resource, const std::string& response, const char* strict,
                 const char* filter, const char* propagate, const char* afterwards) {
    Expect({name, "list_x", resource, kTwo, response, strict, filter, propagate, afterwards, "read-write", agent});
  };
  row("no labels", both, "", "whole", "whole", "whole", "a|x");
  row("all", both, Paths(good0 + "," + good1), "whole", "whole", "whole", "a|x");
  row("one not to be written", both, Paths(good0 + "," + no_write1), "whole", R"(filtered ["A"])", R"(filtered ["A"])",
      "a|x");
  row("one not to be read", both, Paths(good0 + "," + no_read1), "whole", R"(filtered ["A"])", "whole", "a,t|x");
  row("empty legacy", both, Legacy(""), "whole", "[]", "[]", "a|x");
  row("legacy", both, Legacy(R"({"data":1,"labels":{"secrecy":["a"],"integrity":["x"]}})"), "whole", "[1]", "[1]",
      "a|x");
  row("not to be read", too_secret, "", "denied", "denied", "whole", "a,s|x");
  row("not to be read, all", too_secret, Paths(good0 + "," + good1), "denied", "denied", R"(["A","B"])", "a|x");
  row("not to be read, one not to be written", too_secret, Paths(good0 + "," + no_write1), "denied", "denied",
      R"(filtered ["A"])", "a|x");
  row("not to be written", too_trusted, Paths(good0 + "," + good1), "denied", "denied", "denied", "a|x");
  // What an entry without labels means, it must pass in every sense: no tags must not be written by who has {a}.
  row("unnamed", both, Paths(R"({"path":"/items/0","labels":{"secrecy":["a"],"integrity":["x"]}})"), "whole",
      R"(filtered ["A"])", "whole", "a|");
  row("an entry without labels beside defaults", both,
      Paths(good0 + "," + kWithoutLabels1,
            R"(,"items_path":"/items","default_labels":{"secrecy":["a"],"integrity":["x"]})"),
      "whole", R"(filtered ["A"])", R"(filtered ["A"])", "a|x");
  row("an entry without labels", both, Paths(good0 + "," + kWithoutLabels1), "whole", R"(filtered ["A"])",
      R"(filtered ["A"])", "a|x");
}

TEST(LeavingTest, AWriteAnswersAsItIs) {
  for (const char* resource : {kAllowed, kDenied}) {
    Expect({"a write", "list_x", resource, kTwo, Paths(kSecret0), "whole", "whole", "whole", "|", "write"});
  }
}

// Used without the pipeline it enforces what the pipeline has checked before.
TEST(LeavingTest, ADeniedWriteLeavesNothing) {
  const Labels agent{{"a"}, {}};
  const JsonDocument result = JsonDocument::Parse("1").value();
  for (const Operation operation : {Operation::kWrite, Operation::kReadWrite}) {
    for (const Mode mode : {Mode::kStrict, Mode::kFilter, Mode::kPropagate}) {
      const ResourceAnswer resource{"", {}, operation};
      const auto leaving = WhatLeaves({"list_x", mode, agent, resource, {}, result});
      ASSERT_TRUE(leaving);
      EXPECT_FALSE(leaving->decision.allowed || leaving->is_whole || leaving->taken_on);
      EXPECT_EQ(leaving->part, "");
    }
  }
  EXPECT_FALSE(Leaving().decision.allowed);
}

TEST(LeavingTest, AWildcardMayReadTheResource) {
  FakeCall call;
  call.agent = {{"*"}, {"i"}};
  call.Mode("propagate").Resource("read", R"({"secrecy":["s"],"integrity":["*"]})");
  call.guard.response = R"({"labeled_paths":[{"path":"/0","labels":{"secrecy":["s"],"integrity":["i"]}}]})";
  call.result = "[1]";
  EXPECT_EQ(OneLine(call.Run()), "allowed 6 [1]");
  EXPECT_EQ(Show(call.agent_after), "*,s|i");
}

TEST(LeavingTest, AnErrorStaysOneHoweverItIsSpelt) {
  FakeCall call;
  call.Mode("filter").Resource("read", kDenied);
  call.guard.response = Legacy(kLegacyPublic);
  for (const auto& [member, is_error] :
       {std::pair(R"("isError":true)", true), std::pair(R"("isError":false,"isError":true)", true),
        std::pair(R"("isError":true,"isError":false)", true), std::pair(R"("is\u0045rror":true)", true),
        std::pair(R"("iserror":true)", true), std::pair(R"("isError":false)", false),
        std::pair(R"("isError":"true")", false), std::pair(R"("inner":{"isError":true})", false)}) {
    call.result = std::string(R"({"content":[{"type":"text","text":"[1]"}],)") + member + "}";
    const Outcome out = call.Run();
    ASSERT_TRUE(out.result) << member;
    EXPECT_EQ(json::parse(*out.result).contains("isError"), is_error) << member;
    EXPECT_THAT(*out.result, Not(HasSubstr("inner")));
  }
}

}  // namespace
}  // namespace guardc
