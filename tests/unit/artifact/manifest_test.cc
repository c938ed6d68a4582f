#include "artifact/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

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
  manifest.imports = {{"env", "host_log", ExternKind::kFunc, "func (i32, i32, i32) -> ()"},
                      {"env", "memory", ExternKind::kMemory, "memory 1.. pages"}};
  manifest.memories.push_back({.min = 1, .is_64 = true, .is_shared = true});
  manifest.counts = {.types = 1, .functions = 2, .imported_functions = 1, .code_bytes = 99};
  return manifest;
}

TEST(Manifest, SurvivesPrintingAndParsing) {
  const Manifest manifest = Example();
  const std::string text = PrintManifest(manifest);
  const auto parsed = ParseManifest(text, "m");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(*parsed, manifest);
  EXPECT_EQ(PrintManifest(*parsed), text);
}

TEST(Manifest, NamesThatAreNotUtf8ArePrinted) {
  Manifest manifest = Example();
  manifest.module_name = "\xff";
  EXPECT_TRUE(ParseManifest(PrintManifest(manifest), "m"));
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
  const Json json = Json::parse(PrintManifest(Example()));
  int fields = 0;
  ForEachField(json, Json::json_pointer(), [&](const Json::json_pointer& at) {
    Json changed = json;
    changed[at.parent_pointer()].erase(at.back());
    const auto parsed = ParseManifest(changed.dump(), "m");
    ASSERT_FALSE(parsed) << at.to_string();
    EXPECT_EQ(parsed.error().kind, ErrorKind::kCorruptArtifact);
    EXPECT_THAT(parsed.error().message, HasSubstr(at.back() + " is missing"));
    ++fields;
  });
  EXPECT_GT(fields, 50);
}

TEST(Manifest, EveryFieldHasItsType) {
  const Json json = Json::parse(PrintManifest(Example()));
  for (const Json& wrong : {Json(-1), Json(0.5), Json("wrong"), Json::array({1, 2}), Json{{"a", 1}}}) {
    ForEachField(json, Json::json_pointer(), [&](const Json::json_pointer& at) {
      if (json[at].type() == wrong.type()) return;  // strings are checked below
      Json changed = json;
      changed[at] = wrong;
      const auto parsed = ParseManifest(changed.dump(), "m");
      ASSERT_FALSE(parsed) << at.to_string() << wrong;
      EXPECT_EQ(parsed.error().kind, ErrorKind::kCorruptArtifact);
      EXPECT_THAT(parsed.error().message, HasSubstr(at.back()));
    });
  }
}

TEST(Manifest, UnknownFieldsAreRefused) {
  const Json json = Json::parse(PrintManifest(Example()));
  for (const char* at : {"", "/wasm", "/object", "/target", "/options", "/imports/0", "/memories/0", "/counts"}) {
    Json changed = json;
    changed[Json::json_pointer(at)]["more"] = 1;
    const auto parsed = ParseManifest(changed.dump(), "m");
    ASSERT_FALSE(parsed) << at;
    EXPECT_THAT(parsed.error().message, HasSubstr("more is unknown"));
  }
}

TEST(Manifest, ValuesAreChecked) {
  const Json json = Json::parse(PrintManifest(Example()));
  const std::pair<const char*, Json> changes[] = {
      {"/object/file", "../guard.so"},
      {"/object/sha256", "00"},
      {"/object/xxh3_128", "00"},
      {"/object/xxh3_128", std::string(64, '0')},
      {"/object/xxh3_128", std::string(32, 'A')},
      {"/options/opt_level", 4},
      {"/options/profile", "other"},
      {"/imports/0/kind", "thing"},
      {"/tables/0/element", "i32"},
      {"/abi_version", uint64_t{1} << 32},
      // The key is that of the other fields.
      {"/key", std::string(64, '0')},
      {"/options/strict_traps", true},
      {"/target/features/0", "avx2"},
  };
  for (const auto& [at, value] : changes) {
    Json changed = json;
    changed[Json::json_pointer(at)] = value;
    const auto parsed = ParseManifest(changed.dump(), "m");
    ASSERT_FALSE(parsed) << at;
    EXPECT_EQ(parsed.error().kind, ErrorKind::kCorruptArtifact) << at;
  }
}

TEST(Manifest, AnotherFormatVersionIsIncompatible) {
  Json json = Json::parse(PrintManifest(Example()));
  json["manifest_version"] = kManifestVersion + 1;
  json["new_field"] = true;
  const auto parsed = ParseManifest(json.dump(), "m");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().kind, ErrorKind::kIncompatibleArtifact);
  EXPECT_THAT(parsed.error().message, HasSubstr("manifest_version is 3, expected 2"));
}

TEST(Manifest, WhatIsNoManifestIsCorrupt) {
  const std::string text = PrintManifest(Example());
  for (const std::string& bad :
       {std::string(), std::string("[]"), std::string("null"), std::string("{}"), std::string("\xff\xfe"),
        text.substr(0, text.size() / 2), text + "x", std::string(100000, '['), std::string("{\"manifest_version\":")}) {
    const auto parsed = ParseManifest(bad, "m");
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().kind, ErrorKind::kCorruptArtifact);
  }
}

}  // namespace
}  // namespace guardc::artifact
