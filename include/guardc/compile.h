// wasm bytes -> artifact. The only public header that needs libguardc-compiler (LLVM, LLD, wabt).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "guardc/result.h"

namespace guardc {

// What the module must keep to.
enum class Profile : uint8_t {
  kGuard,  // the guard ABI: memory, the three label functions, only known imports
  kWasi,   // any module
};

enum class Emit : uint8_t { kSharedObject, kObject, kAssembly, kLlvmIr };

// Everything here but `jobs` is part of the cache key.
struct CompileOptions {
  int opt_level = 2;             // 0 to 3
  std::string cpu = "baseline";  // "baseline" (x86-64-v2, armv8-a), "native", or an LLVM CPU name such as "x86-64-v3"
  std::string target;            // a target triple; "" is the host's
  Profile profile = Profile::kGuard;
  bool bounds_checks = false;   // explicit checks instead of guard pages
  bool strict_traps = false;    // volatile accesses: memory after a trap is exact
  bool canonical_nans = false;  // every NaN that arithmetic makes is the canonical one
  unsigned jobs = 0;            // threads; 0 is one per core. Never changes the output
};

struct PhaseTime {
  std::string phase;  // "read", "lower and optimise", ...
  double milliseconds;
};

struct CompiledModule {
  std::vector<std::byte> bytes;  // the shared object, or what `Emit` asked for
  std::string manifest;          // JSON text, see docs/artifact-format.md; empty unless kSharedObject
  std::vector<PhaseTime> phases;
};

// Compiles in memory. Thread-safe. kInvalidWasm and kUnsupported carry the offset in the module; kGuardAbi and
// kUnknownImport name what was found and what was expected.
[[nodiscard]] Result<CompiledModule> Compile(std::span<const std::byte> wasm, const CompileOptions& options,
                                             Emit emit = Emit::kSharedObject);

struct CachedArtifact {
  std::string key;                  // lower-case hex
  std::filesystem::path directory;  // holds manifest.json and the shared object
  bool was_cached = false;
  uint64_t wasm_size = 0;    // bytes
  uint64_t object_size = 0;  // bytes
  std::vector<PhaseTime> phases;
};

// Compiles into the cache, unless the artifact is there (and sound) already. One compile per key at a time, across
// processes: others wait for it and use the result. `force` compiles and replaces.
[[nodiscard]] Result<CachedArtifact> CompileToCache(std::span<const std::byte> wasm, const CompileOptions& options,
                                                    const std::filesystem::path& cache_directory, bool force = false);

}  // namespace guardc
