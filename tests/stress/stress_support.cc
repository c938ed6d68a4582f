#include "tests/stress/stress_support.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>

#include "tests/fixtures/wat.h"
#include "tests/stress/stress_guard.h"

namespace guardc {

namespace {

int CountFiles(const char* directory) {
  int count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory)) ++count;
  return count;
}

}  // namespace

std::shared_ptr<const Module> StressModule(const std::string& start) {
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<const Module>> modules;
  const std::lock_guard lock(mutex);
  auto& module = modules[start];
  if (module == nullptr) {
    std::string wat(kStressGuard);
    wat.replace(wat.find('%'), 1, start);
    CompileOptions options{.profile = Profile::kWasi};
#ifdef __SANITIZE_THREAD__
    // Thread sanitizer leaves a process no room for many reservations of 8 GiB.
    options.bounds_checks = true;
#endif
    module = testing::CompileWat(wat, options).value();
  }
  return module;
}

int StressCalls() {
  const char* text = getenv("GUARDC_STRESS_CALLS");
  return text != nullptr ? std::max(64, atoi(text)) : 6400;
}

Holdings Holdings::Now() {
  Holdings out;
  out.descriptors = CountFiles("/proc/self/fd");
  out.threads = CountFiles("/proc/self/task");
  uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  out.address_space = pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  return out;
}

void ExpectNothingLeaked(const Holdings& before) {
  Holdings now = Holdings::Now();
  // Threads that were joined may still be on their way out.
  for (int i = 0; i < 100 && now.threads > before.threads; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    now = Holdings::Now();
  }
  EXPECT_LE(now.descriptors, before.descriptors);
  EXPECT_LE(now.threads, before.threads);
  EXPECT_LT(now.address_space, before.address_space + (uint64_t{6} << 30));
}

}  // namespace guardc
