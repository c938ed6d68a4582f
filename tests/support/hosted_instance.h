// An instance in a store of its own, whose functions take an i32 and give one.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "guardc/instance.h"
#include "runtime/call/guest_call.h"
#include "runtime/instance/snapshot.h"
#include "runtime/instance/store_impl.h"

namespace guardc::test {

class HostedInstance {
 public:
  explicit HostedInstance(std::shared_ptr<const Module> module, StoreOptions options = {.memory_cap_pages = 600})
      : store_(options) {
    instance_ = InstantiateWithHost(store_, std::move(module), host_).value();
  }
  explicit HostedInstance(const InstanceSnapshot& from) : store_({.memory_cap_pages = 600}) {
    instance_ = CloneWithHost(store_, from, host_).value();
  }

  Result<uint32_t> Call(std::string_view name, uint32_t argument = 0) {
    abi::Value value = {.i32 = argument};
    const auto function = GuestFunction::Bind(*instance_, name, {{ValType::kI32}, {ValType::kI32}});
    if (!function) return std::unexpected(function.error());
    if (auto done = function->Call(&value, host_, {}); !done) return std::unexpected(done.error());
    return value.i32;
  }
  // A failed call fails the test.
  uint32_t operator()(std::string_view name, uint32_t argument = 0) {
    const auto result = Call(name, argument);
    EXPECT_TRUE(result) << name << ": " << result.error().message;
    return result.value_or(0xdead);
  }
  TrapCode Trap(std::string_view name, uint32_t argument = 0) {
    const auto result = Call(name, argument);
    return result ? TrapCode::kNone : result.error().details().trap;
  }

  Instance::Impl& impl() { return instance_->impl(); }

 private:
  HostState host_;
  Store store_;
  Instance* instance_ = nullptr;
};

}  // namespace guardc::test
