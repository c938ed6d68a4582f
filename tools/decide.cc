// guardc decide: a policy tried without a gateway. The whole pipeline for one tool call, or for a file of them.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "base/file.h"
#include "tools/command.h"
#include "tools/decide_case.h"
#include "tools/options.h"
#include "tools/output.h"

namespace guardc::cli {
namespace {

constexpr uint64_t kFileLimit = uint64_t{256} << 20;  // bytes
constexpr size_t kOutputChunk = size_t{1} << 16;      // bytes

// Where each text comes from.
struct DecideOptions : CommonOptions {
  DecideSettings settings;
  std::string guard;
  std::string tool;
  std::string server;
  std::string mode;
  std::string policy;
  std::string args;
  std::string capabilities;
  std::string result;
  std::string backend;
  std::string backend_errors;
  std::string agent_labels;
  std::string cases;
};

Result<void> ReadInto(const std::string& path, std::optional<std::string>& out) {
  if (path.empty()) return {};
  if (path == "-") {
    GUARDC_TRY(out, ReadAll(STDIN_FILENO, "stdin", kFileLimit));
  } else {
    GUARDC_TRY(out, ReadTextFile(path, kFileLimit));
  }
  return {};
}

Result<DecideCase> CaseFromOptions(const DecideOptions& options) {
  DecideCase out;
  out.guard = options.guard;
  out.server = options.server;
  if (!options.tool.empty()) out.tool = options.tool;
  if (!options.mode.empty()) out.mode = options.mode;
  GUARDC_CHECK(ReadInto(options.policy, out.policy));
  GUARDC_CHECK(ReadInto(options.args, out.args));
  GUARDC_CHECK(ReadInto(options.capabilities, out.capabilities));
  GUARDC_CHECK(ReadInto(options.result, out.result));
  GUARDC_CHECK(ReadInto(options.backend, out.backend));
  GUARDC_CHECK(ReadInto(options.backend_errors, out.backend_errors));
  GUARDC_CHECK(ReadInto(options.agent_labels, out.agent_labels));
  return out;
}

int DecideOne(const DecideOptions& options, const DecideCase& only) {
  Decider decider(options.settings);
  const DecideOutcome decided = std::move(decider.Run({only}).front());
  const std::optional<Error>& error = decided.outcome.error;
  if (error) {
    LoadRequest request = options.settings.load;
    request.module = options.guard;
    ReportError(*error, false, LoadHint(request, *error));
  }
  const std::string text = options.json ? OutcomeToJson(decided) + "\n" : OutcomeToText(decided);
  return Finish(text, error ? kFailed : kDone);
}

// Reads lines of any length; the file may be a pipe.
class LineReader {
 public:
  explicit LineReader(std::FILE* file) : file_(file) {}
  ~LineReader() {
    std::free(buffer_);
    if (file_ != stdin) std::fclose(file_);
  }
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;
  bool Next(std::string& line) {
    const ssize_t n = getline(&buffer_, &capacity_, file_);
    if (n < 0) return false;
    line.assign(buffer_, static_cast<size_t>(n));
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
    return true;
  }
  bool failed() const { return std::ferror(file_) != 0; }

 private:
  std::FILE* file_;
  char* buffer_ = nullptr;
  size_t capacity_ = 0;
};

int DecideCases(const DecideOptions& options, const DecideCase& defaults) {
  std::FILE* file = options.cases == "-" ? stdin : std::fopen(options.cases.c_str(), "re");
  if (file == nullptr) return ReportError(FailErrno("open", options.cases, errno).error(), options.json);
  LineReader lines(file);
  Decider decider(options.settings);
  std::set<std::string> warned;
  std::string line, text;
  size_t number = 0;
  int exit_code = kDone;
  while (lines.Next(line)) {
    ++number;
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    std::vector<std::string> unknown;
    std::vector<DecideOutcome> outcomes;
    if (auto calls = ParseCases(std::move(line), defaults, unknown)) {
      outcomes = decider.Run(*calls);
    } else {
      DecideOutcome& bad = outcomes.emplace_back();
      bad.outcome.error = Error(calls.error().kind, "line " + std::to_string(number) + ": " + calls.error().message);
      bad.outcome.reason = bad.outcome.error->message;
      exit_code = ReportError(*bad.outcome.error, false);
    }
    for (const std::string& key : unknown) {
      if (!warned.insert(key).second) continue;
      std::fprintf(stderr, "warning: line %zu: a case has no member \"%s\"; it is ignored\n", number, key.c_str());
    }
    for (const DecideOutcome& outcome : outcomes) text += OutcomeToJson(outcome) + "\n";
    if (text.size() < kOutputChunk) continue;
    if (!WriteStdout(text)) return Finish(text, kFailed);
    text.clear();
  }
  if (lines.failed()) exit_code = ReportError(FailErrno("read", options.cases, errno).error(), false);
  return Finish(text, exit_code);
}

int RunDecide(const DecideOptions& options) {
  const Result<DecideCase> defaults = CaseFromOptions(options);
  if (!defaults) return ReportError(defaults.error(), options.json);
  if (options.cases.empty()) return DecideOne(options, *defaults);
  return DecideCases(options, *defaults);
}

}  // namespace

void AddDecide(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<DecideOptions>();
  CLI::App* command =
      app.add_subcommand("decide", "Decide about a tool call as a gateway would: labels, policy, backend, filtering");
  command->add_option("guard", options->guard, "The guard's .wasm, an entry's directory, noop or write-sink")
      ->type_name("GUARD.wasm|noop|write-sink")
      ->required();
  const auto file = [&](const char* name, std::string& path, const char* help) {
    command->add_option(name, path, help)->type_name("FILE.json");
  };
  file("--policy", options->policy, "The policy, for label_agent or the write sink");
  CLI::Option* tool = command->add_option("--tool", options->tool, "The tool that is called")->type_name("NAME");
  file("--args", options->args, "Its arguments");
  file("--result", options->result, "What the backend answers to the call; else --backend has it");
  file("--backend", options->backend, "An object: tool name -> answer, for the guard's own calls too");
  file("--backend-errors", options->backend_errors,
       "Tools that fail: an object, name -> message, or an array of names");
  file("--agent-labels", options->agent_labels,
       "{\"secrecy\": [...], \"integrity\": [...]} that the agent has already");
  file("--capabilities", options->capabilities, "The capabilities that the guard is told");
  command->add_option("--server", options->server, "The server's id; a write sink's visibility depends on it")
      ->type_name("ID");
  command->add_option("--mode", options->mode, "A configured mode; counts for noop and write-sink only")
      ->type_name("MODE")
      ->check(CLI::IsMember({"strict", "filter", "propagate"}, CLI::ignore_case).description(""));
  CLI::Option* cases =
      command->add_option("--cases", options->cases, "Many calls: a JSON object a line; an outcome a line comes back")
          ->type_name("FILE.jsonl|-");
  AddDuration(*command, "--timeout", options->settings.timeout_seconds, "Stop the guard after this long (5s, 250ms)");
  command->add_flag("--compile", options->settings.load.compile, "Compile first where the cache has no artifact");
  command->add_flag("-v,--verbose", options->settings.verbose, "Show the guard's info lines too; twice: debug");
  AddCacheDir(*command, *options);
  AddJson(*command, *options, "Print the outcome as one line of JSON (docs/decide.md)");
  command->footer(
      "Examples:\n"
      "  guardc decide guard.wasm --policy policy.json --tool list_issues --args args.json --result issues.json\n"
      "  guardc decide noop --tool get_me --result me.json --agent-labels labels.json --json\n"
      "  guardc decide guard.wasm --policy policy.json --cases calls.jsonl > outcomes.jsonl\n"
      "Exit status: 0 decided, whatever the decision; 1 an error (with --cases: a line that is no case).");
  command->callback([options, tool, cases, &exit_code] {
    if (tool->count() == 0 && cases->count() == 0) throw CLI::RequiredError("--tool or --cases");
    options->settings.load.cache_dir = options->cache_dir;
    options->settings.quiet = cases->count() > 0 && options->settings.verbose == 0;
    exit_code = RunDecide(*options);
  });
}

}  // namespace guardc::cli
