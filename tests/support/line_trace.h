// Which cache lines a thread reads and writes: every access that instrumented code makes, seen by standing in for the
// functions of thread sanitizer. Only in builds with it, and the test that uses it detects no races meanwhile.
#pragma once

#include <cstdint>
#include <map>

namespace guardc::testing {

inline constexpr uintptr_t kCacheLine = 64;

struct LineUse {
  uint32_t reads = 0;
  uint32_t writes = 0;  // and what may be one: a compare-and-swap takes the line for itself either way
};

// From here on the calling thread's accesses are noted, until EndLineTrace().
void BeginLineTrace();
// By the addresses of the lines.
std::map<uintptr_t, LineUse> EndLineTrace();

}  // namespace guardc::testing
