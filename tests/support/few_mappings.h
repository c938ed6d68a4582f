// A process that has nearly as many mappings as vm.max_map_count allows.
#pragma once

#include <gmock/gmock.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <fstream>

#include "base/map_count.h"
#include "guardc/result.h"

namespace guardc {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kIsSanitized = true;  // a sanitizer ends the process where it cannot map what it wants for itself
#else
constexpr bool kIsSanitized = false;
#endif

// Takes all mappings that the process may still have, but for some.
class FewMappings {
 public:
  explicit FewMappings(size_t most)
      : page_(static_cast<size_t>(sysconf(_SC_PAGESIZE))),
        size_(2 * most * page_),
        begin_(static_cast<std::byte*>(
            mmap(nullptr, size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))) {
    if (begin_ == MAP_FAILED) return;
    // Each readable page among others splits what is one mapping.
    while (taken_ < most && SetReadable(taken_, PROT_READ)) ++taken_;
  }
  FewMappings(const FewMappings&) = delete;
  FewMappings& operator=(const FewMappings&) = delete;
  ~FewMappings() { munmap(begin_, size_); }

  // One such page is two mappings.
  void GiveBack(size_t pages) {
    for (size_t i = 0; i < pages && taken_ > 0; ++i) SetReadable(--taken_, PROT_NONE);
  }

 private:
  bool SetReadable(size_t index, int protection) {
    return mprotect(begin_ + (2 * index + 1) * page_, page_, protection) == 0;
  }

  const size_t page_;
  const size_t size_;
  std::byte* const begin_;
  size_t taken_ = 0;
};

inline size_t MaxMapCount() {
  size_t most = 0;
  std::ifstream("/proc/sys/vm/max_map_count") >> most;
  return most;
}

// Whether all of them can be taken in a test.
inline bool CanTakeAllMappings() { return !kIsSanitized && MaxMapCount() > 0 && MaxMapCount() <= 200'000; }

// Tries the step with ever more mappings left, until it works: up to then its error names the limit. How often it
// failed. `more`: of those pairs of mappings that it gets from one attempt to the next.
template <class Step>
int ExpectNoteUntilItWorks(Step step, size_t more = 1) {
  constexpr int kMost = 40;
  FewMappings few(MaxMapCount());
  EXPECT_THAT(MapCountNote(), ::testing::HasSubstr("vm.max_map_count"));
  for (int failed = 0; failed < kMost; ++failed) {
    const Result<void> done = step();
    if (done) return failed;
    EXPECT_THAT(done.error().message, ::testing::HasSubstr("vm.max_map_count")) << "after " << failed << " failures";
    few.GiveBack(more);
  }
  ADD_FAILURE() << "it never worked";
  return kMost;
}

}  // namespace guardc
