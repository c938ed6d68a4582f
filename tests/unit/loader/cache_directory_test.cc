#include <gtest/gtest.h>
#include <stdlib.h>

#include "guardc/module.h"

namespace guardc {
namespace {

class CacheDirectoryTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : kNames) {
      const char* value = getenv(name);
      saved_.emplace_back(value == nullptr ? std::nullopt : std::optional<std::string>(value));
      unsetenv(name);
    }
  }
  void TearDown() override {
    for (size_t i = 0; i < std::size(kNames); ++i) {
      saved_[i] ? setenv(kNames[i], saved_[i]->c_str(), 1) : unsetenv(kNames[i]);
    }
  }
  static constexpr const char* kNames[] = {"GUARDC_CACHE_DIR", "MCP_GATEWAY_WASM_CACHE_DIR", "XDG_CACHE_HOME", "HOME"};
  std::vector<std::optional<std::string>> saved_;
};

TEST_F(CacheDirectoryTest, TheFirstThatIsSetCounts) {
  const auto none = CacheDirectory();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::kInvalidArgument);
  setenv("HOME", "relative", 1);
  EXPECT_EQ(CacheDirectory().error().kind, ErrorKind::kInvalidArgument);
  setenv("HOME", "/home/me", 1);
  EXPECT_EQ(CacheDirectory().value(), "/home/me/.cache/guardc");
  setenv("XDG_CACHE_HOME", "relative", 1);
  EXPECT_EQ(CacheDirectory().value(), "/home/me/.cache/guardc");
  setenv("XDG_CACHE_HOME", "/xdg", 1);
  EXPECT_EQ(CacheDirectory().value(), "/xdg/guardc");
  setenv("MCP_GATEWAY_WASM_CACHE_DIR", "/gateway", 1);
  EXPECT_EQ(CacheDirectory().value(), "/gateway");
  setenv("GUARDC_CACHE_DIR", "", 1);
  EXPECT_EQ(CacheDirectory().value(), "/gateway");
  setenv("GUARDC_CACHE_DIR", "/ours", 1);
  EXPECT_EQ(CacheDirectory().value(), "/ours");
  EXPECT_EQ(CacheDirectory("/flag").value(), "/flag");
}

}  // namespace
}  // namespace guardc
