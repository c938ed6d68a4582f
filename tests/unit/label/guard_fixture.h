// Guards from .wat text, by the real route: wabt's text reader, our compiler, a cache of the test's own, the loader.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "guardc/guard.h"

namespace guardc {

inline constexpr uint32_t kMiB = 1 << 20;  // bytes

// Compiled once per test process and text. A failure ends the test.
std::shared_ptr<const Module> ModuleFromWat(const std::string& wat);

// A guard whose calls do as the first byte of their input says; see script_guard.cc. `memory` is the text of its memory
// ("1", "17 80"), `exports` what is exported beside it.
struct ScriptOptions {
  std::string memory = "1";
  std::string exports =
      R"((export "alloc" (func $alloc)) (export "dealloc" (func $dealloc)) (export "_initialize" (func $initialize)))";
  std::string data;  // more module fields
};
std::string ScriptGuardWat(const ScriptOptions& options = {});

// What the script guard has counted, as its command "c" answers it.
struct ScriptCounters {
  uint32_t allocs;
  uint32_t deallocs;
  uint32_t calls;  // of label functions, this one included
  uint32_t initialized;
  uint32_t input;  // pointers and sizes of this call
  uint32_t input_size;
  uint32_t output;
  uint32_t capacity;
  uint32_t memory_size;    // bytes
  uint32_t which;          // the last label function: 1 agent, 2 resource, 3 response
  uint32_t top;            // of the bump allocator
  uint32_t capacities[4];  // of the calls since "r", in order
};

// Collects what guards log, from any thread; look at `lines` when none of them calls any more.
class CollectingLog : public GuardLog {
 public:
  bool Enabled(LogLevel level) const override { return level >= threshold; }
  void Log(LogLevel level, std::string_view message, std::string_view request_id) override {
    const std::lock_guard lock(mutex_);
    lines.push_back(std::to_string(static_cast<int>(level)) + " " + std::string(message) + " [" +
                    std::string(request_id) + "]");
  }
  LogLevel threshold = LogLevel::kDebug;
  std::vector<std::string> lines;

 private:
  std::mutex mutex_;
};

class GuardTest : public testing::Test {
 protected:
  GuardTest() { options_.log = log_; }

  // A guard from the script module; a failure ends the test.
  std::shared_ptr<Guard> Script(const ScriptOptions& script = {});
  ScriptCounters Counters(Guard& guard);
  // The kind of the failure; kInternal if there was none.
  static ErrorKind KindOf(const Result<std::string>& result) {
    return result ? ErrorKind::kInternal : result.error().kind;
  }
  static Result<std::string> Ask(Guard& guard, std::string_view command, const CallOptions& call = {}) {
    return guard.Call(LabelFunction::kResource, command, call);
  }
  // A command followed by a number, little endian.
  static std::string Command(char op, uint32_t number) {
    return std::string(1, op) + std::string(reinterpret_cast<const char*>(&number), sizeof(number));
  }

  std::shared_ptr<CollectingLog> log_ = std::make_shared<CollectingLog>();
  GuardOptions options_;
};

}  // namespace guardc
