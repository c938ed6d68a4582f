#include "tools/compile_arguments.h"

#include <CLI/CLI.hpp>

#include "artifact/cpu_features.h"
#include "tools/choice.h"
#include "tools/options.h"

namespace guardc::cli {
namespace {

// "baseline|native|x86-64-v2|...|NAME"
std::string CpuNames() {
  std::vector<std::string_view> names = {"baseline", "native"};
  for (const artifact::CpuLevel& level : artifact::X86Levels()) {
    if (!level.features.empty()) names.push_back(level.name);  // code needs more than the first
  }
  names.emplace_back("NAME");
  return JoinNames(names);
}

void AddCodeOptions(CLI::App& command, CompileArguments& arguments) {
  CompileOptions& options = arguments.options;
  command.add_option("-O", options.opt_level, "Optimisation level (-O0 to -O3)")
      ->type_name("LEVEL")
      ->check(WhenGiven([] { return CLI::Range(0, 3); }))
      ->capture_default_str();
  command
      .add_option("--cpu", options.cpu, "baseline is x86-64-v2 or armv8-a; NAME is any that LLVM knows (--list-cpus)")
      ->type_name(CpuNames())
      ->capture_default_str();
  command.add_option("--target", options.target, "Compile for another machine, such as aarch64-linux-gnu")
      ->type_name("TRIPLE");
  // Behind --target, which is read by then.
  command.add_flag_callback(
      "--list-cpus", [&arguments] { throw CLI::CallForVersion(arguments.list_cpus ? arguments.list_cpus() : "", 0); },
      "Print every name that --cpu takes (for --target), and exit");
  AddChoice(command, "--profile", options.profile,
            std::vector<std::pair<std::string_view, Profile>>{{"guard", Profile::kGuard}, {"wasi", Profile::kWasi}},
            "guard: hold the module to the guard's ABI; wasi: take any module, for `guardc exec`")
      ->default_str("guard");
  command.add_option("--jobs", options.jobs, "Threads, one per core by default; never changes the result")
      ->type_name("N")
      ->check(WhenGiven([] { return CLI::Range(1, 1024); }));
  AddDuration(command, "--timeout", arguments.timeout_seconds,
              "End with an error after this time, for all modules together (500ms, 30s, 5m); none by default");
  command.add_flag("--bounds-checks", options.bounds_checks,
                   "Check each memory access in code; needs no address space beyond the memory itself");
  command.add_flag("--strict-traps", options.strict_traps, "Keep memory exact at every trap (slower)");
  command.add_flag("--canonical-nans", options.canonical_nans, "Make every NaN of arithmetic the canonical one");
}

}  // namespace

CLI::App* DescribeCompile(CLI::App& app, CompileArguments& arguments) {
  CLI::App* command = app.add_subcommand("compile", "Compile guards into the cache; what is there already is used");
  command->add_option("guard", arguments.guards, "The modules to compile; - is stdin")
      ->type_name("GUARD.wasm|-")
      ->required();
  CLI::Option* name =
      AddName(*command, arguments.name, "Then find the artifact by this name: `guardc call --name NAME`");
  // What messages call the module of stdin, and the cache notes as its file.
  command->add_option("--stdin-name", arguments.stdin_name)->group("");
  command
      ->add_option("--cache-dir", arguments.cache_dir,
                   "The cache; else $GUARDC_CACHE_DIR, $MCP_GATEWAY_WASM_CACHE_DIR, $XDG_CACHE_HOME/guardc, "
                   "~/.cache/guardc")
      ->type_name("DIR");
  AddTrustedGroup(*command);
  AddCodeOptions(*command, arguments);
  command->add_flag("--force", arguments.force, "Compile all of it even if the artifact is in the cache");
  command->add_flag("--no-reuse", arguments.no_reuse,
                    "Neither use nor keep the compiled parts that the next compile of a changed module can take");
  CLI::Option* emit = AddChoice(
      *command, "--emit", arguments.emit,
      std::vector<std::pair<std::string_view, Emit>>{
          {"llvm-ir", Emit::kLlvmIr}, {"asm", Emit::kAssembly}, {"obj", Emit::kObject}, {"so", Emit::kSharedObject}},
      "Write this to --output instead of filling the cache");
  CLI::Option* output =
      command->add_option("-o,--output", arguments.output, "The file for --emit; - is stdout")->type_name("FILE");
  emit->needs(output);
  output->needs(emit);
  name->excludes(emit);
  command
      ->add_flag(
          "--without-wabt-validation", arguments.own_validator_alone,
          "Show what guardc's own validator says by itself; what it accepts is then validated by both, as always")
      ->group("For tests");
  // For who waits for us, and would leave us behind.
  command->add_flag("--attended", arguments.attended)->group("");
  command->add_flag("--json", arguments.json,
                    "Print key, path, sizes, whether it was cached, chunks reused, time per phase");
  command->footer(
      "Examples:\n"
      "  guardc compile guard.wasm\n"
      "  guardc compile --cpu native -O3 guards/*.wasm\n"
      "  guardc compile --name github guard.wasm           for `guardc call --name github`\n"
      "  guardc compile --profile wasi tool.wasm           for `guardc exec`\n"
      "  guardc compile --emit=asm -o guard.s guard.wasm\n"
      "Exit status: 0 done, 1 a guard failed, 2 wrong usage.");
  return command;
}

}  // namespace guardc::cli
