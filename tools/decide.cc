// guardc decide: a policy tried without a gateway. The whole pipeline for one tool call, or for a file of them.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "base/file.h"
#include "tools/choice.h"
#include "tools/command.h"
#include "tools/decide_case.h"
#include "tools/options.h"
#include "tools/output.h"

namespace guardc::cli {
namespace {

constexpr uint64_t kFileLimit = uint64_t{256} << 20;  // bytes
constexpr size_t kReadSize = size_t{64} << 10;
constexpr size_t kBatchLines = 256;
constexpr size_t kBatchBytes = size_t{16} << 20;

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
  unsigned jobs = 0;
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
  if (error) ReportError(*error, false, decided.hint);
  const std::string text = options.json ? OutcomeToJson(decided) + "\n" : OutcomeToText(decided);
  return Finish(text, error ? kFailed : kDone);
}

// Lines of any length from a file or a pipe. Does not wait where it is told not to: whoever writes a case and waits for
// its outcome gets it.
class LineReader {
 public:
  enum class Got : uint8_t { kLine, kNothingYet, kEnd };

  explicit LineReader(Fd file) : file_(std::move(file)) {}

  Result<Got> Next(std::string& line, bool wait) {
    while (true) {
      const size_t end = buffer_.find('\n', searched_);
      if (end != std::string::npos || (at_end_ && start_ < buffer_.size())) {
        line = buffer_.substr(start_, std::min(end, buffer_.size()) - start_);
        start_ = searched_ = std::min(end, buffer_.size() - 1) + 1;
        if (!line.empty() && line.back() == '\r') line.pop_back();
        return Got::kLine;
      }
      if (at_end_) return Got::kEnd;
      pollfd ready{file_.get(), POLLIN, 0};
      if (!wait && poll(&ready, 1, 0) == 0) return Got::kNothingYet;
      GUARDC_CHECK(Fill());
    }
  }

 private:
  Result<void> Fill() {
    buffer_.erase(0, start_);
    searched_ = buffer_.size();
    start_ = 0;
    if (buffer_.size() > kFileLimit) return Fail(ErrorKind::kLimit, "a line of the cases is longer than 256 MiB");
    buffer_.resize(searched_ + kReadSize);
    ssize_t n = 0;
    do {
      n = read(file_.get(), buffer_.data() + searched_, kReadSize);
    } while (n < 0 && errno == EINTR);
    buffer_.resize(searched_ + static_cast<size_t>(std::max<ssize_t>(n, 0)));
    if (n < 0) return FailErrno("read", "the cases", errno);
    at_end_ = n == 0;
    return {};
  }

  Fd file_;
  std::string buffer_;
  size_t start_ = 0;     // of what was not handed out
  size_t searched_ = 0;  // no line ends before it
  bool at_end_ = false;
};

// One line of the file, and what it became.
struct Line {
  size_t number = 0;
  std::string text;
  std::vector<std::string> unknown;
  std::string outcomes;  // lines of JSON
  std::optional<Error> error;
  std::optional<Error> not_cached;  // of the guard
  std::string hint;                 // what to do about that
};

void Decide(Decider& decider, const DecideCase& defaults, Line& line) {
  std::vector<DecideOutcome> outcomes;
  if (auto calls = ParseCases(std::move(line.text), defaults, line.unknown)) {
    outcomes = decider.Run(*calls);
  } else {
    line.error = Error(calls.error().kind, "line " + std::to_string(line.number) + ": " + calls.error().message);
    Outcome& bad = outcomes.emplace_back().outcome;
    bad.cause = DenialCause::kError;
    bad.reason = line.error->message;
    bad.error = line.error;
  }
  for (const DecideOutcome& outcome : outcomes) {
    line.outcomes += OutcomeToJson(outcome) + "\n";
    if (!outcome.outcome.error || outcome.outcome.error->kind != ErrorKind::kNotCached) continue;
    line.not_cached = outcome.outcome.error;
    line.hint = outcome.hint;
  }
}

// Cases know nothing of each other: all cores share a batch of them.
void DecideBatch(Decider& decider, const DecideCase& defaults, unsigned jobs, std::vector<Line>& batch) {
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < batch.size(); i = next++) Decide(decider, defaults, batch[i]);
  };
  std::vector<std::jthread> helpers;
  try {
    for (size_t i = 1; i < std::min<size_t>(jobs, batch.size()); ++i) helpers.emplace_back(work);
  } catch (const std::system_error&) {
    // Where the system refuses another thread, those that are there do it all.
  }
  work();
}

// The next lines that are there; at least one, unless the end has come.
Result<bool> ReadBatch(LineReader& lines, size_t& number, std::vector<Line>& batch) {
  for (size_t bytes = 0; bytes < kBatchBytes && batch.size() < kBatchLines;) {
    Line line;
    GUARDC_TRY(const LineReader::Got got, lines.Next(line.text, batch.empty()));
    if (got == LineReader::Got::kEnd) return false;
    if (got == LineReader::Got::kNothingYet) return true;
    line.number = ++number;
    bytes += line.text.size();
    if (line.text.find_first_not_of(" \t") != std::string::npos) batch.push_back(std::move(line));
  }
  return true;
}

int DecideCases(const DecideOptions& options, const DecideCase& defaults) {
  Fd file(options.cases == "-" ? dup(STDIN_FILENO) : open(options.cases.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return ReportError(FailErrno("open", options.cases, errno).error(), options.json);
  LineReader lines(std::move(file));
  Decider decider(options.settings);
  const unsigned jobs = options.jobs > 0 ? options.jobs : std::max(1U, std::thread::hardware_concurrency());
  std::set<std::string> warned;
  size_t number = 0;
  int exit_code = kDone;
  for (bool more = true; more;) {
    std::vector<Line> batch;
    const Result<bool> read = ReadBatch(lines, number, batch);
    if (!read) exit_code = ReportError(read.error(), false);
    more = read && *read;
    DecideBatch(decider, defaults, jobs, batch);
    std::string text;
    for (const Line& line : batch) {
      for (const std::string& key : line.unknown) {
        if (!warned.insert(key).second) continue;
        ReportWarning("line " + std::to_string(line.number) + ": a case has no member \"" + key + "\"; it is ignored");
      }
      if (line.error) exit_code = ReportError(*line.error, false);
      // No case of this guard is decided; once says it.
      if (line.not_cached && warned.insert(line.not_cached->message).second) {
        ReportError(*line.not_cached, false, line.hint);
      }
      text += line.outcomes;
    }
    if (Finish(text, kDone) != kDone) return kFailed;
  }
  return exit_code;
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
  CLI::Option* guard =
      command->add_option("guard", options->guard, "The guard's .wasm, an entry's directory, noop or write-sink")
          ->type_name("GUARD.wasm|noop|write-sink");
  CLI::Option* by_name =
      AddName(*command, options->settings.load.name, "In the place of the guard: what has this name in the cache");
  by_name->excludes(guard);
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
  command
      ->add_option("--server", options->server,
                   "The server's id; agents are introduced by it, a write sink's visibility depends on it")
      ->type_name("ID");
  command->add_option("--mode", options->mode, "A configured mode; counts only where there is no policy")
      ->type_name("strict|filter|propagate")
      ->check(OneOf({"strict", "filter", "propagate"}, CLI::ignore_case));
  CLI::Option* cases =
      command->add_option("--cases", options->cases, "Many calls: a JSON object a line; an outcome a line comes back")
          ->type_name("FILE.jsonl|-");
  command->add_option("--jobs", options->jobs, "Cases decided at once; 0 is one per core")->type_name("N");
  AddDuration(*command, "--timeout", options->settings.timeout_seconds, "Stop the guard after this long (5s, 250ms)");
  AddMemoryCap(*command, options->settings.memory_cap_pages)->check(WhenGiven([] { return CLI::Range(0U, 65536U); }));
  command->add_flag("--compile", options->settings.load.compile, "Compile first where the cache has no artifact")
      ->excludes(by_name);
  command->add_flag("-v,--verbose", options->settings.verbose, "Show the guard's info lines too; twice: debug");
  AddCacheDir(*command, *options);
  AddJson(*command, *options, "Print the outcome as one line of JSON (docs/decide.md)");
  command->footer(
      "Examples:\n"
      "  guardc decide guard.wasm --policy policy.json --tool list_issues --args args.json --result issues.json\n"
      "  guardc decide noop --tool get_me --result me.json --agent-labels labels.json --json\n"
      "  guardc decide guard.wasm --policy policy.json --cases calls.jsonl > outcomes.jsonl\n"
      "Exit status: 0 decided, whatever the decision; 1 an error (with --cases: a line that is no case).");
  command->callback([options, guard, by_name, tool, cases, &exit_code] {
    if (guard->count() == 0 && by_name->count() == 0) throw CLI::RequiredError("guard");
    if (tool->count() == 0 && cases->count() == 0) throw CLI::RequiredError("--tool or --cases");
    options->settings.load.cache_dir = options->cache_dir;
    options->settings.quiet = cases->count() > 0 && options->settings.verbose == 0;
    exit_code = RunDecide(*options);
  });
}

}  // namespace guardc::cli
