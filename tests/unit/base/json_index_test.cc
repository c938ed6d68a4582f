// The index without simdjson; tests/unit/gateway/json_text_test.cc holds the other to the same.
#include "base/json_index.h"

#include <gmock/gmock.h>

#include "tests/support/json_model.h"
#include "tests/support/json_texts.h"

namespace guardc {
namespace {

TEST(JsonIndexTest, AgreesWithTheCheckAndAnotherParserOnMutatedTexts) {
  std::mt19937 random(9);
  int accepted = 0;
  for (int i = 0; i < 50'000; ++i) {
    const std::string text = test::MutatedJson(random);
    const auto index = JsonIndex::Of(text, "it");
    ASSERT_EQ(index.has_value(), CheckJson(text, "it").has_value()) << text;
    if (!index) continue;
    ++accepted;
    ASSERT_EQ(test::ToModel(index->root()), nlohmann::json::parse(text)) << text;
  }
  EXPECT_GT(accepted, 10'000);
}

TEST(JsonIndexTest, TakesWhatIsJsonAndNothingElse) {
  for (const std::string_view text : test::kJsonTexts) {
    const auto index = JsonIndex::Of(text, "it");
    ASSERT_TRUE(index) << text;
    EXPECT_EQ(test::ToModel(index->root()), nlohmann::json::parse(text));
  }
  for (const std::string_view text : test::kJsonTextsBeyondADom) EXPECT_TRUE(JsonIndex::Of(text, "it")) << text;
  for (const std::string_view text : test::kNotJsonTexts) EXPECT_FALSE(JsonIndex::Of(text, "it")) << text;
  EXPECT_TRUE(JsonIndex::Of(test::NestedJson(kMaxJsonDepth), "it"));
  EXPECT_EQ(JsonIndex::Of(test::NestedJson(kMaxJsonDepth + 1), "it").error().kind, ErrorKind::kLimit);
}

TEST(JsonIndexTest, ValuesKeepTheirBytes) {
  const auto index = JsonIndex::Of(R"([ 1.0e+02 ,{ "a" : 12345678901234567890123 } , "\u0041"])", "it").value();
  std::vector<std::string_view> raw;
  for (JsonValue value : index.root()) raw.push_back(value.raw());
  EXPECT_THAT(raw, testing::ElementsAre("1.0e+02", R"({ "a" : 12345678901234567890123 })", R"("\u0041")"));
}

TEST(JsonIndexTest, HalfASurrogatePairIsNoText) {
  const auto index =
      JsonIndex::Of(R"(["x\ud83d\ude00\u00e9y","\ud83d","\ude00","\ud83d\u0041","\ud83dx","\ud83d\ud83d\ude00"])", "it")
          .value();
  std::vector<std::string> good;
  for (JsonValue value : index.root()) {
    if (auto text = value.String()) good.push_back(*text);
  }
  EXPECT_THAT(good, testing::ElementsAre("x\xf0\x9f\x98\x80\xc3\xa9y"));
}

}  // namespace
}  // namespace guardc
