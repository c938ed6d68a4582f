#include "artifact/cpu_features.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace guardc::artifact {
namespace {

TEST(CpuFeatures, ListsAreAscendingAndLevelsGrow) {
  const auto all = X86Features();
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
  EXPECT_TRUE(std::is_sorted(Aarch64Features().begin(), Aarch64Features().end()));
  std::span<const std::string_view> previous;
  for (const CpuLevel& level : X86Levels()) {
    EXPECT_TRUE(std::is_sorted(level.features.begin(), level.features.end())) << level.name;
    EXPECT_TRUE(std::includes(all.begin(), all.end(), level.features.begin(), level.features.end())) << level.name;
    EXPECT_TRUE(std::includes(level.features.begin(), level.features.end(), previous.begin(), previous.end()))
        << level.name;
    previous = level.features;
  }
}

}  // namespace
}  // namespace guardc::artifact
