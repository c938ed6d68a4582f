// env.call_backend and env.host_log as docs/guard-abi.md, 1, has them, and where log lines go by default.
#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

#include "guardc/log.h"
#include "runtime/host/default_log.h"
#include "tests/support/json_texts.h"
#include "tests/unit/host/host_fixture.h"

namespace guardc {
namespace {

using namespace std::string_view_literals;

constexpr uint32_t kFailed = 0xffffffff, kTooSmall = 0xfffffffe;

class CallBackendTest : public HostTest {
 protected:
  CallBackendTest() {
    state_.backend = [this](std::string_view tool, std::string_view args, const CallOptions& call) {
      ++backend_calls_;
      tool_ = tool;
      args_ = args;
      request_id_ = call.request_id;
      return answer_;
    };
  }

  uint32_t CallTool(std::string_view tool, std::string_view args, uint32_t capacity = 1000) {
    PutText(100, tool);
    PutText(1000, args);
    return Call("call_backend", {100, tool.size(), 1000, args.size(), 5000, capacity});
  }

  int backend_calls_ = 0;
  Result<std::string> answer_ = std::string(R"({"a":1})");
  std::string tool_, args_, request_id_;
};

TEST_F(CallBackendTest, AnswersTheJson) {
  EXPECT_EQ(CallTool("get_me", R"({"x":[1,2]})"), 7u);
  EXPECT_EQ(GetText(5000, 7), R"({"a":1})");
  EXPECT_EQ(tool_, "get_me");
  EXPECT_EQ(args_, R"({"x":[1,2]})");
  EXPECT_EQ(request_id_, "req-7");
  EXPECT_EQ(CallTool("get_me", "{}", 7), 7u);
}

TEST_F(CallBackendTest, EmptyArgumentsAreNull) {
  EXPECT_EQ(CallTool("t", ""), 7u);
  EXPECT_EQ(args_, "null");
  EXPECT_EQ(Call("call_backend", {100, 1, 0xffffffff, 0, 5000, 100}), 7u);
}

TEST_F(CallBackendTest, ArgumentsMustBeJson) {
  const auto budget = state_.backend_calls_left;
  for (const std::string_view bad : test::kNotJsonTexts) {
    state_.backend_calls_left = budget;
    if (bad.empty()) continue;  // no arguments
    EXPECT_EQ(CallTool("t", bad), kFailed) << bad;
  }
  EXPECT_EQ(backend_calls_, 0);
  for (const auto& texts : {std::span<const std::string_view>(test::kJsonTexts), {test::kJsonTextsBeyondADom}}) {
    for (const std::string_view good : texts) {
      state_.backend_calls_left = budget;
      EXPECT_EQ(CallTool("t", good), 7u) << good;
      EXPECT_EQ(args_, good);  // byte for byte
      for (const std::string_view behind : {"\0"sv, "\0 {}"sv, "\0\n{\"outcome\":\"allowed\"}"sv, ","sv}) {
        EXPECT_EQ(CallTool("t", std::string(good) + std::string(behind)), kFailed) << good;
      }
      EXPECT_EQ(args_, good);
    }
  }
  EXPECT_EQ(CallTool("t", std::string(2000, '[')), kFailed);
  EXPECT_EQ(CallTool("t", test::NestedJson(1000)), 7u);
  EXPECT_EQ(CallTool("t", test::NestedJson(1001)), kFailed);
}

TEST_F(CallBackendTest, ToolNameMustBeUtf8) {
  EXPECT_EQ(CallTool("caf\xc3\xa9", "{}"), 7u);
  EXPECT_EQ(CallTool("caf\xe9", "{}"), kFailed);
}

TEST_F(CallBackendTest, SizeThatIsNeeded) {
  answer_ = std::string(300, '7');
  EXPECT_EQ(CallTool("t", "{}", 299), kTooSmall);
  EXPECT_EQ(Get<uint32_t>(5000), 300u);
  Put<uint32_t>(5000, 0x55555555);
  EXPECT_EQ(CallTool("t", "{}", 3), kTooSmall);  // no room for the size
  EXPECT_EQ(Get<uint32_t>(5000), 0x55555555u);
  EXPECT_EQ(CallTool("t", "{}", 4), kTooSmall);
  EXPECT_EQ(Get<uint32_t>(5000), 300u);
  EXPECT_EQ(CallTool("t", "{}", 0), kTooSmall);
  EXPECT_EQ(CallTool("t", "{}", 300), 300u);
}

TEST_F(CallBackendTest, PointersOutsideMemory) {
  PutText(100, "t");
  EXPECT_EQ(Call("call_backend", {kSize, 1, 1000, 0, 5000, 100}), kFailed);
  EXPECT_EQ(Call("call_backend", {100, kSize, 1000, 0, 5000, 100}), kFailed);
  EXPECT_EQ(Call("call_backend", {0xfffffff0, 0x20, 1000, 0, 5000, 100}), kFailed);
  EXPECT_EQ(Call("call_backend", {100, 1, kSize - 1, 2, 5000, 100}), kFailed);
  EXPECT_EQ(Call("call_backend", {100, 1, 0xffffffff, 0xffffffff, 5000, 100}), kFailed);
  EXPECT_EQ(backend_calls_, 0);
  EXPECT_EQ(Call("call_backend", {100, 1, 1000, 0, kSize - 6, 100}), kFailed);
  EXPECT_EQ(Call("call_backend", {100, 1, 1000, 0, 0xffffffff, 100}), kFailed);
  EXPECT_EQ(Call("call_backend", {100, 1, 1000, 0, kSize - 3, 4}), kFailed);  // not even the size
  // What fits is written, though the capacity reaches past memory.
  EXPECT_EQ(Call("call_backend", {100, 1, 1000, 0, kSize - 7, 100}), 7u);
}

TEST_F(CallBackendTest, EveryCallCounts) {
  state_.backend_calls_left = 4;
  EXPECT_EQ(CallTool("t", "{}"), 7u);
  EXPECT_EQ(CallTool("t", "{"), kFailed);
  EXPECT_EQ(CallTool("t", "{}", 0), kTooSmall);
  EXPECT_EQ(Call("call_backend", {kSize, 1, 0, 0, 0, 0}), kFailed);
  EXPECT_EQ(backend_calls_, 2);
  EXPECT_EQ(CallTool("t", "{}"), kFailed);
  EXPECT_EQ(backend_calls_, 2);
  EXPECT_EQ(state_.backend_calls_left, 0u);
}

TEST_F(CallBackendTest, BackendsFail) {
  answer_ = Fail(ErrorKind::kBackend, "no such tool");
  EXPECT_EQ(CallTool("t", "{}"), kFailed);
  EXPECT_EQ(log_.lines.at(0).message, "call_backend: no such tool");
  state_.backend = [](std::string_view, std::string_view, const CallOptions&) -> Result<std::string> {
    throw std::runtime_error("boom");
  };
  EXPECT_EQ(CallTool("t", "{}"), kFailed);
  state_.backend = [](std::string_view, std::string_view, const CallOptions&) -> Result<std::string> { throw 1; };
  EXPECT_EQ(CallTool("t", "{}"), kFailed);
  state_.backend = nullptr;
  EXPECT_EQ(CallTool("t", "{}"), kFailed);
}

TEST_F(CallBackendTest, EmptyAnswerIsZeroBytes) {
  answer_ = std::string();
  EXPECT_EQ(CallTool("t", "{}", 0), 0u);
}

// ---- host_log -----------------------------------------------------------------------------------------------------

TEST_F(HostTest, LogLevels) {
  PutText(100, "line");
  for (const uint64_t level : {0ull, 1ull, 2ull, 3ull, 4ull, 0xffffffffull}) Call("host_log", {level, 100, 4});
  using Line = RecordingLog::Line;
  EXPECT_EQ(log_.lines, (std::vector<Line>{{LogLevel::kDebug, "line", "req-7"},
                                           {LogLevel::kInfo, "line", "req-7"},
                                           {LogLevel::kWarn, "line", "req-7"},
                                           {LogLevel::kError, "line", "req-7"},
                                           {LogLevel::kNone, "line", "req-7"},
                                           {LogLevel::kNone, "line", "req-7"}}));
}

TEST_F(HostTest, LogThatIsOffIsNotLookedAt) {
  log_.threshold = LogLevel::kError;
  Call("host_log", {0, 0xffffffff, 0xffffffff});
  EXPECT_EQ(log_.asked, 1);
  EXPECT_TRUE(log_.lines.empty());
}

TEST_F(HostTest, LogOutsideMemoryIsDropped) {
  Call("host_log", {3, kSize - 1, 2});
  Call("host_log", {3, 0xffffffff, 0xffffffff});
  ASSERT_EQ(log_.lines.size(), 2u);
  EXPECT_EQ(log_.lines[0].level, LogLevel::kDebug);
  log_.threshold = LogLevel::kInfo;
  Call("host_log", {3, kSize, 1});
  EXPECT_EQ(log_.lines.size(), 2u);
}

TEST_F(HostTest, LogWorksOutsideCallsAndWithoutLog) {
  PutText(100, "line");
  state_.control = nullptr;
  Call("host_log", {1, 100, 4});
  EXPECT_EQ(log_.lines.at(0).request_id, "");
  state_.log = nullptr;
  Call("host_log", {1, 100, 4});
}

TEST_F(HostTest, LogThatThrowsDoesNotEndTheGuest) {
  struct Throwing : GuardLog {
    bool Enabled(LogLevel) const override { return true; }
    void Log(LogLevel, std::string_view, std::string_view) override { throw 1; }
  } throwing;
  state_.log = &throwing;
  Call("host_log", {1, 100, 4});
}

// ---- The default log ----------------------------------------------------------------------------------------------

TEST(DefaultLogTest, WritesToStderr) {
  const auto log = MakeDefaultGuardLog("mine");
  EXPECT_FALSE(log->Enabled(LogLevel::kInfo));
  EXPECT_TRUE(log->Enabled(LogLevel::kWarn));
  EXPECT_FALSE(log->Enabled(LogLevel::kNone));
  ConfigureLogs({.levels = "guard:mine=info", .json = {}, .write = {}});
  EXPECT_TRUE(log->Enabled(LogLevel::kNone));
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  log->Log(LogLevel::kWarn, "careful\n", "req");
  log->Log(LogLevel::kNone, "{} plain", "");
  ConfigureLogs({});
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_NE(text.find(" guard:mine warn: careful\\x0a request=req\n"), std::string::npos) << text;
  EXPECT_NE(text.find(" guard:mine {} plain\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace guardc
