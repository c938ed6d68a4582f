// guardc compile: guards into the cache, or one module's code into a file.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "compiler/frontend/wabt_reader.h"
#include "compiler/tool/commands.h"
#include "guardc/compile.h"
#include "guardc/module.h"
#include "tools/command.h"
#include "tools/output.h"

namespace guardc::compiler_tool {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr uint64_t kMaxWasm = uint64_t{1} << 30;  // bytes; the reader's limit, too

struct Arguments {
  std::vector<std::string> guards;
  std::string name = "stdin";
  std::string cache_dir;
  CompileOptions options;
  bool force = false;
  bool reuse = true;
  std::optional<Emit> emit;
  std::string output;
  bool json = false;
  bool own_validator_alone = false;
  bool attended = false;
};

// Ends this process once nobody reads its stdout any more: who waited for it was ended by whatever signal. What was
// being published is swept by the next who compiles it.
void EndWithReader() {
  std::thread([] {
    pollfd reader = {.fd = STDOUT_FILENO, .events = 0, .revents = 0};
    int gone = 0;
    do {
      gone = poll(&reader, 1, -1);
    } while (gone < 0 && errno == EINTR);
    if (gone > 0) _exit(cli::kFailed);
  }).detach();
}

// What happens now, on a terminal only; gone when the work is done.
class Progress {
 public:
  Progress(size_t index, size_t count, const std::string& guard) : shown_(isatty(STDERR_FILENO) != 0) {
    if (!shown_) return;
    const std::string bar(count > 1 ? 20 * index / count : 0, '=');
    if (count > 1) std::fprintf(stderr, "[%-20s] %zu/%zu  ", bar.c_str(), index + 1, count);
    std::fprintf(stderr, "compiling %s ...", guard.c_str());
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() {
    if (shown_) std::fputs("\r\x1b[K", stderr);
  }

 private:
  bool shown_;
};

// Errors name the file that they are about.
Error About(const std::string& guard, const Error& error) {
  if (error.message.find(guard) != std::string::npos) return error;
  Error named = error;
  named.message = guard + ": " + error.message;
  return named;
}

uint64_t Nanoseconds(double milliseconds) { return static_cast<uint64_t>(milliseconds > 0 ? milliseconds * 1e6 : 0); }

ordered_json ToJson(const std::string& guard, const CachedArtifact& artifact) {
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
          {"phases", std::move(phases)}};
}

std::string ToText(const std::string& guard, const CachedArtifact& artifact) {
  std::string out = guard + (artifact.was_cached ? ": in the cache already\n" : ": compiled\n");
  std::string times;
  double total = 0;
  for (const PhaseTime& phase : artifact.phases) {
    times += (times.empty() ? "" : ", ") + phase.phase + " " + cli::FormatNanoseconds(Nanoseconds(phase.milliseconds));
    total += phase.milliseconds;
  }
  if (artifact.chunks_reused > 0) {
    times += fmt::format("; {} of {} chunks reused", artifact.chunks_reused, artifact.chunks);
  }
  return out + cli::FormatTable({{"  key", artifact.key},
                                 {"  path", artifact.directory.string()},
                                 {"  size", cli::FormatSize(artifact.wasm_size) + " wasm, " +
                                                cli::FormatSize(artifact.object_size) + " object"},
                                 {"  time", cli::FormatNanoseconds(Nanoseconds(total)) + " (" + times + ")"}});
}

Result<std::vector<std::byte>> ReadGuard(const Arguments& arguments, const std::string& guard) {
  GUARDC_TRY(auto wasm, ReadFile(guard == "-" ? "/dev/stdin" : guard, kMaxWasm));
  if (arguments.own_validator_alone) {
    GUARDC_CHECK(compiler::ReadModule(wasm, {}, compiler::FirstValidator::kNone));
  }
  return wasm;
}

// What messages call it.
const std::string& NameOf(const Arguments& arguments, const std::string& guard) {
  return guard == "-" ? arguments.name : guard;
}

Result<CachedArtifact> CompileOne(const Arguments& arguments, const fs::path& cache_directory,
                                  const std::string& guard) {
  GUARDC_TRY(const std::vector<std::byte> wasm, ReadGuard(arguments, guard));
  return CompileToCache(wasm, arguments.options, cache_directory, arguments.force, arguments.reuse);
}

int RunToCache(const Arguments& arguments) {
  const Result<fs::path> cache_directory = CacheDirectory(arguments.cache_dir);
  if (!cache_directory) return cli::ReportError(cache_directory.error(), arguments.json);
  ordered_json results = ordered_json::array();
  std::optional<ordered_json> first_error;
  int exit_code = cli::kDone;
  for (size_t i = 0; i < arguments.guards.size(); ++i) {
    const std::string& guard = NameOf(arguments, arguments.guards[i]);
    Result<CachedArtifact> artifact = [&] {
      const Progress progress(i, arguments.guards.size(), guard);
      return CompileOne(arguments, *cache_directory, arguments.guards[i]);
    }();
    if (!artifact) {
      // One that fails does not stop the others.
      const Error error = About(guard, artifact.error());
      exit_code = cli::ReportError(error, false);
      ordered_json json = cli::ErrorToJson(error);
      results.push_back({{"guard", guard}, {"error", json}});
      if (!first_error) first_error = std::move(json);
    } else if (arguments.json) {
      results.push_back(ToJson(guard, *artifact));
    } else {
      exit_code = cli::Finish(ToText(guard, *artifact), exit_code);
    }
  }
  if (!arguments.json) return exit_code;
  ordered_json out = {{"guards", std::move(results)}};
  if (first_error) out["error"] = std::move(*first_error);
  return cli::FinishJson(out, exit_code);
}

Result<CompiledModule> EmitOne(const Arguments& arguments) {
  GUARDC_TRY(const std::vector<std::byte> wasm, ReadGuard(arguments, arguments.guards[0]));
  const Progress progress(0, 1, NameOf(arguments, arguments.guards[0]));
  return Compile(wasm, arguments.options, *arguments.emit);
}

int RunToFile(const Arguments& arguments) {
  const Result<CompiledModule> compiled = EmitOne(arguments);
  const std::string& guard = NameOf(arguments, arguments.guards[0]);
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

}  // namespace

void AddCompile(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("compile", "Compile guards into the cache; what is there already is used");
  CompileOptions& options = arguments->options;
  command->add_option("guard", arguments->guards, "The modules to compile; - is stdin")
      ->type_name("GUARD.wasm|-")
      ->required();
  command->add_option("--name", arguments->name, "What messages call the module of stdin")->type_name("NAME");
  command
      ->add_option("--cache-dir", arguments->cache_dir,
                   "The cache; else $GUARDC_CACHE_DIR, $MCP_GATEWAY_WASM_CACHE_DIR, $XDG_CACHE_HOME/guardc, "
                   "~/.cache/guardc")
      ->type_name("DIR");
  command->add_option("-O", options.opt_level, "Optimisation level (-O0 to -O3)")
      ->type_name("LEVEL")
      ->check(CLI::Range(0, 3))
      ->capture_default_str();
  command
      ->add_option("--cpu", options.cpu,
                   "baseline (x86-64-v2, armv8-a), native, or a name that LLVM knows, such as x86-64-v3")
      ->type_name("NAME")
      ->capture_default_str();
  command->add_option("--target", options.target, "Compile for another machine, such as aarch64-linux-gnu")
      ->type_name("TRIPLE");
  command
      ->add_option("--profile", options.profile,
                   "guard: hold the module to the guard's ABI; wasi: take any module, for `guardc exec`")
      ->type_name("guard|wasi")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, Profile>{{"guard", Profile::kGuard}, {"wasi", Profile::kWasi}}));
  command->add_option("--jobs", options.jobs, "Threads, one per core by default; never changes the result")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  command->add_flag("--force", arguments->force, "Compile all of it even if the artifact is in the cache");
  command->add_flag("!--no-reuse", arguments->reuse,
                    "Neither use nor keep the compiled parts that the next compile of a changed module can take");
  command->add_flag("--bounds-checks", options.bounds_checks,
                    "Check each memory access in code; needs no address space beyond the memory itself");
  command->add_flag("--strict-traps", options.strict_traps, "Keep memory exact at every trap (slower)");
  command->add_flag("--canonical-nans", options.canonical_nans, "Make every NaN of arithmetic the canonical one");
  CLI::Option* emit =
      command->add_option("--emit", arguments->emit, "Write this to --output instead of filling the cache")
          ->type_name("llvm-ir|asm|obj|so")
          ->transform(CLI::CheckedTransformer(std::map<std::string, Emit>{{"llvm-ir", Emit::kLlvmIr},
                                                                          {"asm", Emit::kAssembly},
                                                                          {"obj", Emit::kObject},
                                                                          {"so", Emit::kSharedObject}}));
  CLI::Option* output =
      command->add_option("-o,--output", arguments->output, "The file for --emit; - is stdout")->type_name("FILE");
  emit->needs(output);
  output->needs(emit);
  command
      ->add_flag(
          "--without-wabt-validation", arguments->own_validator_alone,
          "Show what guardc's own validator says by itself; what it accepts is then validated by both, as always")
      ->group("For tests");
  // For who waits for us, and would leave us behind.
  command->add_flag("--attended", arguments->attended)->group("");
  command->add_flag("--json", arguments->json,
                    "Print key, path, sizes, whether it was cached, chunks reused, time per phase");
  command->footer(
      "Examples:\n"
      "  guardc compile guard.wasm\n"
      "  guardc compile --cpu native -O3 guards/*.wasm\n"
      "  guardc compile --profile wasi tool.wasm           for `guardc exec`\n"
      "  guardc compile --emit=asm -o guard.s guard.wasm\n"
      "Exit status: 0 done, 1 a guard failed, 2 wrong usage.");
  command->callback([arguments, &exit_code] {
    if (arguments->emit && arguments->guards.size() > 1) {
      throw CLI::ValidationError("--emit", "takes one guard at a time");
    }
    if (arguments->emit && arguments->json && arguments->output == "-") {
      throw CLI::ValidationError("--json", "and -o - both want stdout");
    }
    if (arguments->attended) EndWithReader();
    exit_code = arguments->emit ? RunToFile(*arguments) : RunToCache(*arguments);
  });
}

}  // namespace guardc::compiler_tool
