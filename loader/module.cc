// Module: the public face of the loader, and the choice among the entries of one module.
#include "guardc/module.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "artifact/cache_store.h"
#include "artifact/names.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "loader/compiler_process.h"
#include "loader/load.h"
#include "loader/loaded_artifact.h"

namespace guardc {

namespace {

using artifact::Manifest;
using artifact::OpenedEntry;

// Smaller is better: guard pages before checks in the code, plain accesses before strict ones, free NaNs before
// canonical ones; then what uses most of this CPU, the highest level, the stricter profile; then the key, so that the
// choice is always the same.
auto Rank(const Manifest& manifest) {
  const artifact::BuildOptions& options = manifest.identity.options;
  return std::tuple(options.bounds_checks, options.strict_traps, options.canonical_nans,
                    -static_cast<int64_t>(manifest.identity.target.features.size()), -options.opt_level,
                    options.profile != Profile::kGuard, std::string_view(manifest.key));
}

std::unexpected<Error> FailNotFound(const std::string& wasm_sha256, const std::filesystem::path& cache_directory) {
  return Fail(ErrorKind::kNotCached, "there is no artifact for this module (SHA-256 " + wasm_sha256 + ") in " +
                                         cache_directory.string() + ": run `guardc compile GUARD.wasm --cache-dir " +
                                         cache_directory.string() + "` to make one");
}

// An entry that is of this module and for this machine.
Result<OpenedEntry> OpenUsable(const std::filesystem::path& path, const std::string& wasm_sha256) {
  GUARDC_TRY(OpenedEntry entry, artifact::OpenEntry(path));
  const std::string& found = entry.manifest.identity.wasm_sha256;
  if (found != wasm_sha256) {
    return Fail(ErrorKind::kCorruptArtifact, path.string() + " is of another module (SHA-256 " + found + ", expected " +
                                                 wasm_sha256 + "): compile the module again");
  }
  GUARDC_CHECK(loader::CheckCompatible(entry.manifest, path));
  return entry;
}

// All such entries, best first. `reason` becomes the first problem met with another, if any.
Result<std::vector<OpenedEntry>> Candidates(const artifact::CacheStore& store, const std::string& wasm_sha256,
                                            std::optional<Error>& reason) {
  std::vector<OpenedEntry> candidates;
  GUARDC_TRY(const auto entries, store.EntriesOf(wasm_sha256));
  for (const std::filesystem::path& path : entries) {
    auto entry = OpenUsable(path, wasm_sha256);
    if (entry) {
      candidates.push_back(std::move(*entry));
    } else if (entry.error().kind != ErrorKind::kNotCached && !reason) {  // not cached: gone meanwhile
      reason = std::move(entry).error();
    }
  }
  std::sort(candidates.begin(), candidates.end(),
            [](const OpenedEntry& a, const OpenedEntry& b) { return Rank(a.manifest) < Rank(b.manifest); });
  return candidates;
}

log::Logger& ModuleLog() {
  static log::Logger& log = log::Logger::Make("loader:module");
  return log;
}

// What a compile can help against.
bool IsMiss(ErrorKind kind) {
  return kind == ErrorKind::kNotCached || kind == ErrorKind::kCorruptArtifact ||
         kind == ErrorKind::kIncompatibleArtifact;
}

}  // namespace

Module::Module(std::unique_ptr<loader::LoadedArtifact> artifact) : artifact_(std::move(artifact)) {}
Module::~Module() = default;

Result<std::shared_ptr<const Module>> Module::Load(const std::filesystem::path& entry, const LoadOptions& options) {
  GUARDC_TRY(OpenedEntry opened, artifact::OpenEntry(entry));
  GUARDC_TRY(auto loaded, loader::ArtifactLoader::Load(std::move(opened), options));
  return std::shared_ptr<const Module>(new Module(std::move(loaded)));
}

Result<std::shared_ptr<const Module>> Module::FindCached(const std::string& wasm_sha256,
                                                         const std::filesystem::path& cache_directory,
                                                         const LoadOptions& options, bool& has_damaged) {
  auto store = artifact::CacheStore::OpenForReading(cache_directory);
  if (!store) {
    if (store.error().kind == ErrorKind::kNotCached) return FailNotFound(wasm_sha256, cache_directory);
    return std::unexpected(std::move(store).error());
  }
  std::optional<Error> reason;
  GUARDC_TRY(auto candidates, Candidates(*store, wasm_sha256, reason));
  has_damaged = reason && reason->kind == ErrorKind::kCorruptArtifact;
  if (candidates.empty()) {
    if (reason) return std::unexpected(std::move(*reason));
    return FailNotFound(wasm_sha256, cache_directory);
  }
  options.StepDone("find");
  // A damaged object is an error, not a reason to take the second best in silence.
  GUARDC_TRY(auto loaded, loader::ArtifactLoader::Load(std::move(candidates.front()), options));
  return std::shared_ptr<const Module>(new Module(std::move(loaded)));
}

namespace {

// Removes the module's entries that are still damaged after a compile: of options that nobody asks for.
void RemoveDamaged(const std::string& wasm_sha256, const std::filesystem::path& cache_directory) {
  const auto store = artifact::CacheStore::OpenForReading(cache_directory);
  const auto entries = store ? store->EntriesOf(wasm_sha256) : std::vector<std::filesystem::path>{};
  if (!entries) return;
  for (const std::filesystem::path& path : *entries) {
    const auto entry = artifact::OpenEntry(path);
    if (entry || entry.error().kind != ErrorKind::kCorruptArtifact) continue;
    const auto removed = store->Remove(path);
    if (!removed) ModuleLog().Write(log::Level::kWarn, removed.error().message);
    if (!removed) continue;
    for (const artifact::GcFailure& left : removed->failed) ModuleLog().Write(log::Level::kWarn, left.error.message);
  }
}

}  // namespace

Result<std::shared_ptr<const Module>> Module::Find(std::span<const std::byte> wasm,
                                                   const std::filesystem::path& cache_directory,
                                                   const LoadOptions& options) {
  const std::string wasm_sha256 = Sha256Of(wasm).Hex();
  bool has_damaged = false;
  auto found = FindCached(wasm_sha256, cache_directory, options, has_damaged);
  if (found && ModuleLog().Enabled(log::Level::kDebug))
    ModuleLog().Write(log::Level::kDebug, "found " + (*found)->entry().string());
  // A sound entry beside a damaged one must not hide it: it may be of lesser code, and the better would never be made
  // again.
  const bool heals = found && has_damaged;
  if (!options.compile_on_miss || (found && !heals) || (!found && !IsMiss(found.error().kind))) return found;
  const auto compiled = loader::CompileInProcess(wasm, cache_directory, *options.compile_on_miss);
  if (!compiled && heals) {
    // What is sound still serves, in a cache that we may not write to for example.
    ModuleLog().Write(log::Level::kWarn, "a damaged artifact stays in the cache: " + compiled.error().message);
    return found;
  }
  GUARDC_CHECK(compiled);
  if (has_damaged) RemoveDamaged(wasm_sha256, cache_directory);
  options.StepDone("compile");
  return FindCached(wasm_sha256, cache_directory, options, has_damaged);
}

Result<std::shared_ptr<const Module>> Module::FindNamed(std::string_view name,
                                                        const std::filesystem::path& cache_directory,
                                                        const LoadOptions& options) {
  GUARDC_TRY(const auto store, artifact::CacheStore::OpenForReading(cache_directory));
  GUARDC_TRY(const std::filesystem::path path, artifact::EntryOfName(store, name));
  const std::string wasm_sha256 = path.parent_path().filename().string();
  auto entry = OpenUsable(path, wasm_sha256);
  if (!entry && entry.error().kind == ErrorKind::kNotCached) {  // gone meanwhile
    return artifact::FailEntryIsGone(store, {std::string(name), wasm_sha256, path.filename().string()});
  }
  if (!entry) return std::unexpected(std::move(entry).error());
  options.StepDone("find");
  GUARDC_TRY(auto loaded, loader::ArtifactLoader::Load(*std::move(entry), options));
  return std::shared_ptr<const Module>(new Module(std::move(loaded)));
}

Result<std::shared_ptr<const Module>> Module::Compile(std::span<const std::byte> wasm, const LoadOptions& options) {
  if (!options.compile_on_miss) {
    return Fail(ErrorKind::kInvalidArgument, "Module::Compile needs LoadOptions::compile_on_miss");
  }
  GUARDC_TRY(const TemporaryDirectory directory, TemporaryDirectory::Make());
  GUARDC_CHECK(loader::CompileInProcess(wasm, directory.path(), *options.compile_on_miss));
  // Not trusted: its bytes are copied, so that the file may go.
  bool has_damaged = false;
  return FindCached(Sha256Of(wasm).Hex(), directory.path(), {.manifest_sha256 = options.manifest_sha256}, has_damaged);
}

const std::string& Module::name() const { return artifact_->name(); }
const std::vector<ImportType>& Module::imports() const { return artifact_->imports(); }
const std::vector<ExportType>& Module::exports() const { return artifact_->exports(); }
const std::filesystem::path& Module::entry() const { return artifact_->entry(); }
const std::string& Module::key() const { return artifact_->key(); }
const std::string& Module::manifest_json() const { return artifact_->manifest_json(); }

}  // namespace guardc
