// What is compiled, and for what: the part of compile.h that needs no compiler, since module.h hands it to one.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace guardc {

// What the module must keep to.
enum class Profile : uint8_t {
  kGuard,  // the guard ABI: memory, the three label functions, only known imports
  kWasi,   // any module
};

// What a compile that fills no cache gives.
enum class Emit : uint8_t { kSharedObject, kObject, kAssembly, kLlvmIr };

// Everything here but `jobs`, `source`, `timeout` and `on_progress` is part of the cache key.
struct CompileOptions {
  int opt_level = 2;             // 0 to 3
  std::string cpu = "baseline";  // "baseline" (x86-64-v2, armv8-a), "native", or an LLVM CPU name such as "x86-64-v3"
  std::string target;            // a target triple; "" is the host's
  Profile profile = Profile::kGuard;
  bool bounds_checks = false;   // explicit checks instead of guard pages
  bool strict_traps = false;    // volatile accesses: memory after a trap is exact
  bool canonical_nans = false;  // every NaN that arithmetic makes is the canonical one
  unsigned jobs = 0;            // threads; 0 is one per core. Never changes the output
  // Then kDeadline. 0: ten minutes, and one for each MiB of the module; max(): never. Compile and CompileToCache run
  // LLVM on threads of this process, where nothing can stop it: they look at the clock between pieces of some 12,000
  // instructions, and are late by what the longest piece takes. Compiling on a miss (module.h) kills a process instead.
  std::chrono::milliseconds timeout{0};
  // Where the module came from, of which the last part is kept beside the artifact (at most 255 bytes) and shown by
  // `guardc cache ls`; "": nothing is. Never changes the artifact.
  std::string source = {};
  // Called when a chunk of the code is done, with how many are and how many there are; on any thread, several at once.
  std::function<void(size_t done, size_t count)> on_progress = {};
};

// When compiling a module of `size` bytes is given up, if ever.
inline std::optional<std::chrono::steady_clock::time_point> CompileDeadline(const CompileOptions& options,
                                                                            uint64_t size) {
  constexpr std::chrono::milliseconds kForever = std::chrono::years(100);
  if (options.timeout > kForever) return std::nullopt;
  const std::chrono::milliseconds usual = std::chrono::minutes(10 + (size >> 20));
  return std::chrono::steady_clock::now() + (options.timeout.count() != 0 ? options.timeout : usual);
}

}  // namespace guardc
