#include "loader/compiler_process.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "artifact/manifest.h"
#include "base/child_process.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory_file.h"
#include "base/quiet_writes.h"

namespace guardc::loader {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kCompilerName = "guardc-compiler";
constexpr size_t kLongestComplaint = 1000;  // bytes of its stderr that go into an error

log::Logger& CompilerLog() {
  static log::Logger& log = log::Logger::Make("loader:compiler_process");
  return log;
}

// The bytes as a file that the child reads as its stdin.
Result<Fd> ModuleFile(std::span<const std::byte> bytes) {
  const QuietWrites quiet;
  GUARDC_TRY(MemoryFile file, MemoryFile::Create("guardc-module", MemoryFile::Use::kData));
  GUARDC_CHECK(file.Append(bytes));
  Fd fd(fcntl(file.fd(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!fd || lseek(fd.get(), 0, SEEK_SET) != 0) return FailErrno("hand the module to", kCompilerName, errno);
  return fd;
}

bool CanStartThread() {
  try {
    std::thread([] {}).join();
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

std::vector<std::string> Arguments(const fs::path& cache_directory, const CompileOnMiss& how) {
  const CompileOptions& options = how.options;
  std::vector<std::string> out = {"compile",
                                  "--json",
                                  "--cache-dir=" + fs::absolute(cache_directory).string(),
                                  "-O" + std::to_string(options.opt_level),
                                  "--cpu=" + options.cpu,
                                  "--profile=" + std::string(artifact::ProfileName(options.profile))};
  if (!how.name.empty()) out.push_back("--stdin-name=" + how.name);
  if (const auto group = TrustedGroup()) out.push_back("--trusted-group=" + std::to_string(*group));
  if (!options.target.empty()) out.push_back("--target=" + options.target);
  if (options.bounds_checks) out.emplace_back("--bounds-checks");
  if (options.strict_traps) out.emplace_back("--strict-traps");
  if (options.canonical_nans) out.emplace_back("--canonical-nans");
  if (options.jobs > 0) out.push_back("--jobs=" + std::to_string(options.jobs));
  // It would go on for minutes for nobody where a signal ends us. A thread of its own sees that.
  if (CanStartThread()) out.emplace_back("--attended");
  out.emplace_back("-");
  return out;
}

std::optional<ErrorKind> KindOfName(std::string_view name) {
#define GUARDC_X(id, text) \
  if (name == text) return ErrorKind::id;
  GUARDC_ERROR_LIST(GUARDC_X)
#undef GUARDC_X
  return std::nullopt;
}

// The compiler answers {"error": {"kind", "message", ...}} on stdout.
std::optional<Error> ParseError(const std::string& output) {
  const auto root = ParseJson(output, "what the compiler says");
  const auto error = root && root->is_object() ? root->value("error", nlohmann::json()) : nlohmann::json();
  const auto text = [&](const char* key) {
    const auto found = error.find(key);
    return found != error.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  if (!error.is_object() || text("message").empty()) return std::nullopt;
  const auto number = [&](const char* key) -> std::optional<uint64_t> {
    const auto found = error.find(key);
    if (found == error.end() || !found->is_number_unsigned()) return std::nullopt;
    return found->get<uint64_t>();
  };
  ErrorDetails details;
  details.module_offset = number("module_offset");
  details.limit = number("limit");
  details.needed_size = number("needed_size");
  return Error(KindOfName(text("kind")).value_or(ErrorKind::kCompile), text("message"), std::move(details));
}

// What the compiler said on stderr, on one line and not too long.
std::string Complaint(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kLongestComplaint)) {
    const auto u = static_cast<unsigned char>(c);
    out += u >= 0x20 && u != 0x7f ? c : ' ';
  }
  while (out.ends_with(' ')) out.pop_back();
  return out.empty() ? "" : ": " + out;
}

// Each place once.
void AddPlace(fs::path place, std::vector<fs::path>& places) {
  if (std::ranges::find(places, place) == places.end()) places.push_back(std::move(place));
}

// The places around an executable or a library in the order of CompileOnMiss::compiler.
void AddPlaces(const fs::path& file, std::vector<fs::path>& places) {
  const fs::path directory = file.parent_path();
  if (directory.empty()) return;
  AddPlace(directory / kCompilerName, places);
  AddPlace(directory.parent_path() / "libexec" / "guardc" / kCompilerName, places);
}

// In $PATH, where it names directories from the root: others depend on where this process happens to be.
std::optional<fs::path> FindInPath() {
  const char* path = secure_getenv("PATH");
  for (std::string_view left = path == nullptr ? "" : path; !left.empty();) {
    const size_t colon = left.find(':');
    const fs::path directory = left.substr(0, colon);
    left.remove_prefix(colon == std::string_view::npos ? left.size() : colon + 1);
    fs::path place = directory / kCompilerName;
    if (directory.is_absolute() && access(place.c_str(), X_OK) == 0) return place;
  }
  return std::nullopt;
}

}  // namespace

Result<fs::path> FindCompiler(const fs::path& given) {
  const auto usable = [](const fs::path& path, std::string_view what) -> Result<fs::path> {
    if (access(path.c_str(), X_OK) == 0) return path;
    return Fail(ErrorKind::kUnsupported, "the compiler that " + std::string(what) + " names, '" + path.string() +
                                             "', cannot be run: " + strerrordesc_np(errno));
  };
  if (!given.empty()) return usable(given, "CompileOnMiss");
  if (const char* named = std::getenv("GUARDC_COMPILER"); named != nullptr && *named != '\0') {
    return usable(named, "GUARDC_COMPILER");
  }
  std::error_code error;
  std::vector<fs::path> places;
  fs::path executable = fs::read_symlink("/proc/self/exe", error);
  // Without /proc, as it was named when it was started.
  const auto* started_as = reinterpret_cast<const char*>(getauxval(AT_EXECFN));
  if (error && started_as != nullptr) executable = fs::canonical(started_as, error);
  AddPlaces(executable, places);
  Dl_info here = {};
  if (dladdr(reinterpret_cast<const void*>(&FindCompiler), &here) != 0 && here.dli_fname != nullptr) {
    const fs::path library = fs::canonical(here.dli_fname, error);
    AddPlaces(library, places);
    // lib/libguardc.so and bin/guardc-compiler, also where lib has a directory per architecture.
    for (fs::path up = library.parent_path().parent_path(); !library.empty(); up = up.parent_path()) {
      AddPlace(up / "bin" / kCompilerName, places);
      AddPlace(up / "libexec" / "guardc" / kCompilerName, places);
      if (up.filename() != "lib") break;
    }
  }
  std::string looked;
  for (const fs::path& place : places) {
    if (access(place.c_str(), X_OK) == 0) return place;
    looked += place.string() + ", ";
  }
  if (const std::optional<fs::path> place = FindInPath()) return *place;
  return Fail(ErrorKind::kUnsupported, "this installation has no compiler: no " + std::string(kCompilerName) + " as " +
                                           looked + "or in PATH; name one in GUARDC_COMPILER");
}

Result<void> CompileInProcess(std::span<const std::byte> wasm, const fs::path& cache_directory,
                              const CompileOnMiss& how) {
  GUARDC_TRY(const fs::path compiler, FindCompiler(how.compiler));
  GUARDC_TRY(const Fd module, ModuleFile(wasm));
  ChildRequest request{.program = compiler,
                       .arguments = Arguments(cache_directory, how),
                       .stdin_fd = module.get(),
                       .bounds = how.bounds};
  const std::string name = how.name.empty() ? "the module" : how.name;
  const auto start = Clock::now();
  if (!request.bounds.deadline) request.bounds.deadline = CompileDeadline(how.options, wasm.size());
  CompilerLog().Write(log::Level::kInfo, name + ": compiling it with " + compiler.string(),
                      {.guard = {}, .request_id = how.bounds.request_id});
  auto end = RunChild(request);
  if (!end) {
    Error error = std::move(end).error();
    error.message = name + ": compiling it: " + error.message;
    return std::unexpected(std::move(error));
  }
  using How = ChildEnd::How;
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
  CompilerLog().Write(log::Level::kInfo, name + ": the compiler ended after " + std::to_string(took.count()) + " ms",
                      {.guard = {}, .request_id = how.bounds.request_id});
  if (end->how == How::kExited && end->code == 0) return {};
  if (end->how == How::kSignaled) {
    const char* signal = sigdescr_np(end->code);
    return Fail(ErrorKind::kCompile, name + ": the compiler crashed (" +
                                         (signal != nullptr ? signal : "signal " + std::to_string(end->code)) + ")" +
                                         Complaint(end->err));
  }
  if (std::optional<Error> error = ParseError(end->out)) return std::unexpected(*std::move(error));
  // What nobody could ask for may have gone well: whoever looks into the cache next will see.
  if (end->how == How::kUnknown) return {};
  return Fail(ErrorKind::kCompile,
              name + ": the compiler failed with exit code " + std::to_string(end->code) + Complaint(end->err));
}

}  // namespace guardc::loader
