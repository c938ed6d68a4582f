#include "tools/find_module.h"

#include <cstring>

#include "artifact/cache_store.h"
#include "artifact/manifest.h"
#include "artifact/names.h"
#include "base/file.h"
#include "base/hash.h"

namespace guardc::cli {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kWasmLimit = uint64_t{1} << 30;  // bytes; the compiler has its own, lower limits
constexpr size_t kKeysInMessage = 10;

Result<std::vector<fs::path>> EntriesOfWasm(std::span<const std::byte> wasm, const fs::path& cache_directory) {
  const auto store = artifact::CacheStore::OpenForReading(cache_directory);
  if (!store) {
    if (store.error().kind == ErrorKind::kNotCached) return std::vector<fs::path>{};
    return std::unexpected(store.error());
  }
  return store->EntriesOf(Sha256Of(wasm).Hex());
}

Result<std::vector<fs::path>> EntriesOfPrefix(const std::string& prefix, const fs::path& cache_directory) {
  GUARDC_TRY(const artifact::CacheStore store, artifact::CacheStore::OpenForReading(cache_directory));
  GUARDC_TRY(const std::vector<artifact::EntryInfo> all, store.List());
  std::vector<fs::path> out;
  for (const artifact::EntryInfo& entry : all) {
    if (entry.path.filename().string().starts_with(prefix)) out.push_back(entry.path);
  }
  if (out.empty()) {
    return Fail(ErrorKind::kNotCached,
                "no key in '" + cache_directory.string() + "' starts with '" + prefix + "' (see `guardc cache ls`)");
  }
  if (out.size() > 1) {
    std::string keys;
    for (size_t i = 0; i < out.size() && i < kKeysInMessage; ++i) {
      keys += (i == 0 ? "" : ", ") + out[i].filename().string();
    }
    if (out.size() > kKeysInMessage) keys += " and " + std::to_string(out.size() - kKeysInMessage) + " more";
    return Fail(ErrorKind::kInvalidArgument, std::to_string(out.size()) + " keys in '" + cache_directory.string() +
                                                 "' start with '" + prefix + "': " + keys + "; give more digits");
  }
  return out;
}

}  // namespace

Result<std::vector<std::byte>> ReadWasm(const fs::path& path) {
  GUARDC_TRY(std::vector<std::byte> wasm, ReadFile(path, kWasmLimit));
  if (wasm.size() < 8 || std::memcmp(wasm.data(), "\0asm", 4) != 0) {
    return Fail(
        ErrorKind::kInvalidWasm,
        "'" + path.string() + "' is not WebAssembly: it does not begin with the magic bytes 00 61 73 6d and a version");
  }
  if (std::memcmp(wasm.data() + 4, "\x0d\0\1\0", 4) == 0) {
    return Fail(ErrorKind::kInvalidWasm,
                "'" + path.string() +
                    "' is a WebAssembly component; guardc takes core modules (for Rust, build for "
                    "wasm32-wasip1, not wasm32-wasip2)");
  }
  return wasm;
}

Result<Subject> FindSubject(const std::string& subject, const fs::path& cache_directory) {
  std::error_code error;
  const fs::file_status status = fs::status(subject, error);
  if (fs::is_directory(status)) return Subject{.entries = {fs::path(subject)}};
  if (!fs::exists(status) && artifact::IsKeyPrefix(subject)) {
    GUARDC_TRY(std::vector<fs::path> entries, EntriesOfPrefix(subject, cache_directory));
    return Subject{.entries = std::move(entries)};
  }
  Subject out{.is_wasm = true};
  GUARDC_TRY(out.wasm, ReadWasm(subject));
  GUARDC_TRY(out.entries, EntriesOfWasm(out.wasm, cache_directory));
  return out;
}

Result<Subject> FindNamedSubject(const std::string& name, const fs::path& cache_directory) {
  GUARDC_TRY(const auto store, artifact::CacheStore::OpenForReading(cache_directory));
  GUARDC_TRY(fs::path entry, artifact::EntryOfName(store, name));
  return Subject{.entries = {std::move(entry)}};
}

Result<std::shared_ptr<const Module>> LoadModule(const LoadRequest& request) {
  LoadOptions options{.trusted = request.trusted, .on_step = request.on_step};
  std::error_code ignored;
  if (!request.name.empty()) {
    GUARDC_TRY(const fs::path directory, CacheDirectory(request.cache_dir));
    return Module::FindNamed(request.name, directory, options);
  }
  const fs::file_status status = fs::status(request.module, ignored);
  if (fs::is_directory(status)) return Module::Load(request.module, options);
  if (!fs::exists(status) && artifact::IsKeyPrefix(request.module)) {
    GUARDC_TRY(const fs::path directory, CacheDirectory(request.cache_dir));
    GUARDC_TRY(const std::vector<fs::path> entries, EntriesOfPrefix(request.module, directory));
    return Module::Load(entries.front(), options);
  }
  GUARDC_TRY(const std::vector<std::byte> wasm, ReadWasm(request.module));
  GUARDC_TRY(const fs::path cache_directory, CacheDirectory(request.cache_dir));
  if (request.compile) {
    CompileOnMiss& compile = options.compile_on_miss.emplace();
    compile.options.profile = request.profile;
    compile.name = request.module;
  }
  auto module = Module::Find(wasm, cache_directory, options);
  if (!module && module.error().kind == ErrorKind::kNotCached) {
    // By its name, which the library does not know; what to run is the hint's to say.
    return Fail(ErrorKind::kNotCached,
                "there is no artifact for '" + request.module + "' in '" + cache_directory.string() + "'");
  }
  return module;
}

std::string LoadHint(const LoadRequest& request, const Error& error) {
  if (error.kind != ErrorKind::kNotCached || request.compile || !request.name.empty()) return "";
  std::string command = "guardc compile";
  if (!request.cache_dir.empty()) command += " --cache-dir '" + request.cache_dir + "'";
  if (request.profile == Profile::kWasi) command += " --profile wasi";
  return "run `" + command + " '" + request.module + "'` first, or add --compile";
}

}  // namespace guardc::cli
