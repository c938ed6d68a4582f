// What is compiled, and for what: the part of compile.h that needs no compiler, since module.h hands it to one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace guardc {

// What the module must keep to.
enum class Profile : uint8_t {
  kGuard,  // the guard ABI: memory, the three label functions, only known imports
  kWasi,   // any module
};

// What a compile that fills no cache gives.
enum class Emit : uint8_t { kSharedObject, kObject, kAssembly, kLlvmIr };

// Everything here but `jobs`, `source` and `on_progress` is part of the cache key.
struct CompileOptions {
  int opt_level = 2;             // 0 to 3
  std::string cpu = "baseline";  // "baseline" (x86-64-v2, armv8-a), "native", or an LLVM CPU name such as "x86-64-v3"
  std::string target;            // a target triple; "" is the host's
  Profile profile = Profile::kGuard;
  bool bounds_checks = false;   // explicit checks instead of guard pages
  bool strict_traps = false;    // volatile accesses: memory after a trap is exact
  bool canonical_nans = false;  // every NaN that arithmetic makes is the canonical one
  unsigned jobs = 0;            // threads; 0 is one per core. Never changes the output
  // Where the module came from, of which the last part is kept beside the artifact (at most 255 bytes) and shown by
  // `guardc cache ls`; "": nothing is. Never changes the artifact.
  std::string source = {};
  // Called when a chunk of the code is done, with how many are and how many there are; on any thread, several at once.
  std::function<void(size_t done, size_t count)> on_progress = {};
};

}  // namespace guardc
