#include "base/utf8.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace guardc {
namespace {

using namespace std::string_view_literals;

TEST(Utf8, Lengths) {
  EXPECT_EQ(Utf8Length("a"), 1u);
  EXPECT_EQ(Utf8Length("\xc3\xa9!"), 2u);
  EXPECT_EQ(Utf8Length("\xe2\x82\xac"), 3u);
  EXPECT_EQ(Utf8Length("\xf0\x9f\x99\x8f"), 4u);
}

TEST(Utf8, WhatIsNone) {
  for (const std::string_view text :
       {"\x80"sv, "\xc1\xbf"sv, "\xe0\x9f\xbf"sv, "\xed\xa0\x80"sv, "\xf0\x8f\xbf\xbf"sv, "\xf4\x90\x80\x80"sv,
        "\xf5\x80\x80\x80"sv, "\xe2\x82"sv, "\xc3\x28"sv, "\xff"sv}) {
    EXPECT_EQ(Utf8Length(text), 0u);
    EXPECT_FALSE(IsUtf8("text before " + std::string(text)));
  }
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8("na\xc3\xafve \xf0\x9f\x99\x8f \0 text"sv));
}

}  // namespace
}  // namespace guardc
