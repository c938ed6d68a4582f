// guardc compile: guards into the cache, or one module's code into a file.
#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "artifact/cache_store.h"
#include "artifact/guard_notes.h"
#include "artifact/names.h"
#include "base/file.h"
#include "base/format.h"
#include "compiler/codegen/target.h"
#include "compiler/frontend/wabt_reader.h"
#include "compiler/tool/commands.h"
#include "compiler/tool/progress.h"
#include "guardc/compile.h"
#include "guardc/module.h"
#include "tools/command.h"
#include "tools/compile_arguments.h"
#include "tools/options.h"
#include "tools/output.h"

namespace guardc::compiler_tool {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

using Arguments = cli::CompileArguments;

// Ends this process when the time is up: nothing else stops LLVM within a function. What was being published is swept
// by the next who compiles it. Until it is destroyed, which is before anything is said to be done.
class Timeout {
 public:
  Timeout() = default;
  Timeout(const Timeout&) = delete;
  Timeout& operator=(const Timeout&) = delete;
  ~Timeout() {
    if (!watcher_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      is_done_ = true;
    }
    done_.notify_one();
    watcher_.join();
  }

  Result<void> Start(double seconds, bool json) {
    if (seconds <= 0) return {};
    try {
      watcher_ = std::thread([this, seconds, json] { Watch(seconds, json); });
    } catch (const std::system_error&) {
      return Fail(ErrorKind::kOutOfMemory,
                  "cannot start the thread that watches --timeout: the system refuses another one (ulimit -u, the "
                  "container's limit of processes, or a seccomp filter): allow one more, or compile without --timeout");
    }
    return {};
  }

 private:
  void Watch(double seconds, bool json) {
    std::unique_lock lock(mutex_);
    if (done_.wait_for(lock, std::chrono::duration<double>(seconds), [this] { return is_done_; })) return;
    const Error error(ErrorKind::kDeadline, Format("compiling was stopped after {}, the time given with --timeout",
                                                   cli::FormatNanoseconds(Nanoseconds(seconds))));
    // Holding the lock: whoever is done now waits for the end.
    const int code = cli::ReportError(error, json, "nothing is left half done; give more time, or look at the module");
    std::fflush(nullptr);
    _exit(code);
  }

  static uint64_t Nanoseconds(double seconds) { return static_cast<uint64_t>(seconds * 1e9); }

  std::mutex mutex_;
  std::condition_variable done_;
  bool is_done_ = false;
  std::thread watcher_;
};

// Ends this process once nobody reads its stdout any more: who waited for it was ended by whatever signal. What was
// being published is swept by the next who compiles it.
void EndWithReader() try {
  std::thread([] {
    pollfd reader = {.fd = STDOUT_FILENO, .events = 0, .revents = 0};
    int gone = 0;
    do {
      gone = poll(&reader, 1, -1);
    } while (gone < 0 && errno == EINTR);
    if (gone > 0) _exit(cli::kFailed);
  }).detach();
} catch (const std::system_error&) {
  // Without a thread to spare we go on for nobody, as where there is no reader to wait for.
}

// Errors name the file that they are about.
Error About(const std::string& guard, const Error& error) {
  if (error.message.find(guard) != std::string::npos) return error;
  Error named = error;
  named.message = guard + ": " + error.message;
  return named;
}

uint64_t Nanoseconds(double milliseconds) { return static_cast<uint64_t>(milliseconds > 0 ? milliseconds * 1e6 : 0); }

// Of a guard that is in the cache now. What cannot be read is for who loads it to complain of.
std::vector<std::string> WarningsOf(const Arguments& arguments, const CachedArtifact& artifact) {
  if (arguments.options.profile != Profile::kGuard) return {};
  const auto entry = artifact::OpenEntry(artifact.directory);
  if (!entry) return {};
  const auto description = artifact::ReadDescription(*entry);
  return description ? artifact::GuardNotes(*description) : std::vector<std::string>();
}

ordered_json ToJson(const std::string& guard, const CachedArtifact& artifact,
                    const std::vector<std::string>& warnings) {
  ordered_json phases = ordered_json::array();
  for (const PhaseTime& phase : artifact.phases) {
    phases.push_back({{"phase", phase.phase}, {"ms", phase.milliseconds}});
  }
  return {{"guard", guard},
          {"key", artifact.key},
          {"path", artifact.directory.string()},
          {"cached", artifact.was_cached},
          {"wasm_size", artifact.wasm_size},
          {"object_size", artifact.object_size},
          {"chunks", artifact.chunks},
          {"chunks_reused", artifact.chunks_reused},
          {"phases", std::move(phases)},
          {"warnings", warnings}};
}

std::string ToText(const std::string& guard, const CachedArtifact& artifact, const std::string& name) {
  std::string out = guard + (artifact.was_cached ? ": in the cache already\n" : ": compiled\n");
  std::string times;
  double total = 0;
  for (const PhaseTime& phase : artifact.phases) {
    times += (times.empty() ? "" : ", ") + phase.phase + " " + cli::FormatNanoseconds(Nanoseconds(phase.milliseconds));
    total += phase.milliseconds;
  }
  if (artifact.chunks_reused > 0) {
    times += Format("; {} of {} chunks reused", artifact.chunks_reused, artifact.chunks);
  }
  std::vector<std::vector<std::string>> rows = {
      {"  key", artifact.key},
      {"  path", artifact.directory.string()},
      {"  size", cli::FormatSize(artifact.wasm_size) + " wasm, " + cli::FormatSize(artifact.object_size) + " object"},
      {"  time", cli::FormatNanoseconds(Nanoseconds(total)) + " (" + times + ")"}};
  if (!name.empty()) rows.insert(rows.begin(), {"  name", name});
  return out + cli::FormatTable(rows);
}

Result<std::vector<std::byte>> ReadGuard(const Arguments& arguments, const std::string& guard) {
  GUARDC_TRY(auto wasm, ReadFile(guard == "-" ? "/dev/stdin" : guard, kMaxWasm));
  if (arguments.own_validator_alone) {
    GUARDC_CHECK(compiler::ReadModule(wasm, {}, compiler::FirstValidator::kNone));
  }
  return wasm;
}

// What messages call it.
std::string NameOf(const Arguments& arguments, const std::string& guard) {
  if (guard != "-") return guard;
  if (!arguments.stdin_name.empty()) return arguments.stdin_name;
  return arguments.attended ? "the module" : "stdin";
}

Result<CachedArtifact> CompileOne(const Arguments& arguments, const fs::path& cache_directory, size_t index) {
  const std::string& guard = arguments.guards[index];
  GUARDC_TRY(const std::vector<std::byte> wasm, ReadGuard(arguments, guard));
  Progress progress(NameOf(arguments, guard), index, arguments.guards.size(), !arguments.attended);
  CompileOptions options = arguments.options;
  options.on_progress = progress.Listener();
  options.source = guard == "-" ? arguments.stdin_name : guard;
  for (int attempt = 1;; ++attempt) {
    GUARDC_TRY(CachedArtifact made,
               CompileToCache(wasm, options, cache_directory, arguments.force, !arguments.no_reuse));
    if (arguments.name.empty()) return made;
    GUARDC_TRY(const auto store, artifact::CacheStore::OpenForReading(cache_directory));
    const std::string wasm_sha256 = made.directory.parent_path().filename().string();
    const auto named = artifact::SetName(store, {arguments.name, wasm_sha256, made.key});
    if (named) return made;
    // Somebody removed the artifact before it had its name.
    constexpr int kAttempts = 3;
    if (named.error().kind != ErrorKind::kNotCached || attempt == kAttempts) return std::unexpected(named.error());
  }
}

int RunToCache(const Arguments& arguments) {
  const Result<fs::path> cache_directory = CacheDirectory(arguments.cache_dir);
  if (!cache_directory) return cli::ReportError(cache_directory.error(), arguments.json);
  ordered_json results = ordered_json::array();
  std::optional<ordered_json> first_error;
  int exit_code = cli::kDone;
  std::optional<Timeout> timeout(std::in_place);
  if (const auto started = timeout->Start(arguments.timeout_seconds, arguments.json); !started) {
    return cli::ReportError(started.error(), arguments.json);
  }
  for (size_t i = 0; i < arguments.guards.size(); ++i) {
    const std::string guard = NameOf(arguments, arguments.guards[i]);
    const Result<CachedArtifact> artifact = CompileOne(arguments, *cache_directory, i);
    if (!artifact) {
      // One that fails does not stop the others.
      const Error error = About(guard, artifact.error());
      exit_code = cli::ReportError(error, false);
      ordered_json json = cli::ErrorToJson(error);
      results.push_back({{"guard", guard}, {"error", json}});
      if (!first_error) first_error = std::move(json);
      continue;
    }
    const std::vector<std::string> warnings = WarningsOf(arguments, *artifact);
    for (const std::string& warning : warnings) cli::ReportWarning(guard + ": " + warning);
    if (arguments.json) {
      results.push_back(ToJson(guard, *artifact, warnings));
      if (!arguments.name.empty()) results.back()["name"] = arguments.name;
    } else {
      exit_code = cli::Finish(ToText(guard, *artifact, arguments.name), exit_code);
    }
  }
  timeout.reset();
  if (!arguments.json) return exit_code;
  ordered_json out = {{"guards", std::move(results)}};
  if (first_error) out["error"] = std::move(*first_error);
  return cli::FinishJson(out, exit_code);
}

Result<CompiledModule> EmitOne(const Arguments& arguments) {
  GUARDC_TRY(const std::vector<std::byte> wasm, ReadGuard(arguments, arguments.guards[0]));
  Progress progress(NameOf(arguments, arguments.guards[0]), 0, 1, !arguments.attended);
  CompileOptions options = arguments.options;
  options.on_progress = progress.Listener();
  return Compile(wasm, options, *arguments.emit);
}

int RunToFile(const Arguments& arguments) {
  const Result<CompiledModule> compiled = [&]() -> Result<CompiledModule> {
    Timeout timeout;
    GUARDC_CHECK(timeout.Start(arguments.timeout_seconds, arguments.json));
    return EmitOne(arguments);
  }();
  const std::string guard = NameOf(arguments, arguments.guards[0]);
  if (!compiled) return cli::ReportError(About(guard, compiled.error()), arguments.json);
  if (arguments.output == "-") {
    return cli::Finish({reinterpret_cast<const char*>(compiled->bytes.data()), compiled->bytes.size()}, cli::kDone);
  }
  if (const auto written = WriteFileAtomically(arguments.output, compiled->bytes); !written) {
    return cli::ReportError(written.error(), arguments.json);
  }
  if (!arguments.json) return cli::kDone;
  ordered_json phases = ordered_json::array();
  for (const PhaseTime& phase : compiled->phases)
    phases.push_back({{"phase", phase.phase}, {"ms", phase.milliseconds}});
  return cli::FinishJson(
      {{"guard", guard}, {"output", arguments.output}, {"size", compiled->bytes.size()}, {"phases", std::move(phases)}},
      cli::kDone);
}

std::string ListCpus(const std::string& target) {
  const Result<std::vector<std::string>> names = compiler::CpuNames(target);
  if (!names) throw CLI::ValidationError("--target", names.error().message);
  std::string out;
  for (const std::string& name : *names) out += (out.empty() ? "" : "\n") + name;
  return out;
}

}  // namespace

void AddCompile(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<Arguments>();
  arguments->list_cpus = [options = &arguments->options] { return ListCpus(options->target); };
  CLI::App* command = cli::DescribeCompile(app, *arguments);
  command->callback([arguments, &exit_code] {
    if (arguments->emit && arguments->guards.size() > 1) {
      throw CLI::ValidationError("--emit", "takes one guard at a time");
    }
    if (!arguments->name.empty() && arguments->guards.size() > 1) {
      throw CLI::ValidationError(
          "--name", "takes one guard at a time, and there are " + std::to_string(arguments->guards.size()));
    }
    if (arguments->emit && arguments->json && arguments->output == "-") {
      throw CLI::ValidationError("--json", "and -o - both want stdout");
    }
    if (arguments->attended) EndWithReader();
    // The command's own bound stands for the library's.
    arguments->options.timeout = std::chrono::milliseconds::max();
    exit_code = arguments->emit ? RunToFile(*arguments) : RunToCache(*arguments);
  });
}

}  // namespace guardc::compiler_tool
