// Module: a checked and mapped artifact, ready to be instantiated. No compiler behind it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "guardc/call.h"
#include "guardc/compile_options.h"
#include "guardc/result.h"
#include "guardc/types.h"

namespace guardc {

// Compiling what the cache does not have: in a process of its own, so that a crash, an endless compile or an
// out-of-memory there is an error here, and this process never maps LLVM. One compile per key at a time, across
// processes: others wait for it and use the result.
struct CompileOnMiss {
  // The guardc-compiler to run. "": $GUARDC_COMPILER, else beside this executable, else in ../libexec/guardc of its
  // directory, then the same around libguardc where that is a shared library, then in $PATH.
  std::filesystem::path compiler;
  CompileOptions options;
  // In errors, "" is "the module"; of a path, the last part is kept beside the artifact (CompileOptions::source).
  std::string name;
  // Deadline and stop: then it is killed. Without a deadline, after options.timeout: ten minutes by default, and one
  // for each MiB of the module.
  CallOptions bounds;
};

struct LoadOptions {
  // Skip hashing the object where the cache directory, and all above it, belong to root (or to us) and nobody else may
  // write there. The embedder's decision: an image that was checked when it was built.
  bool trusted = false;
  // The SHA-256 of manifest.json (64 lower-case digits), from where the caller trusts it: a signed list, an image's
  // build. Another manifest is kUntrusted, and the object is held to the SHA-256 that the manifest has of it, `trusted`
  // or not. "": whoever wrote the object could write the manifest, and the object is held to the manifest's XXH3-128,
  // which finds damage as surely and some hundred microseconds sooner.
  std::string manifest_sha256 = {};
  // Called on the loading thread at the end of each step, for those who measure: "find" (by Module::Find: the module's
  // hash, the cache's directories and manifests; by FindNamed: the name's file and a manifest), "compile" (on a miss),
  // "hash" (the copy included; not for trusted), "check" (the headers), "map".
  std::function<void(const char* step)> on_step = {};

  void StepDone(const char* step) const {
    if (on_step) on_step(step);
  }
  // For Find, where the cache has no artifact, a damaged one, or none for this machine. nullopt: that is an error.
  std::optional<CompileOnMiss> compile_on_miss = {};
};

// The cache directory for this process: `flag` if not empty, else $GUARDC_CACHE_DIR, else $MCP_GATEWAY_WASM_CACHE_DIR,
// else $XDG_CACHE_HOME/guardc, else ~/.cache/guardc. XDG_CACHE_HOME and HOME count where they are absolute.
// kInvalidArgument where none can be told.
[[nodiscard]] Result<std::filesystem::path> CacheDirectory(std::string_view flag = {});

// Trusts this group's members as this process's own user: caches may belong to any user and be writable by the group
// where their group is this one (mode 0775 and group 0, as OpenShift gives), and what is written into them is the
// group's as well. nullopt, and before the first call: no group. For the whole process; thread-safe.
void SetTrustedGroup(std::optional<uint32_t> group);

namespace loader {
class LoadedArtifact;
}

// Immutable; any number of threads and instances may share one. Unmapped when the last owner lets go.
class Module {
 public:
  // From an entry of the cache (a directory that holds manifest.json). Checks owner and permissions, the manifest, the
  // object's hash over the very bytes that are mapped, ABI, version, target and CPU, and the ELF headers before dlopen.
  // kNotCached, kUntrusted, kCorruptArtifact, kIncompatibleArtifact, kIo.
  [[nodiscard]] static Result<std::shared_ptr<const Module>> Load(const std::filesystem::path& entry,
                                                                  const LoadOptions& options = {});

  // The best artifact in the cache for these bytes that this machine can run: kNotCached names the command that would
  // make one. With compile_on_miss also the compiler's own errors (kInvalidWasm, kUnsupported, kGuardAbi ...), kCompile
  // where it crashed, kUnsupported where there is none, kDeadline and kCancelled. Then a damaged entry of the module is
  // made again, or removed, also where another would serve.
  [[nodiscard]] static Result<std::shared_ptr<const Module>> Find(std::span<const std::byte> wasm,
                                                                  const std::filesystem::path& cache_directory,
                                                                  const LoadOptions& options = {});

  // The artifact that was compiled under this name last (`guardc compile --name`), with the options that it was
  // compiled with. The same checks as Load, and the name's file is held to the same owner and permissions; to be sure
  // which guard it is, pin its manifest (LoadOptions::manifest_sha256). compile_on_miss does not count: there is no
  // module to compile. kInvalidArgument for what is no name; kNotCached lists the names that there are, or tells the
  // key of an artifact that is gone.
  [[nodiscard]] static Result<std::shared_ptr<const Module>> FindNamed(std::string_view name,
                                                                       const std::filesystem::path& cache_directory,
                                                                       const LoadOptions& options = {});

  // The same as Find, without a cache: `compile_on_miss`, which must be set, compiles into a directory that is gone
  // afterwards.
  [[nodiscard]] static Result<std::shared_ptr<const Module>> Compile(std::span<const std::byte> wasm,
                                                                     const LoadOptions& options);

  ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  const std::string& name() const;                 // from the name section, else ""
  const std::vector<ImportType>& imports() const;  // module order
  const std::vector<ExportType>& exports() const;  // module order
  const std::filesystem::path& entry() const;
  const std::string& key() const;
  // As it was read. To be sure of the object as well, give its hash to the load: LoadOptions::manifest_sha256.
  const std::string& manifest_json() const;

  // For the runtime.
  const loader::LoadedArtifact& artifact() const { return *artifact_; }

 private:
  explicit Module(std::unique_ptr<loader::LoadedArtifact> artifact);
  static Result<std::shared_ptr<const Module>> FindCached(const std::string& wasm_sha256,
                                                          const std::filesystem::path& cache_directory,
                                                          const LoadOptions& options, bool& has_damaged);
  std::unique_ptr<loader::LoadedArtifact> artifact_;
};

}  // namespace guardc
