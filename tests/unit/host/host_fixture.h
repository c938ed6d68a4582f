// A guest memory without a guest: host functions are called as generated code would call them.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/host/host_functions.h"

namespace guardc {

// `size` bytes that end (and start) at inaccessible pages: whatever is touched beyond them is a crash.
class FencedMemory {
 public:
  explicit FencedMemory(size_t size) : mapped_((size + kPage - 1) / kPage * kPage) {
    area_ = static_cast<std::byte*>(
        mmap(nullptr, mapped_ + 2 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (mapped_ != 0) mprotect(area_ + kPage, mapped_, PROT_READ | PROT_WRITE);
    vm_ = {reinterpret_cast<uint8_t*>(area_ + kPage + mapped_ - size), size};
  }
  ~FencedMemory() { munmap(area_, mapped_ + 2 * kPage); }
  FencedMemory(const FencedMemory&) = delete;
  FencedMemory& operator=(const FencedMemory&) = delete;

  const abi::VmMemory* vm() const { return &vm_; }
  uint8_t* data() { return vm_.base; }

 private:
  static constexpr size_t kPage = 4096;
  size_t mapped_;
  std::byte* area_;
  abi::VmMemory vm_;
};

class FakeControl : public CallControl {
 public:
  bool Interrupted() const override { return interrupted; }
  bool SleepUntil(Clock::time_point until) override {
    slept_until.push_back(until);
    return !interrupted;
  }
  CallOptions Options() const override { return {.request_id = "req-7"}; }
  Result<void> Resume() override { return {}; }

  bool interrupted = false;
  std::vector<Clock::time_point> slept_until;
};

class RecordingLog : public GuardLog {
 public:
  struct Line {
    LogLevel level;
    std::string message;
    std::string request_id;
    bool operator==(const Line&) const = default;
  };
  bool Enabled(LogLevel level) const override {
    ++asked;
    return level == LogLevel::kNone ? all : level >= threshold;
  }
  void Log(LogLevel level, std::string_view message, std::string_view request_id) override {
    lines.push_back({level, std::string(message), std::string(request_id)});
  }

  LogLevel threshold = LogLevel::kDebug;
  bool all = true;
  mutable int asked = 0;
  std::vector<Line> lines;
};

class HostTest : public testing::Test {
 protected:
  static constexpr uint32_t kSize = 65536;

  HostTest() {
    state_.memory = GuestMemory(memory_.vm());
    state_.control = &control_;
    state_.log = &log_;
    state_.backend_calls_left = 50;
    state_.stdout_writer = [this](std::string_view bytes) { out_ += bytes; };
    state_.stderr_writer = [this](std::string_view bytes) { err_ += bytes; };
  }

  // The first result, i32. Arguments are given as 64 bits each, whatever their type.
  uint32_t Call(std::string_view name, std::initializer_list<uint64_t> args, TrapCode expected = TrapCode::kNone) {
    return Call(name, std::vector<uint64_t>(args), expected);
  }
  uint32_t Call(std::string_view name, const std::vector<uint64_t>& args, TrapCode expected = TrapCode::kNone) {
    const std::string_view module = name == "call_backend" || name == "host_log" ? "env" : "wasi_snapshot_preview1";
    const auto def = FindHostFunction(module, name);
    if (!def || def->import->params.size() != args.size()) {
      ADD_FAILURE() << name << ": not there, or called with " << args.size() << " arguments";
      return ~0u;
    }
    abi::VmHostFunc func{nullptr, def->fn, &state_};
    std::vector<abi::Value> values(args.size() + 1);
    for (size_t i = 0; i < args.size(); ++i) {
      values[i].i64 = args[i];
      // The upper half of an i32's slot holds whatever was there before.
      if (def->import->params[i] == 'i') values[i].i64 = (uint64_t{0xa5a5a5a5} << 32) | (args[i] & 0xffffffff);
    }
    EXPECT_EQ(def->fn(&func, values.data()), expected) << name;
    return values[0].i32;
  }

  template <class T>
  void Put(uint32_t at, const T& value) {
    std::memcpy(memory_.data() + at, &value, sizeof(T));
  }
  void PutText(uint32_t at, std::string_view text) { std::memcpy(memory_.data() + at, text.data(), text.size()); }
  template <class T>
  T Get(uint32_t at) {
    T value;
    std::memcpy(&value, memory_.data() + at, sizeof(T));
    return value;
  }
  std::string GetText(uint32_t at, size_t size) { return {reinterpret_cast<const char*>(memory_.data()) + at, size}; }

  FencedMemory memory_{kSize};
  FakeControl control_;
  RecordingLog log_;
  HostState state_;
  std::string out_;
  std::string err_;
};

}  // namespace guardc
