#include "base/similar.h"

#include <gtest/gtest.h>

namespace guardc {
namespace {

constexpr std::string_view kCommands[] = {"compile", "verify", "inspect", "call", "cache", "exec"};
constexpr std::string_view kOptions[] = {"--cache-dir", "--memory-cap", "--json", "-v", "--verbose", "--input"};

TEST(Similar, SlipsOfTheFinger) {
  EXPECT_EQ(Nearest("comiple", kCommands), "compile");  // swapped
  EXPECT_EQ(Nearest("cal", kCommands), "call");         // left out
  EXPECT_EQ(Nearest("cacche", kCommands), "cache");     // added
  EXPECT_EQ(Nearest("exex", kCommands), "exec");        // changed
  EXPECT_EQ(Nearest("CALL", kCommands), "call");
  EXPECT_EQ(Nearest("--jsno", kOptions), "--json");
  EXPECT_EQ(Nearest("--memory-cpa", kOptions), "--memory-cap");
}

TEST(Similar, BeginningOfAName) {
  EXPECT_EQ(Nearest("insp", kCommands), "inspect");
  EXPECT_EQ(Nearest("--mem", kOptions), "--memory-cap");
  EXPECT_EQ(Nearest("inspection", kCommands), "inspect");
}

TEST(Similar, NothingIsNear) {
  EXPECT_EQ(Nearest("", kCommands), std::nullopt);
  EXPECT_EQ(Nearest("frobnicate", kCommands), std::nullopt);
  EXPECT_EQ(Nearest(std::string(1 << 20, 'c'), kCommands), std::nullopt);
  EXPECT_EQ(Nearest("call", {}), std::nullopt);
}

TEST(Similar, TheNearestOfSeveral) {
  constexpr std::string_view kCpus[] = {"x86-64", "x86-64-v2", "x86-64-v3", "skylake", "skylake-avx512"};
  EXPECT_EQ(Nearest("x86_64-v3", kCpus), "x86-64-v3");
  EXPECT_EQ(Nearest("skylak", kCpus), "skylake");
}

TEST(Similar, Messages) {
  EXPECT_EQ(DidYouMean("cal", kCommands), "; did you mean 'call'?");
  EXPECT_EQ(DidYouMean("frobnicate", kCommands), "");
  constexpr std::string_view kProfiles[] = {"guard", "wasi"};
  EXPECT_EQ(NoSuchName("gurd", kProfiles), "there is no 'gurd', expected one of guard, wasi; did you mean 'guard'?");
}

}  // namespace
}  // namespace guardc
