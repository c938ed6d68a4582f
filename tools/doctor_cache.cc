// guardc doctor: the cache directory, what is in it, and the compiler that fills it.
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "artifact/abi.h"
#include "artifact/cache_store.h"
#include "guardc/module.h"
#include "guardc/version.h"
#include "loader/load.h"
#include "tools/doctor_checks.h"
#include "tools/output.h"
#include "tools/version.h"

namespace guardc::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAnotherCache = "`chown` it, or use another one: --cache-dir, or $GUARDC_CACHE_DIR";

// The directory, or the first one above it that is there.
fs::path NearestThatExists(fs::path path) {
  std::error_code error;
  path = fs::absolute(path, error);
  while (!fs::exists(path, error) && path.has_relative_path()) path = path.parent_path();
  return path;
}

Finding CheckPlace(const fs::path& root, bool exists) {
  const fs::path there = NearestThatExists(root);
  const std::string name = root.string();
  if (access(there.c_str(), W_OK | X_OK) != 0) {
    return {.check = "cache",
            // What is compiled into a cache that nobody may write is used all the same.
            .health = exists ? Health::kWarn : Health::kFail,
            .found = name + (exists ? "" : " is not there, and " + there.string()) +
                     " cannot be written: " + std::strerror(errno),
            .fails = exists ? "compiling; guards that are in it run" : "compiling, and every guard",
            .mend = kAnotherCache};
  }
  struct statvfs file_system = {};
  if (statvfs(there.c_str(), &file_system) != 0) return {.check = "cache", .found = name};
  const uint64_t free = uint64_t{file_system.f_bavail} * file_system.f_frsize;
  constexpr uint64_t kLittle = uint64_t{64} << 20;
  if (free < kLittle) {
    return {.check = "cache",
            .health = free < (uint64_t{1} << 20) ? Health::kFail : Health::kWarn,
            .found = name + ": " + FormatSize(free) + " free",
            .fails = "compiling what does not fit",
            .mend = "`guardc cache gc --max-size 1GiB`, or a cache elsewhere"};
  }
  if ((file_system.f_flag & ST_NOEXEC) != 0) {
    return {.check = "cache",
            .found = name + " is on a file system mounted noexec: --trusted saves nothing, code is mapped from a copy"};
  }
  return {.check = "cache",
          .found =
              name + (exists ? ", yours to write, " : ", is made by the first compile, ") + FormatSize(free) + " free"};
}

Finding CheckEntries(const artifact::CacheStore& store) {
  const auto entries = store.List();
  if (!entries) {
    return {.check = "artifacts",
            .health = Health::kFail,
            .found = entries.error().message,
            .fails = "finding any guard",
            .mend = kAnotherCache};
  }
  size_t foreign = 0;
  size_t damaged = 0;
  std::string first;
  for (const artifact::EntryInfo& entry : *entries) {
    const Result<void> fit = entry.manifest ? loader::CheckCompatible(*entry.manifest, entry.path)
                                            : Result<void>(std::unexpected(entry.manifest.error()));
    if (fit) continue;
    ++(entry.manifest ? foreign : damaged);
    if (first.empty()) first = fit.error().message;
  }
  std::string found = std::to_string(entries->size()) + (entries->size() == 1 ? " artifact" : " artifacts");
  if (foreign + damaged == 0) return {.check = "artifacts", .found = std::move(found)};
  found += ", of which " + std::to_string(foreign) + " not for this machine and version, " + std::to_string(damaged) +
           " damaged; the first: " + first;
  return {.check = "artifacts",
          .health = Health::kWarn,
          .found = std::move(found),
          .fails = "the guards that have no other artifact",
          .mend =
              "`guardc compile` them again here (--cpu baseline for many machines); `guardc cache gc` removes old "
              "ones"};
}

}  // namespace

std::vector<Finding> CheckCache(const std::string& cache_dir) {
  const Result<fs::path> root = CacheDirectory(cache_dir);
  if (!root) {
    return {{.check = "cache",
             .health = Health::kFail,
             .found = root.error().message,
             .fails = "compiling, and every guard that is named by its .wasm",
             .mend = "set $GUARDC_CACHE_DIR, or give --cache-dir"}};
  }
  const Result<artifact::CacheStore> store = artifact::CacheStore::OpenForReading(*root);
  if (!store && store.error().kind == ErrorKind::kNotCached) return {CheckPlace(*root, /*exists=*/false)};
  if (!store) {
    return {{.check = "cache",
             .health = Health::kFail,
             .found = store.error().message,
             .fails = "compiling, and every guard that is named by its .wasm",
             .mend = kAnotherCache}};
  }
  return {CheckPlace(*root, /*exists=*/true), CheckEntries(*store)};
}

std::vector<Finding> CheckCompiler() {
  const Result<CompilerVersion> compiler = AskCompiler();
  if (!compiler) {
    const bool is_missing = compiler.error().kind == ErrorKind::kUnsupported;
    return {{.check = "compiler",
             .health = is_missing ? Health::kWarn : Health::kFail,
             .found = compiler.error().message,
             .fails = "`guardc compile`, --compile, and `inspect` of what was not compiled; the rest works",
             .mend = is_missing ? "install it beside guardc, or set GUARDC_COMPILER to a guardc-compiler"
                                : "run it by hand to see what it lacks (`ldd` shows missing libraries)"}};
  }
  const auto& said = compiler->said;
  const std::string version = said.value("version", "");
  const std::string llvm = said.value("llvm", "");
  if (version != kVersion || said.value("abi", 0U) != abi::kAbiVersion) {
    return {{.check = "compiler",
             .health = Health::kFail,
             .found = compiler->path.string() + " is of version " + version + ", this guardc " + std::string(kVersion),
             .fails = "everything that it compiles: this guardc refuses artifacts of another version",
             .mend = "install both of one version"}};
  }
  return {{.check = "compiler", .found = compiler->path.string() + ", LLVM " + llvm}};
}

}  // namespace guardc::cli
