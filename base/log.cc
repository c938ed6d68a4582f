// Loggers are spdlog's, but for their list: spdlog's registry belongs to the embedder.
#include "base/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>

#include <cstdlib>
#include <exception>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/stderr.h"
#include "base/utf8.h"
#include "guardc/log.h"

namespace guardc::log {
namespace {

constexpr size_t kLongestMessage = 16 * 1024;  // bytes
constexpr size_t kLongestName = 256;           // of guards and requests
constexpr std::string_view kLevelNames[] = {"trace", "debug", "info", "warn", "error", "off"};

std::optional<Level> ParseLevel(std::string_view text) {
  if (text == "warning") return Level::kWarn;
  if (text == "none") return Level::kOff;
  for (size_t i = 0; i < std::size(kLevelNames); ++i) {
    if (text == kLevelNames[i]) return static_cast<Level>(i);
  }
  return std::nullopt;
}

std::string_view LevelName(Level level) { return kLevelNames[static_cast<size_t>(level)]; }

// `*` stands for any text, anywhere. The pattern is the operator's.
bool Matches(std::string_view pattern, std::string_view name) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  name.remove_prefix(star);
  pattern.remove_prefix(star + 1);
  for (size_t skip = 0; skip <= name.size(); ++skip) {
    if (Matches(pattern, name.substr(skip))) return true;
  }
  return false;
}

// One of a specification's entries, LEVEL or PATTERN=LEVEL.
struct SpecEntry {
  std::string_view text;
  std::optional<std::string_view> pattern;
  std::string_view level;
};

// Takes the first entry off `spec`, which is not empty.
SpecEntry TakeEntry(std::string_view& spec) {
  const size_t comma = spec.find(',');
  const std::string_view text = spec.substr(0, comma);
  spec.remove_prefix(comma == std::string_view::npos ? spec.size() : comma + 1);
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) return {text, std::nullopt, text};
  return {text, text.substr(0, equals), text.substr(equals + 1)};
}

std::string_view BadEntry(std::string_view spec) {
  while (!spec.empty()) {
    const SpecEntry entry = TakeEntry(spec);
    if (!entry.text.empty() && !ParseLevel(entry.level)) return entry.text;
  }
  return "";
}

std::string_view Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

class CallbackSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit CallbackSink(std::function<void(std::string_view)> write) : write_(std::move(write)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    write_({line.data(), line.size()});
  }
  void flush_() override {}

  const std::function<void(std::string_view)> write_;
};

// Without a lock of its own while it writes: a thread must not wait for another's reader.
class StderrSink : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    {
      const std::lock_guard lock(formatter_mutex_);
      formatter_->format(message, line);
    }
    WriteToStderr({line.data(), line.size()});
  }
  void flush_() override {}

  std::mutex formatter_mutex_;
};

// What ConfigureLogs replaces.
class Output {
 public:
  explicit Output(const LogOptions& given)
      : options(given), json(given.json.value_or(Variable("GUARDC_LOG_FORMAT") == "json")) {}

  // Made for the first line: most processes never write one.
  spdlog::logger& Logger() const {
    std::call_once(once_, [this] {
      std::shared_ptr<spdlog::sinks::sink> sink;
      if (options.write) {
        sink = std::make_shared<CallbackSink>(options.write);
      } else {
        sink = std::make_shared<StderrSink>();
      }
      auto logger = std::make_unique<spdlog::logger>("guardc", std::move(sink));
      logger->set_level(spdlog::level::trace);
      logger->set_error_handler([](const std::string&) {});
      logger->set_pattern(json ? "{\"time\":\"%Y-%m-%dT%H:%M:%S.%e%z\",%v}" : "%Y-%m-%dT%H:%M:%S.%e %v");
      logger_ = std::move(logger);
    });
    return *logger_;
  }

  // The first entry whose level is none, and where it stands; "" where all are sound.
  std::string Problem() const {
    const std::string_view bad = BadEntry(options.levels ? *options.levels : Variable("GUARDC_LOG"));
    if (bad.empty()) return "";
    return std::string(options.levels ? "LogOptions::levels" : "GUARDC_LOG") + ": \"" +
           PrintableLine(bad, kLongestName) + "\" names no level and is ignored, expected one of " +
           "trace, debug, info, warn, error, off";
  }

  Level LevelOf(std::string_view name) const {
    if (options.levels) return LevelFromSpec(*options.levels, name);
    if (std::getenv("GUARDC_LOG") == nullptr && DebugNames(Variable("DEBUG"), name)) return Level::kDebug;
    return LevelFromSpec(Variable("GUARDC_LOG"), name);
  }

  const LogOptions options;
  const bool json;

 private:
  mutable std::once_flag once_;
  mutable std::unique_ptr<spdlog::logger> logger_;
};

// Never destroyed: threads may log while the process ends.
struct State {
  std::mutex mutex;
  std::set<Logger*> loggers;
  std::shared_ptr<const Output> output = std::make_shared<const Output>(LogOptions{});
  bool is_problem_told = false;  // of `output`
};

State& TheState() {
  static State& state = *new State;
  return state;
}

std::shared_ptr<const Output> CurrentOutput() {
  State& state = TheState();
  const std::lock_guard lock(state.mutex);
  return state.output;
}

std::string JsonFields(const std::string& name, std::optional<Level> level, const std::string& message,
                       const Context& context) {
  nlohmann::ordered_json fields;
  if (level) fields["level"] = LevelName(*level);
  fields["logger"] = name;
  if (!context.guard.empty()) fields["guard"] = PrintableLine(context.guard, kLongestName);
  if (!context.request_id.empty()) fields["request_id"] = PrintableLine(context.request_id, kLongestName);
  fields["message"] = message;
  const std::string object = fields.dump();
  return object.substr(1, object.size() - 2);
}

std::string TextFields(const std::string& name, std::optional<Level> level, const std::string& message,
                       const Context& context) {
  std::string line = name + " ";
  if (level) line += std::string(LevelName(*level)) + ": ";
  // A guard's own logger has its name already.
  const std::string guard = PrintableLine(context.guard, kLongestName);
  if (!guard.empty() && name != "guard:" + guard) line += "[" + guard + "] ";
  line += message;
  if (!context.request_id.empty()) line += " request=" + PrintableLine(context.request_id, kLongestName);
  return line;
}

void WriteLine(const Output& output, const std::string& name, std::optional<Level> level, std::string_view message,
               const Context& context) noexcept {
  try {
    const std::string text = PrintableLine(message, kLongestMessage);
    const std::string line =
        output.json ? JsonFields(name, level, text, context) : TextFields(name, level, text, context);
    output.Logger().log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
  } catch (const std::exception&) {
    // A line that cannot be written must not end a call.
  }
}

// Once for each output, whatever its levels are: who mistypes a level hears of it, not of nothing.
void TellProblem() {
  std::shared_ptr<const Output> output;
  {
    State& state = TheState();
    const std::lock_guard lock(state.mutex);
    if (std::exchange(state.is_problem_told, true)) return;
    output = state.output;
  }
  const std::string problem = output->Problem();
  if (!problem.empty()) WriteLine(*output, "base:log", Level::kWarn, problem, {});
}

}  // namespace

Logger::Logger(std::string name) : name_(std::move(name)), threshold_(Level::kWarn) {
  TellProblem();
  State& state = TheState();
  const std::lock_guard lock(state.mutex);
  set_threshold(state.output->LevelOf(name_));
  state.loggers.insert(this);
}

Logger::~Logger() {
  State& state = TheState();
  const std::lock_guard lock(state.mutex);
  state.loggers.erase(this);
}

void Logger::Write(std::optional<Level> level, std::string_view message, const Context& context) noexcept {
  if (!Enabled(level.value_or(Level::kInfo))) return;
  WriteLine(*CurrentOutput(), name_, level, message, context);
}

Level LevelFromSpec(std::string_view spec, std::string_view name) {
  Level level = Level::kWarn;
  while (!spec.empty()) {
    const SpecEntry entry = TakeEntry(spec);
    if (!entry.pattern || Matches(*entry.pattern, name)) level = ParseLevel(entry.level).value_or(level);
  }
  return level;
}

bool DebugNames(std::string_view patterns, std::string_view name) {
  bool named = false;
  while (!patterns.empty()) {
    const size_t end = patterns.find_first_of(", ");
    std::string_view pattern = patterns.substr(0, end);
    patterns.remove_prefix(end == std::string_view::npos ? patterns.size() : end + 1);
    const bool excludes = pattern.starts_with('-');
    if (excludes) pattern.remove_prefix(1);
    if (pattern.empty() || !Matches(pattern, name)) continue;
    if (excludes) return false;
    named = true;
  }
  return named;
}

std::string PrintableLine(std::string_view bytes, size_t limit) {
  constexpr char kHex[] = "0123456789abcdef";
  const bool cut = bytes.size() > limit;
  bytes = bytes.substr(0, limit);
  std::string line;
  line.reserve(bytes.size());
  while (!bytes.empty()) {
    const size_t length = Utf8Length(bytes);
    const auto byte = static_cast<uint8_t>(bytes[0]);
    if (length == 0 || (byte != '\t' && IsControl(bytes.substr(0, length)))) {
      line += "\\x";
      line += kHex[byte >> 4];
      line += kHex[byte & 15];
      bytes.remove_prefix(1);
    } else {
      line += bytes.substr(0, length);
      bytes.remove_prefix(length);
    }
  }
  if (cut) line += "...";
  return line;
}

}  // namespace guardc::log

namespace guardc {

void ConfigureLogs(const LogOptions& options) {
  auto output = std::make_shared<const log::Output>(options);
  {
    log::State& state = log::TheState();
    const std::lock_guard lock(state.mutex);
    for (log::Logger* logger : state.loggers) logger->set_threshold(output->LevelOf(logger->name()));
    state.output = std::move(output);
    state.is_problem_told = false;
  }
  log::TellProblem();
}

}  // namespace guardc
