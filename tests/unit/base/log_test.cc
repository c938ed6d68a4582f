// docs/logs.md, sentence by sentence: who is heard, how a line looks, and that it stays one line.
#include "base/log.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "guardc/log.h"

namespace guardc::log {
namespace {

using nlohmann::json;

class LogTest : public testing::Test {
 protected:
  void SetUp() override { Clear(); }
  void TearDown() override { Clear(); }

  static void Clear() {
    for (const char* name : {"GUARDC_LOG", "DEBUG", "GUARDC_LOG_FORMAT"}) ::unsetenv(name);
    ConfigureLogs({});
  }
  // The environment is read again.
  static void Environment(const char* name, const char* value) {
    ::setenv(name, value, 1);
    ConfigureLogs({});
  }
  void Collect(LogOptions options) {
    options.write = [this](std::string_view line) { lines_.emplace_back(line); };
    ConfigureLogs(options);
  }

  std::vector<std::string> lines_;
};

TEST_F(LogTest, LevelsByPattern) {
  const std::pair<const char*, Level> cases[] = {{"", Level::kWarn},
                                                 {"trace", Level::kTrace},
                                                 {"debug", Level::kDebug},
                                                 {"warning", Level::kWarn},
                                                 {"off", Level::kOff},
                                                 {"none", Level::kOff},
                                                 {"error,guard:*=info", Level::kInfo},
                                                 {"guard:*=info,error", Level::kError},
                                                 {"error,guard:b=info", Level::kError},
                                                 {"*=debug,guard:a=error", Level::kError},
                                                 {"*:a=trace", Level::kTrace},
                                                 {"g*d:*=debug", Level::kDebug},
                                                 {"nonsense,,=,guard:a=", Level::kWarn}};
  for (const auto& [spec, level] : cases) EXPECT_EQ(LevelFromSpec(spec, "guard:a"), level) << spec;
}

TEST_F(LogTest, DebugPatterns) {
  for (const char* some : {"*", "a,guard:*", "a guard:*", "*:registry", "guard:registry"}) {
    EXPECT_TRUE(DebugNames(some, "guard:registry")) << some;
  }
  for (const char* none :
       {"", ",", "-*", "guard", "guard:", "guard:r", "difc:*", "guard:*,-guard:registry", "-guard:reg*,*"}) {
    EXPECT_FALSE(DebugNames(none, "guard:registry")) << none;
  }
}

TEST_F(LogTest, GuardcLogComesBeforeDebugAndTheCallerBeforeBoth) {
  const Logger log("guard:registry"), other("loader:module");
  EXPECT_FALSE(log.Enabled(Level::kInfo));
  EXPECT_TRUE(log.Enabled(Level::kWarn));
  Environment("DEBUG", "guard:*");
  EXPECT_TRUE(log.Enabled(Level::kDebug));
  EXPECT_FALSE(log.Enabled(Level::kTrace));
  EXPECT_FALSE(other.Enabled(Level::kInfo));
  Environment("GUARDC_LOG", "error,guard:registry=info");
  EXPECT_TRUE(log.Enabled(Level::kInfo));
  EXPECT_FALSE(log.Enabled(Level::kDebug));
  EXPECT_FALSE(other.Enabled(Level::kWarn));
  ConfigureLogs({.levels = "trace", .json = {}, .write = {}});
  EXPECT_TRUE(other.Enabled(Level::kTrace));
  const Logger later("guard:later");
  EXPECT_TRUE(later.Enabled(Level::kTrace));
  ConfigureLogs({.levels = "off", .json = {}, .write = {}});
  EXPECT_FALSE(later.Enabled(Level::kError));
}

TEST_F(LogTest, LinesGoToStderrOneEach) {
  Environment("GUARDC_LOG", "info");
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  Logger log("guard:test");
  log.Write(Level::kInfo, "first\nforged {} %v", {.guard = "mine", .request_id = "r1"});
  log.Write(Level::kDebug, "unheard");
  log.Write(std::nullopt, "plain");
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_NE(text.find(" guard:test info: [mine] first\\x0aforged {} %v request=r1\n"), std::string::npos) << text;
  EXPECT_NE(text.find(" guard:test plain\n"), std::string::npos) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
}

TEST_F(LogTest, AGuardsOwnLoggerNamesItOnce) {
  Collect({.levels = "info", .json = {}, .write = {}});
  Logger("guard:mine").Write(Level::kInfo, "x", {.guard = "mine", .request_id = {}});
  ASSERT_EQ(lines_.size(), 1u);
  EXPECT_NE(lines_[0].find(" guard:mine info: x\n"), std::string::npos) << lines_[0];
}

TEST_F(LogTest, JsonLinesByTheCaller) {
  Collect({.levels = "info", .json = true, .write = {}});
  Logger log("guard:test");
  log.Write(Level::kWarn, "say \"hi\"\xff\n", {.guard = "g\"", .request_id = "r\"1"});
  log.Write(std::nullopt, "plain");
  ASSERT_EQ(lines_.size(), 2u);
  json line = json::parse(lines_[0]);
  EXPECT_TRUE(line["time"].is_string());
  line.erase("time");
  EXPECT_EQ(line, json({{"level", "warn"},
                        {"logger", "guard:test"},
                        {"guard", "g\""},
                        {"request_id", "r\"1"},
                        {"message", "say \"hi\"\\xff\\x0a"}}));
  line = json::parse(lines_[1]);
  EXPECT_FALSE(line.contains("level"));
  EXPECT_FALSE(line.contains("guard"));
  EXPECT_EQ(std::count(lines_[0].begin(), lines_[0].end(), '\n'), 1);
}

TEST_F(LogTest, JsonLinesByTheEnvironment) {
  Environment("GUARDC_LOG_FORMAT", "json");
  testing::internal::CaptureStderr();
  Logger("guard:test").Write(Level::kError, "x");
  EXPECT_EQ(json::parse(testing::internal::GetCapturedStderr())["message"], "x");
}

TEST_F(LogTest, LongLinesAreCut) {
  Collect({.levels = "info", .json = true, .write = {}});
  Logger log("guard:test");
  log.Write(Level::kInfo, std::string(1 << 20, 'x'), {.guard = {}, .request_id = std::string(1 << 20, 'r')});
  ASSERT_EQ(lines_.size(), 1u);
  EXPECT_LT(lines_[0].size(), 17000u);
  EXPECT_TRUE(json::accept(lines_[0]));
}

TEST_F(LogTest, AWriterThatThrowsEndsNothing) {
  ConfigureLogs({.levels = "info", .json = {}, .write = [](std::string_view) { throw std::runtime_error("full"); }});
  Logger("guard:test").Write(Level::kError, "x");
}

TEST_F(LogTest, ManyThreadsWhileLevelsChange) {
  Collect({.levels = "info", .json = true, .write = {}});
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int n = 0; n < 200; ++n) Logger("guard:t").Write(Level::kError, "line");
    });
  }
  for (int n = 0; n < 50; ++n) ConfigureLogs({.levels = n % 2 ? "off" : "info", .json = true, .write = [](auto) {}});
  threads.clear();
  for (const std::string& line : lines_) EXPECT_TRUE(json::accept(line)) << line;
}

TEST(PrintableLineTest, CannotBeForged) {
  EXPECT_EQ(PrintableLine("a\nb\x1b[2J\tc\x7f", 100), "a\\x0ab\\x1b[2J\tc\\x7f");
  EXPECT_EQ(PrintableLine("caf\xc3\xa9 \xf0\x9f\x98\x80", 100), "caf\xc3\xa9 \xf0\x9f\x98\x80");
  EXPECT_EQ(PrintableLine("\xc2\x9b\xff\xc0\xaf\xed\xa0\x80\xe2\x82", 100),
            "\\xc2\\x9b\\xff\\xc0\\xaf\\xed\\xa0\\x80\\xe2\\x82");
  EXPECT_EQ(PrintableLine("abcdef", 3), "abc...");
}

}  // namespace
}  // namespace guardc::log
