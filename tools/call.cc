// guardc call: one label function of a guard, as a gateway would call it. The guard's answer is all that reaches
// stdout, and none that a gateway would not take.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "guardc/guard.h"
#include "guardc/module.h"
#include "tools/call_answer.h"
#include "tools/call_inputs.h"
#include "tools/choice.h"
#include "tools/command.h"
#include "tools/find_module.h"
#include "tools/options.h"
#include "tools/output.h"

namespace guardc::cli {
namespace {

using nlohmann::ordered_json;

struct CallArguments : CommonOptions {
  LoadRequest load;
  std::string function;
  std::string input;
  std::string policy;
  std::string backend;
  double timeout_seconds = 0;
  uint32_t memory_cap_pages = GuardOptions{}.memory_cap_pages;
  uint32_t table_cap = GuardOptions{}.table_cap;
  bool raw = false;
  bool timing = false;
  size_t repeat = 1;
  int verbose = 0;
};

struct Step {
  const char* name;
  uint64_t nanoseconds;
};

// The time of each step, in order.
class StepClock {
 public:
  void Done(const char* name) {
    const auto now = Clock::now();
    steps_.push_back({name, Nanoseconds(now - last_)});
    last_ = now;
  }
  static uint64_t Nanoseconds(Clock::duration d) {
    return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(d).count());
  }
  const std::vector<Step>& steps() const { return steps_; }

 private:
  Clock::time_point last_ = Clock::now();
  std::vector<Step> steps_;
};

struct CallOutcome {
  std::shared_ptr<Guard> guard;  // outlives the answer, see EndProcess
  std::string answer;
  std::optional<Error> fault;  // of the answer
  std::string key;
  std::vector<CallTiming> calls;  // one per repetition
  std::vector<Step> steps;
};

Result<LabelFunction> ParseFunction(std::string_view name) {
  for (const LabelFunction f : {LabelFunction::kAgent, LabelFunction::kResource, LabelFunction::kResponse}) {
    if (LabelFunctionName(f) == name) return f;
  }
  return Fail(ErrorKind::kInvalidArgument, "'" + std::string(name) + "' is no label function");
}

Result<CallOutcome> RunGuard(const CallArguments& arguments) {
  CallOutcome out;
  StepClock clock;
  GUARDC_TRY(const LabelFunction function, ParseFunction(arguments.function));
  GUARDC_TRY(const std::string input, ReadJsonText(arguments.input));
  std::string policy;
  if (!arguments.policy.empty()) {
    GUARDC_TRY(policy, ReadJsonText(arguments.policy));
  }
  GuardOptions options;
  options.name =
      arguments.load.name.empty() ? std::filesystem::path(arguments.load.module).stem().string() : arguments.load.name;
  options.memory_cap_pages = arguments.memory_cap_pages;
  options.table_cap = arguments.table_cap;
  if (arguments.timeout_seconds > 0) {
    options.timeout =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(arguments.timeout_seconds));
  }
  options.log = MakeStderrLog(options.name, arguments.verbose);
  if (!arguments.backend.empty()) {
    GUARDC_TRY(options.backend, MakeFileBackend(arguments.backend, arguments.verbose));
  }
  clock.Done("read input");
  LoadRequest load = arguments.load;
  load.on_step = [&](const char* step) { clock.Done(step); };
  GUARDC_TRY(std::shared_ptr<const Module> module, LoadModule(load));
  out.key = module->key();
  GUARDC_TRY(const std::shared_ptr<Guard> guard, Guard::Create(std::move(module), std::move(options)));
  out.guard = guard;
  clock.Done("instantiate");
  if (!arguments.policy.empty()) {
    GUARDC_TRY(const std::string answer, guard->Call(LabelFunction::kAgent, policy));
    GUARDC_CHECK(CheckAnswer(LabelFunction::kAgent, policy, answer));
    clock.Done("label_agent (policy)");
  }
  guard->EnableTiming(arguments.timing || arguments.json || arguments.repeat > 1);
  for (size_t i = 0; i < arguments.repeat; ++i) {
    const auto start = Clock::now();
    GUARDC_TRY(std::string answer, guard->Call(function, input));
    CallTiming timing = guard->last_timing();
    timing.total = StepClock::Nanoseconds(Clock::now() - start);  // as the caller sees it
    out.calls.push_back(timing);
    if (i == 0) out.answer = std::move(answer);
  }
  clock.Done(arguments.repeat == 1 ? "call" : "calls");
  if (!arguments.raw) {
    const Result<void> sound = CheckAnswer(function, input, out.answer);
    if (!sound) out.fault = sound.error();
    clock.Done("check the answer");
  }
  out.steps = clock.steps();
  return out;
}

struct Statistics {
  uint64_t min;
  uint64_t median;
  uint64_t p99;
};

// Of a non-empty list; the 99th percentile is the smallest value that 99 % do not exceed.
Statistics StatisticsOf(const std::vector<CallTiming>& calls, uint64_t CallTiming::* part) {
  std::vector<uint64_t> values;
  for (const CallTiming& call : calls) values.push_back(call.*part);
  std::sort(values.begin(), values.end());
  return {values.front(), values[(values.size() - 1) / 2], values[(values.size() * 99 + 99) / 100 - 1]};
}

struct Part {
  const char* name;
  uint64_t CallTiming::* member;
};
constexpr Part kParts[] = {
    {"total", &CallTiming::total}, {"guest", &CallTiming::guest}, {"host functions", &CallTiming::host_functions}};

// What of the calls' time the guest's code took, 0 to 1.
double GuestShare(const std::vector<CallTiming>& calls) {
  uint64_t guest = 0;
  uint64_t total = 0;
  for (const CallTiming& call : calls) {
    guest += call.guest;
    total += call.total;
  }
  return total == 0 ? 0 : static_cast<double>(guest) / static_cast<double>(total);
}

void PrintTiming(const CallArguments& arguments, const CallOutcome& outcome) {
  std::string text;
  if (arguments.timing) {
    std::vector<std::vector<std::string>> rows = {{"STEP", "TIME"}};
    for (const Step& step : outcome.steps) rows.push_back({step.name, FormatNanoseconds(step.nanoseconds)});
    text += FormatTable(rows);
  }
  std::vector<std::vector<std::string>> rows = {{"CALL", "MIN", "MEDIAN", "P99"}};
  for (const Part& part : kParts) {
    const Statistics s = StatisticsOf(outcome.calls, part.member);
    rows.push_back({part.name, FormatNanoseconds(s.min), FormatNanoseconds(s.median), FormatNanoseconds(s.p99)});
  }
  text += FormatTable(rows);
  char shares[96];
  const double guest = 100 * GuestShare(outcome.calls);
  std::snprintf(shares, sizeof shares, "%zu calls; guest %.1f %%, host %.1f %%\n", outcome.calls.size(), guest,
                100 - guest);
  WriteMessage(text + shares);
}

ordered_json ToJson(const CallArguments& arguments, const CallOutcome& outcome) {
  ordered_json steps = ordered_json::array();
  for (const Step& step : outcome.steps) steps.push_back({{"step", step.name}, {"ns", step.nanoseconds}});
  ordered_json calls = {{"count", outcome.calls.size()}, {"guest_share", GuestShare(outcome.calls)}};
  for (const Part& part : kParts) {
    const Statistics s = StatisticsOf(outcome.calls, part.member);
    std::string name = part.name;
    std::replace(name.begin(), name.end(), ' ', '_');
    calls[name] = {{"min_ns", s.min}, {"median_ns", s.median}, {"p99_ns", s.p99}};
  }
  return {{"guard", ShownName(arguments.load)}, {"key", outcome.key}, {"function", arguments.function},
          {"answer", outcome.answer},           {"steps", steps},     {"calls", calls}};
}

int RunCall(const CallArguments& arguments) {
  const Result<CallOutcome> outcome = RunGuard(arguments);
  if (!outcome) {
    return ReportError(outcome.error(), arguments.json, LoadHint(arguments.load, outcome.error()));
  }
  if (arguments.timing || arguments.repeat > 1) PrintTiming(arguments, *outcome);
  if (outcome->fault) return EndProcess(ReportError(*outcome->fault, arguments.json, AnswerHint(outcome->answer)));
  if (arguments.json) return FinishJson(ToJson(arguments, *outcome), kDone);
  const bool terminal = isatty(STDOUT_FILENO) != 0;
  return EndProcess(Finish(terminal ? outcome->answer + "\n" : outcome->answer, kDone));
}

CLI::Validator IsFunction() { return OneOf({"label_agent", "label_resource", "label_response"}); }

// With --name the first word is the function.
void TellGuardFromFunction(CallArguments& arguments) {
  if (!arguments.load.name.empty()) {
    if (!arguments.function.empty()) {
      throw CLI::ValidationError("--name",
                                 "says which guard, '" + PrintableName(arguments.load.module) + "' is one too many");
    }
    arguments.function = std::exchange(arguments.load.module, "");
    const std::string problem = arguments.function.empty() ? "" : IsFunction()(arguments.function);
    if (!problem.empty()) throw CLI::ValidationError("function", problem);
  } else if (arguments.load.module.empty()) {
    throw CLI::RequiredError("guard");
  }
  if (arguments.function.empty()) throw CLI::RequiredError("function");
}

}  // namespace

void AddCall(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<CallArguments>();
  CLI::App* command = app.add_subcommand("call", "Call a label function; stdout is the guard's answer, byte for byte");
  // Whether they are there is asked when all is read.
  command->add_option("guard", options->load.module, "The guard's .wasm, an entry's directory, or the start of a key")
      ->type_name("GUARD.wasm|ENTRY");
  command->add_option("function", options->function, "The function to call")
      ->type_name("label_agent|label_resource|label_response")
      ->check(IsFunction());
  CLI::Option* name =
      AddName(*command, options->load.name, "In the place of the guard: what has this name in the cache");
  command->add_option("--input", options->input, "The JSON that the guard gets; - is stdin")
      ->type_name("FILE|-")
      ->required();
  command
      ->add_option("--policy", options->policy, "Call label_agent with this JSON first, and go on only if it succeeds")
      ->type_name("FILE");
  command->add_option("--backend", options->backend, "A JSON object: tool name -> what call_backend answers for it")
      ->type_name("FILE.json");
  AddDuration(*command, "--timeout", options->timeout_seconds,
              "Stop each call, and the start, after this long (5s, 250ms, 1m)");
  command->add_flag("--compile", options->load.compile, "Compile first where the cache has no artifact")
      ->excludes(name);
  command->add_flag("--trusted", options->load.trusted, "Do not hash the artifact where only root or you may write");
  AddMemoryCap(*command, options->memory_cap_pages)->check(WhenGiven([] { return CLI::Range(0U, 65536U); }));
  AddTableCap(*command, options->table_cap);
  command->add_flag("--raw", options->raw, "Print the answer as it is, whether or not it is one by the ABI");
  command->add_flag("--timing", options->timing, "Print the time of each step on stderr");
  command->add_option("--repeat", options->repeat, "Call N times; print minimum, median and p99 on stderr")
      ->type_name("N")
      ->check(WhenGiven([] { return CLI::Range(size_t{1}, size_t{100'000'000}); }));
  command->add_flag("-v,--verbose", options->verbose,
                    "Show the guard's info lines too; twice: debug and the backend calls");
  AddCacheDir(*command, *options);
  AddJson(*command, *options, "Print {\"answer\", \"key\", \"steps\", \"calls\"} instead of the bare answer");
  command->footer(
      "Examples:\n"
      "  guardc call guard.wasm label_resource --input call.json --policy policy.json\n"
      "  echo '{\"tool_name\":\"get_me\",\"tool_args\":{}}' | guardc call guard.wasm label_resource --input -\n"
      "  guardc call guard.wasm label_response --input answer.json --backend tools.json --repeat 1000\n"
      "  guardc call --name github label_resource --input call.json\n"
      "With --repeat the answer is that of the first call. The guard's warnings and errors go to stderr.");
  command->callback([options, &exit_code] {
    options->load.cache_dir = options->cache_dir;
    TellGuardFromFunction(*options);
    exit_code = RunCall(*options);
  });
}

}  // namespace guardc::cli
