// Manifests and descriptions: what is printed parses, and nothing else does.
#include "artifact/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <tuple>

#include "artifact/description.h"
#include "base/hex.h"
#include "tests/support/test_artifact.h"

namespace guardc::artifact {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;

Manifest Example() {
  Identity identity = test::TestIdentity();
  identity.target.features = {"avx", "sse4.2"};
  identity.options.opt_level = 3;
  Manifest manifest = test::TestPayload(identity, {std::byte{1}}).manifest;
  manifest.module_name = "n\xc3\xa4me \"quoted\"\n";
  return manifest;
}

Description ExampleDescription() {
  return {.imports = {{"env", "host_log", ExternKind::kFunc, "func (i32, i32, i32) -> ()"},
                      {"env", "memory", ExternKind::kMemory, "memory 1.. pages"}},
          .exports = {{"answer", ExternKind::kFunc, "func () -> i32"}},
          .memories = {{.min = 1, .max = 2}, {.min = 1, .is_64 = true, .is_shared = true}},
          .tables = {{ValType::kFuncRef, Limits{.min = 3}}},
          .counts = {.types = 1, .functions = 2, .imported_functions = 1, .code_bytes = 99}};
}

// The two files are held to the same rules.
struct Format {
  std::string text;
  std::function<Result<void>(const std::string&)> parse;
  int fields;
};
std::vector<Format> Formats() {
  return {{PrintManifest(Example()),
           [](const std::string& text) -> Result<void> {
             GUARDC_CHECK(ParseManifest(text, "m"));
             return {};
           },
           26},
          {PrintDescription(ExampleDescription()),
           [](const std::string& text) -> Result<void> {
             GUARDC_CHECK(ParseDescription(text, "d"));
             return {};
           },
           26}};
}

TEST(Manifest, SurvivesPrintingAndParsing) {
  const Manifest manifest = Example();
  const std::string text = PrintManifest(manifest);
  const auto parsed = ParseManifest(text, "m");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(*parsed, manifest);
  EXPECT_EQ(PrintManifest(*parsed), text);
}

TEST(Description, SurvivesPrintingAndParsing) {
  const Description description = ExampleDescription();
  const std::string text = PrintDescription(description);
  const auto parsed = ParseDescription(text, "d");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(*parsed, description);
  EXPECT_EQ(PrintDescription(*parsed), text);
}

TEST(Manifest, NamesThatAreNotUtf8ArePrinted) {
  Manifest manifest = Example();
  manifest.module_name = "\xff";
  EXPECT_TRUE(ParseManifest(PrintManifest(manifest), "m"));
  Description description = ExampleDescription();
  description.imports[0].name = "\xff";
  EXPECT_TRUE(ParseDescription(PrintDescription(description), "d"));
}

// Every field, at every depth: missing, of another type, and one too many.
void ForEachField(const Json& json, const Json::json_pointer& at, const std::function<void(Json::json_pointer)>& each) {
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      each(at / key);
      ForEachField(value, at / key, each);
    }
  } else if (json.is_array() && !json.empty()) {
    ForEachField(json[0], at / 0, each);
  }
}

TEST(Manifest, EveryFieldIsRequired) {
  for (const Format& format : Formats()) {
    const Json json = Json::parse(format.text);
    int fields = 0;
    ForEachField(json, Json::json_pointer(), [&](const Json::json_pointer& at) {
      Json changed = json;
      changed[at.parent_pointer()].erase(at.back());
      const auto parsed = format.parse(changed.dump());
      ASSERT_FALSE(parsed) << at.to_string();
      EXPECT_EQ(parsed.error().kind, ErrorKind::kCorruptArtifact);
      EXPECT_THAT(parsed.error().message, HasSubstr(at.back() + " is missing"));
      ++fields;
    });
    EXPECT_GT(fields, format.fields);
  }
}

TEST(Manifest, EveryFieldHasItsType) {
  for (const Format& format : Formats()) {
    const Json json = Json::parse(format.text);
    for (const Json& wrong : {Json(-1), Json(0.5), Json("wrong"), Json::array({1, 2}), Json{{"a", 1}}}) {
      ForEachField(json, Json::json_pointer(), [&](const Json::json_pointer& at) {
        if (json[at].type() == wrong.type()) return;  // strings are checked below
        Json changed = json;
        changed[at] = wrong;
        const auto parsed = format.parse(changed.dump());
        ASSERT_FALSE(parsed) << at.to_string() << wrong;
        EXPECT_EQ(parsed.error().kind, ErrorKind::kCorruptArtifact);
        EXPECT_THAT(parsed.error().message, HasSubstr(at.back()));
      });
    }
  }
}

TEST(Manifest, UnknownFieldsAreRefused) {
  for (const Format& format : Formats()) {
    const Json json = Json::parse(format.text);
    for (const char* at :
         {"", "/wasm", "/object", "/target", "/options", "/description", "/imports/0", "/memories/0", "/counts"}) {
      if (!json.contains(Json::json_pointer(at))) continue;
      Json changed = json;
      changed[Json::json_pointer(at)]["more"] = 1;
      const auto parsed = format.parse(changed.dump());
      ASSERT_FALSE(parsed) << at;
      EXPECT_THAT(parsed.error().message, HasSubstr("more is unknown"));
    }
  }
}

// One reader would take the first, the next one the last.
TEST(Manifest, FieldsThatStandThereTwiceAreRefused) {
  for (const Format& format : Formats()) {
    const Json json = Json::parse(format.text);
    int fields = 0;
    ForEachField(json, Json::json_pointer(), [&](const Json::json_pointer& at) {
      if (!json[at.parent_pointer()].is_object()) return;
      // Behind the object's other members once more, spelt otherwise every other time.
      const std::string key =
          ++fields % 2 == 0 ? at.back() : "\\u00" + HexOf({{static_cast<uint8_t>(at.back()[0])}}) + at.back().substr(1);
      Json marked = json;
      marked[at.parent_pointer()]["zzz"] = 0;
      std::string text = marked.dump();
      const std::string mark = "\"zzz\":0";
      text.replace(text.find(mark), mark.size(), "\"" + key + "\":" + json[at].dump());
      const auto parsed = format.parse(text);
      ASSERT_FALSE(parsed) << text;
      EXPECT_EQ(parsed.error().kind, ErrorKind::kCorruptArtifact);
      EXPECT_THAT(parsed.error().message, HasSubstr(at.back() + " stands there twice"));
    });
    EXPECT_GT(fields, format.fields);
  }
}

TEST(Manifest, NumbersAreDigits) {
  for (const Format& format : Formats()) {
    const Json json = Json::parse(format.text);
    for (const char* at : {"/object/size", "/counts/types"}) {
      if (!json.contains(Json::json_pointer(at))) continue;
      Json marked = json;
      marked[Json::json_pointer(at)] = "mark";
      for (const char* number : {"1.0", "1e2", "-0", "-1", "18446744073709551616", "1e400"}) {
        std::string text = marked.dump();
        text.replace(text.find("\"mark\""), 6, number);
        EXPECT_EQ(format.parse(text).error().kind, ErrorKind::kCorruptArtifact) << number;
      }
    }
  }
}

TEST(Manifest, ValuesAreChecked) {
  const std::pair<const char*, Json> changes[] = {
      {"/object/file", "../guard.so"},
      {"/object/sha256", "00"},
      {"/object/xxh3_128", "00"},
      {"/object/xxh3_128", std::string(64, '0')},
      {"/object/xxh3_128", std::string(32, 'A')},
      {"/options/opt_level", 4},
      {"/options/profile", "other"},
      {"/description/file", "../description.json"},
      {"/description/sha256", "00"},
      {"/abi_version", uint64_t{1} << 32},
      {"/target/features/1", 7},
      {"/imports/0/kind", "thing"},
      {"/tables/0/element", "i32"},
      // The key is that of the other fields.
      {"/key", std::string(64, '0')},
      {"/options/strict_traps", true},
      {"/target/features/0", "avx2"},
  };
  size_t checked = 0;
  for (const Format& format : Formats()) {
    const Json json = Json::parse(format.text);
    for (const auto& [at, value] : changes) {
      if (!json.contains(Json::json_pointer(at))) continue;
      Json changed = json;
      changed[Json::json_pointer(at)] = value;
      const auto parsed = format.parse(changed.dump());
      ASSERT_FALSE(parsed) << at;
      EXPECT_EQ(parsed.error().kind, ErrorKind::kCorruptArtifact) << at;
      ++checked;
    }
  }
  EXPECT_EQ(checked, std::size(changes));
}

// Where the first thing that is wrong is, what was found there, and what was expected.
TEST(Manifest, MessagesSayWhere) {
  const std::tuple<const char*, Json, const char*> changes[] = {
      {"/wasm/size", -1, "m: wasm.size is -1, expected a number from 0 to 18446744073709551615: compile"},
      {"/target/features/1", 7, "m: target.features[1] is 7, expected a string: compile"},
      {"/options", Json::array(), "m: options is an array, expected an object: compile"},
      {"/imports/1/type", false, "d: imports[1].type is false, expected a string: compile"},
      {"/tables/0/max", "x", "d: tables[0].max is \"x\", expected a number or null: compile"},
      {"/exports/0", 3, "d: exports[0] is a number, expected an object: compile"},
      {"/memories", nullptr, "d: memories is null, expected an array: compile"},
  };
  for (const Format& format : Formats()) {
    const Json json = Json::parse(format.text);
    for (const auto& [at, value, message] : changes) {
      if (!json.contains(Json::json_pointer(at))) continue;
      Json changed = json;
      changed[Json::json_pointer(at)] = value;
      const auto parsed = format.parse(changed.dump());
      ASSERT_FALSE(parsed) << at;
      EXPECT_THAT(parsed.error().message, HasSubstr(message));
    }
  }
}

TEST(Manifest, AnotherFormatVersionIsIncompatible) {
  Json json = Json::parse(PrintManifest(Example()));
  json["manifest_version"] = kManifestVersion + 1;
  json["new_field"] = true;
  const auto parsed = ParseManifest(json.dump(), "m");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().kind, ErrorKind::kIncompatibleArtifact);
  EXPECT_THAT(parsed.error().message, HasSubstr("manifest_version is 4, expected 3"));
}

TEST(Manifest, WhatIsNoManifestIsCorrupt) {
  for (const Format& format : Formats()) {
    const std::string& text = format.text;
    for (const std::string& bad : {std::string(), std::string("[]"), std::string("null"), std::string("{}"),
                                   std::string("\xff\xfe"), text.substr(0, text.size() / 2), text + "x",
                                   std::string(100000, '['), std::string("{\"manifest_version\":")}) {
      const auto parsed = format.parse(bad);
      ASSERT_FALSE(parsed);
      EXPECT_EQ(parsed.error().kind, ErrorKind::kCorruptArtifact);
    }
  }
}

}  // namespace
}  // namespace guardc::artifact
