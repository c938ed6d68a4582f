// A guest inside a Python process, for faulthandler_test.py: plain functions for ctypes. Each call answers as a number
// what came of it.
#include <chrono>
#include <memory>

#include "guardc/instance.h"
#include "runtime/call/guest_call.h"
#include "tests/fixtures/fixture.h"

namespace guardc {
namespace {

struct Host {
  HostState state;
  Store store{{.fail_after_trap = false}};
  Instance* instance = nullptr;
};
std::unique_ptr<Host> host;

constexpr int kReturned = 0, kOtherError = -1, kStopped = 100;  // a trap answers its code, 1 to 99

int Outcome(const Result<void>& result) {
  if (result) return kReturned;
  if (result.error().kind == ErrorKind::kDeadline) return kStopped;
  return result.error().kind == ErrorKind::kTrap ? static_cast<int>(result.error().details().trap) : kOtherError;
}

}  // namespace
}  // namespace guardc

#define EXPORTED extern "C" __attribute__((visibility("default")))

EXPORTED int host_create() {
  auto made = std::make_unique<guardc::Host>();
  const auto instance = guardc::InstantiateWithHost(made->store, guardc::testing::TrapGuest(), made->state);
  if (!instance) return guardc::kOtherError;
  made->instance = *instance;
  guardc::host = std::move(made);
  return guardc::kReturned;
}

EXPORTED int host_call(const char* function, unsigned argument) {
  const guardc::FuncType type{{guardc::ValType::kI32}, {guardc::ValType::kI32}};
  guardc::abi::Value value = {.i32 = argument};
  const auto bound = guardc::GuestFunction::Bind(*guardc::host->instance, function, type);
  return bound ? guardc::Outcome(bound->Call(&value, guardc::host->state, {})) : guardc::kOtherError;
}

EXPORTED int host_run(const char* function, unsigned milliseconds) {
  guardc::abi::Value none = {};
  const auto bound = guardc::GuestFunction::Bind(*guardc::host->instance, function, {});
  const auto deadline = guardc::Clock::now() + std::chrono::milliseconds(milliseconds);
  return bound ? guardc::Outcome(bound->Call(&none, guardc::host->state, {.deadline = deadline})) : guardc::kOtherError;
}
