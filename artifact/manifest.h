// manifest.json: what a load has to know about an artifact before it opens the object, and no more, since parsing it is
// a good part of a load; what people ask about the module is in description.h. The page is docs/artifact-format.md; a
// change there or here raises kManifestVersion.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "guardc/compile_options.h"
#include "guardc/result.h"

namespace guardc::artifact {

inline constexpr uint32_t kManifestVersion = 3;
inline constexpr std::string_view kManifestFile = "manifest.json";
inline constexpr std::string_view kObjectFile = "guard.so";
inline constexpr std::string_view kSourceFile = "source";  // the manifest does not know of it

// What the code runs on.
struct Target {
  std::string triple;  // normalised, "x86_64-unknown-linux-gnu"
  std::string cpu;     // resolved, never "native": "x86-64-v2", "znver4", "generic"
  // LLVM's names of the features beyond the architecture's base that the code may use, ascending, without "+". Each
  // must be one of cpu_features.h; the loader refuses what the machine lacks.
  std::vector<std::string> features;
  bool operator==(const Target&) const = default;
};

// The part of CompileOptions that changes the code.
struct BuildOptions {
  int opt_level = 2;
  Profile profile = Profile::kGuard;
  bool bounds_checks = false;
  bool strict_traps = false;
  bool canonical_nans = false;
  bool operator==(const BuildOptions&) const = default;
};

// Everything that decides what the code is: two artifacts of one identity are the same bytes. CacheKey() hashes it.
struct Identity {
  std::string wasm_sha256;     // hex
  std::string guardc_version;  // kVersion of guardc/version.h
  std::string llvm_version;    // "19.1.7"
  uint32_t abi_version = 0;    // abi::kAbiVersion
  Target target;
  BuildOptions options;
  bool operator==(const Identity&) const = default;
};

// Nothing in it varies between two compiles of the same thing: no times, no paths, no host names. So the whole entry is
// reproducible, and can be signed or shipped.
struct Manifest {
  Identity identity;
  std::string key;                 // CacheKey(identity)
  std::string module_name;         // from the name section, else ""
  uint64_t wasm_size = 0;          // bytes
  std::string object_sha256;       // hex, as the next: what a pinned load and `verify` check
  std::string object_xxh3_128;     // what any other load checks: against damage
  uint64_t object_size = 0;        // bytes
  std::string description_sha256;  // hex; of description.json
  bool operator==(const Manifest&) const = default;
};

std::string_view ProfileName(Profile profile);  // "guard", "wasi"

// Deterministic JSON text, with a newline at its end. Fields are those of docs/artifact-format.md, in that order.
std::string PrintManifest(const Manifest& manifest);

// Strict. kIncompatibleArtifact for another format version; kCorruptArtifact names the field that is missing, unknown,
// of the wrong type or out of range, and a key that is not the identity's. `path` is for messages.
Result<Manifest> ParseManifest(std::string_view json, std::string_view path);

}  // namespace guardc::artifact
