// guardc exec: a WASI command, or one exported function, in the guards' sandbox: no files, no environment but what is
// given, output passed through. For benchmarks, conformance and debugging.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/bounded_write.h"
#include "guardc/guard.h"
#include "guardc/instance.h"
#include "guardc/module.h"
#include "runtime/call/guest_call.h"
#include "tools/call_inputs.h"
#include "tools/command.h"
#include "tools/exec_values.h"
#include "tools/find_module.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/usage_error.h"

namespace guardc::cli {
namespace {

struct ExecArguments : CommonOptions {
  LoadRequest load;
  std::string invoke;
  std::vector<std::string> env;
  double timeout_seconds = 0;
  StoreOptions store;
  int verbose = 0;
  std::vector<std::string> after_dashes;
  std::vector<std::string> rest;  // for the guest, those after dashes included
};

class Execution {
 public:
  explicit Execution(const ExecArguments& arguments)
      : arguments_(arguments), log_(MakeStderrLog("guest", arguments.verbose)), store_(arguments.store) {
    host_.log = log_.get();
    host_.stdout_writer = [this](std::string_view bytes) { Write(STDOUT_FILENO, bytes); };
    host_.stderr_writer = [this](std::string_view bytes) { Write(STDERR_FILENO, bytes); };
    host_.env = arguments.env;
    host_.args = {std::filesystem::path(ShownName(arguments.load)).filename().string()};
    if (arguments.timeout_seconds > 0) {
      call_.deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                          std::chrono::duration<double>(arguments.timeout_seconds));
    }
  }

  Result<void> RunStart(std::shared_ptr<const Module> module) {
    host_.args.insert(host_.args.end(), arguments_.rest.begin(), arguments_.rest.end());
    GUARDC_TRY(Instance * instance, InstantiateWithHost(store_, std::move(module), host_, call_));
    if (!instance->ExportedFunc("_start")) {
      return Fail(ErrorKind::kInvalidArgument,
                  "'" + ShownName(arguments_.load) +
                      "' exports no _start, so it is no WASI command; --invoke NAME calls another export");
    }
    return CallNoArguments(*instance, "_start");
  }

  // The results as text, one a line.
  Result<std::string> RunExport(std::shared_ptr<const Module> module) {
    GUARDC_TRY(Instance * instance, InstantiateWithHost(store_, std::move(module), host_, call_));
    const std::optional<Func> function = instance->ExportedFunc(arguments_.invoke);
    if (!function) {
      return Fail(ErrorKind::kInvalidArgument, "'" + ShownName(arguments_.load) + "' exports no function '" +
                                                   arguments_.invoke + "' (see `guardc inspect`)");
    }
    const FuncType type = function->type();
    GUARDC_TRY(std::vector<abi::Value> values, ParseArguments(arguments_.invoke, type, arguments_.rest));
    if (instance->ExportedFunc("_initialize")) GUARDC_CHECK(CallNoArguments(*instance, "_initialize"));
    GUARDC_TRY(const GuestFunction bound, GuestFunction::Bind(*instance, arguments_.invoke, type));
    GUARDC_CHECK(bound.Call(values.data(), host_, call_));
    std::string out;
    for (size_t i = 0; i < type.results.size(); ++i) out += FormatValue(type.results[i], values[i]) + "\n";
    return out;
  }

  // Whether all that the guest wrote went out.
  Result<void> CheckOutput() const {
    if (write_error_ == 0) return {};
    return Fail(ErrorKind::kIo, std::string("cannot write the guest's output: ") + std::strerror(write_error_));
  }

 private:
  // A slow reader holds the guest up, as it would any command, but not beyond the deadline.
  void Write(int fd, std::string_view bytes) {
    const Written written = BoundedWrite(fd, bytes, [this] { return !host_.control->Interrupted(); });
    if (written.error == 0 || written.error == EAGAIN) return;  // EAGAIN: the deadline, which ends the call
    write_error_ = written.error;
    // Once more, so that a reader who has left ends this command as it ends others: by SIGPIPE, unless that is ignored.
    if (written.error == EPIPE) static_cast<void>(::write(fd, bytes.data(), bytes.size()));
  }

  Result<void> CallNoArguments(Instance& instance, std::string_view name) {
    GUARDC_TRY(const GuestFunction function, GuestFunction::Bind(instance, name, FuncType{}));
    abi::Value none{};
    return function.Call(&none, host_, call_);
  }

  const ExecArguments& arguments_;
  std::shared_ptr<GuardLog> log_;
  HostState host_;  // outlives the store
  Store store_;
  CallOptions call_;
  int write_error_ = 0;
};

// What the guest gave to proc_exit, where a process can end with it.
int EndWith(uint32_t exit_code) {
  constexpr uint32_t kLargest = 255;
  if (exit_code <= kLargest) return EndProcess(static_cast<int>(exit_code));
  return ReportError({ErrorKind::kExit, "the guest called proc_exit(" + std::to_string(exit_code) +
                                            "), which no process can end with: an exit status is 0 to 255"},
                     false);
}

int RunExec(const ExecArguments& arguments) {
  Result<std::shared_ptr<const Module>> module = LoadModule(arguments.load);
  if (!module) return ReportError(module.error(), false, LoadHint(arguments.load, module.error()));
  Execution execution(arguments);
  std::string results;
  Result<void> done;
  if (arguments.invoke.empty()) {
    done = execution.RunStart(*std::move(module));
  } else if (Result<std::string> text = execution.RunExport(*std::move(module)); text) {
    results = *std::move(text);
  } else {
    done = std::unexpected(std::move(text).error());
  }
  const bool is_exit = !done && done.error().kind == ErrorKind::kExit;
  if (done || is_exit) {
    if (const auto output = execution.CheckOutput(); !output) return ReportError(output.error(), false);
    if (is_exit) return EndWith(done.error().details().exit_code.value_or(0));
    return EndProcess(Finish(results, kDone));
  }
  ReportError(done.error(), false);
  return done.error().kind == ErrorKind::kTrap ? kTrapped : kFailed;
}

// An option before the module cannot be the guest's: it is one of ours, misspelt.
void CheckGuestsOption(const CLI::App& command, const std::vector<std::string>& own, const std::string& module,
                       const std::vector<std::string>& rest) {
  if (rest.empty() || !rest.front().starts_with('-')) return;
  const auto place = [&](const std::string& argument) { return std::ranges::find(own, argument) - own.begin(); };
  if (place(rest.front()) < place(module)) throw CLI::ValidationError(UnknownOption(command, rest.front()));
}

}  // namespace

void AddExec(CLI::App& app, std::vector<std::string> own, std::vector<std::string> guest, int& exit_code) {
  auto options = std::make_shared<ExecArguments>();
  options->after_dashes = std::move(guest);
  options->load.profile = Profile::kWasi;
  CLI::App* command =
      app.add_subcommand("exec", "Run a WASI command, or one exported function, in the guards' sandbox");
  command->prefix_command();  // from the first argument that is not ours, all are the guest's
  CLI::Option* module = command
                            ->add_option("module", options->load.module,
                                         "The module's .wasm, an entry's directory, or the start of a key")
                            ->type_name("MODULE.wasm|ENTRY")
                            ->required();
  CLI::Option* name =
      AddName(*command, options->load.name, "In the place of the module: what has this name in the cache");
  // Read at once: after it, the first argument that is not ours is the guest's.
  name->trigger_on_parse()->each([module](const std::string&) {
    if (module->count() == 0) module->required(false)->expected(0);
  });
  command->add_option("--invoke", options->invoke, "Call this export with numbers instead of _start; print its results")
      ->type_name("NAME");
  command->add_flag("--compile", options->load.compile, "Compile first (profile wasi) where the cache has no artifact")
      ->excludes(name);
  command->add_flag("--trusted", options->load.trusted, "Do not hash the artifact where only root or you may write");
  command->add_option("--env", options->env, "One variable of the guest's environment; may be repeated")
      ->type_name("NAME=VALUE")
      ->check([](const std::string& text) {
        const bool is_variable = text.find('=') != std::string::npos && text.front() != '=';
        return is_variable ? std::string() : "'" + PrintableName(text) + "' is not NAME=VALUE";
      })
      ->allow_extra_args(false);  // each --env takes one value, the next argument is the guest's
  AddDuration(*command, "--timeout", options->timeout_seconds, "Stop after this long (5s, 250ms, 1m)");
  AddMemoryCap(*command, options->store.memory_cap_pages);
  AddTableCap(*command, options->store.table_cap);
  AddSize(*command, "--stack-size", options->store.stack_size, 65536, "The guest's stack; 1MiB by default");
  command->add_flag("-v,--verbose", options->verbose, "Show host_log lines at level info; twice: debug");
  AddCacheDir(*command, *options);
  command->footer(
      "Examples:\n"
      "  guardc exec hello.wasm --compile\n"
      "  guardc exec program.wasm --env TZ=UTC -- --flag-of-the-guest file\n"
      "  guardc exec fib.wasm --invoke fib 30\n"
      "Exit status: the guest's own; 134 where it trapped (message and backtrace on stderr); 1 where it could not be\n"
      "run, was stopped by --timeout, or ended with a status above 255; 2 wrong usage.");
  command->callback([options, command, own = std::move(own), &exit_code] {
    options->load.cache_dir = options->cache_dir;
    options->rest = command->remaining();
    if (options->load.name.empty()) {
      CheckGuestsOption(*command, own, options->load.module, options->rest);
    } else if (!options->load.module.empty()) {
      throw CLI::ValidationError("--name", "says which module, '" + PrintableName(options->load.module) +
                                               "' is one too many; arguments of the guest follow --name");
    }
    options->rest.insert(options->rest.end(), options->after_dashes.begin(), options->after_dashes.end());
    exit_code = RunExec(*options);
  });
}

}  // namespace guardc::cli
