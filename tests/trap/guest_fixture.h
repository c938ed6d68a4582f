// An instance of the hand-written guest, and short ways to call it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "guardc/instance.h"
#include "runtime/call/guest_call.h"
#include "tests/fixtures/fixture.h"

namespace guardc {

// A fault of the host's own.
inline void NullDereference() {
  volatile int* volatile nowhere = reinterpret_cast<int*>(8);
  *nowhere = 1;
}

// What `host_log` gets; may do something first.
class TestLog final : public GuardLog {
 public:
  bool Enabled(LogLevel) const override { return true; }
  void Log(LogLevel, std::string_view message, std::string_view) override {
    if (lines.size() < 1000) lines.emplace_back(message);
    if (on_line) on_line();
  }
  std::vector<std::string> lines;
  std::function<void()> on_line;
};

class Guest {
 public:
  explicit Guest(StoreOptions options = {}, std::shared_ptr<const Module> module = testing::TrapGuest())
      : store_(options) {
    host.log = &log;
    Result<Instance*> made = InstantiateWithHost(store_, std::move(module), host);
    if (!made) {
      ADD_FAILURE() << made.error().message;
      abort();
    }
    instance = *made;
  }

  Result<void> Run(std::string_view name, const CallOptions& call = {}) {
    abi::Value none = {};
    Result<GuestFunction> function = GuestFunction::Bind(*instance, name, {});
    if (!function) return std::unexpected(std::move(function).error());
    return function->Call(&none, host, call);
  }

  Result<uint32_t> Run1(std::string_view name, uint32_t argument, const CallOptions& call = {}) {
    abi::Value value = {.i32 = argument};
    Result<GuestFunction> function = GuestFunction::Bind(*instance, name, {{ValType::kI32}, {ValType::kI32}});
    if (!function) return std::unexpected(std::move(function).error());
    if (Result<void> done = function->Call(&value, host, call); !done) return std::unexpected(std::move(done).error());
    return value.i32;
  }

  TestLog log;
  HostState host;
  Instance* instance = nullptr;

 private:
  Store store_;
};

inline std::vector<std::string> FrameNames(const Error& error) {
  std::vector<std::string> names;
  for (const Frame& frame : error.details().backtrace) names.push_back(frame.function_name);
  return names;
}

template <class T>
void ExpectTrap(const Result<T>& result, TrapCode trap, std::string_view function) {
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, ErrorKind::kTrap) << result.error().message;
  EXPECT_EQ(result.error().details().trap, trap) << result.error().message;
  EXPECT_THAT(FrameNames(result.error()), ::testing::Contains(std::string(function)));
}

}  // namespace guardc
