// What the tests under load share: the guard's modules, what the process holds, and how much to do.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "guardc/guard.h"
#include "guardc/module.h"

namespace guardc {

inline constexpr std::string_view kStressPolicy = R"({"allow-only":{"repos":"all","min-integrity":"none"}})";

// kStressGuard with the text of its start function.
std::shared_ptr<const Module> StressModule(const std::string& start = "");

// $GUARDC_STRESS_CALLS, or fewer, for a run among other tests.
int StressCalls();

// Says nothing, and is asked all the same.
class SilentLog final : public GuardLog {
 public:
  bool Enabled(LogLevel) const override { return false; }
  void Log(LogLevel, std::string_view, std::string_view) override {}
};

// What would grow if something leaked.
struct Holdings {
  int descriptors = 0;
  int threads = 0;
  uint64_t address_space = 0;  // bytes; an instance takes 8 GiB
  static Holdings Now();
};

// Fails the test where more than a little has been added since `before`.
void ExpectNothingLeaked(const Holdings& before);

}  // namespace guardc
