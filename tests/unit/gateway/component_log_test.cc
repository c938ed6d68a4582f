// The loggers of the gateway's side: who is heard, and that a line stays one line.
#include "runtime/gateway/component_log.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <nlohmann/json.hpp>

namespace guardc::gateway {
namespace {

class ComponentLogTest : public testing::Test {
 protected:
  ~ComponentLogTest() override {
    for (const char* name : {"GUARDC_LOG", "DEBUG", "GUARDC_LOG_FORMAT"}) ::unsetenv(name);
  }
};

TEST_F(ComponentLogTest, DebugPatterns) {
  EXPECT_TRUE(DebugNames("*", "guard:registry"));
  EXPECT_TRUE(DebugNames("a,guard:*", "guard:registry"));
  EXPECT_TRUE(DebugNames("*:registry", "guard:registry"));
  EXPECT_TRUE(DebugNames("guard:registry", "guard:registry"));
  EXPECT_FALSE(DebugNames("guard:*,-guard:registry", "guard:registry"));
  EXPECT_FALSE(DebugNames("-guard:reg*,*", "guard:registry"));
  for (const char* none : {"", ",", "-*", "guard", "guard:", "guard:r", "difc:*"}) {
    EXPECT_FALSE(DebugNames(none, "guard:registry")) << none;
  }
}

TEST_F(ComponentLogTest, GuardcLogComesBeforeDebug) {
  EXPECT_EQ(LevelFromEnvironment("guard:registry"), LogLevel::kWarn);
  ::setenv("DEBUG", "guard:*", 1);
  EXPECT_EQ(LevelFromEnvironment("guard:registry"), LogLevel::kDebug);
  EXPECT_EQ(LevelFromEnvironment("other"), LogLevel::kWarn);
  ::setenv("GUARDC_LOG", "error,guard:registry=info", 1);
  EXPECT_EQ(LevelFromEnvironment("guard:registry"), LogLevel::kInfo);
  EXPECT_EQ(LevelFromEnvironment("guard:pipeline"), LogLevel::kError);
}

TEST_F(ComponentLogTest, LinesGoToStderrOneEach) {
  ::setenv("GUARDC_LOG", "info", 1);
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  ComponentLog log("guard:test");
  log.Write(LogLevel::kInfo, "first\nforged {} %v", "r1");
  log.Write(LogLevel::kDebug, "unheard");
  std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_NE(text.find(" guard:test info: [r1] first\\x0aforged {} %v\n"), std::string::npos) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

TEST_F(ComponentLogTest, JsonLines) {
  ::setenv("GUARDC_LOG", "info", 1);
  ::setenv("GUARDC_LOG_FORMAT", "json", 1);
  testing::internal::CaptureStderr();
  ComponentLog log("guard:test");
  log.Write(LogLevel::kWarn, "say \"hi\"\xff", "r\"1");
  auto line = nlohmann::json::parse(testing::internal::GetCapturedStderr());
  EXPECT_EQ(line["level"], "warn");
  EXPECT_EQ(line["logger"], "guard:test");
  EXPECT_EQ(line["request_id"], "r\"1");
  EXPECT_EQ(line["message"], "say \"hi\"\\xff");
}

}  // namespace
}  // namespace guardc::gateway
