// wasm bytes -> artifact. The only public header that needs libguardc-compiler (LLVM, LLD, wabt).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "guardc/compile_options.h"
#include "guardc/result.h"

namespace guardc {

struct PhaseTime {
  std::string phase;  // "read", "code", "facts", "link", ...
  double milliseconds;
};

struct CompiledModule {
  std::vector<std::byte> bytes;  // the shared object, or what `Emit` asked for
  // manifest.json and description.json, see docs/artifact-format.md; empty unless kSharedObject
  std::string manifest;
  std::string description;
  std::vector<PhaseTime> phases;
};

// Compiles in memory. Thread-safe. kInvalidWasm and kUnsupported carry the offset in the module; kGuardAbi and
// kUnknownImport name what was found and what was expected. Who else uses LLVM in the process should know that this
// sets the initial value of its option regalloc-csr-first-time-cost, and runs LLD, which resets all options.
[[nodiscard]] Result<CompiledModule> Compile(std::span<const std::byte> wasm, const CompileOptions& options,
                                             Emit emit = Emit::kSharedObject);

struct CachedArtifact {
  std::string key;                  // lower-case hex
  std::filesystem::path directory;  // holds the shared object, manifest.json and description.json
  bool was_cached = false;
  uint64_t wasm_size = 0;    // bytes
  uint64_t object_size = 0;  // bytes
  size_t chunks = 0;         // that this compile was made of; 0 where it was cached
  size_t chunks_reused = 0;  // of them, from earlier compiles
  std::vector<PhaseTime> phases;
};

// Compiles into the cache, unless the artifact is there (and sound) already. One compile per key at a time, across
// processes: others wait for it and use the result. `force` compiles all of it and replaces. With `reuse`, parts of the
// code that a change of the module left alone are taken from the cache, too, and kept there for the next time (at most
// 256 MiB, the least recently used go); the artifact's bytes are the same with and without.
[[nodiscard]] Result<CachedArtifact> CompileToCache(std::span<const std::byte> wasm, const CompileOptions& options,
                                                    const std::filesystem::path& cache_directory, bool force = false,
                                                    bool reuse = true);

}  // namespace guardc
