#include "runtime/gateway/component_log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <cstdlib>
#include <exception>

#include "runtime/gateway/json_text.h"
#include "runtime/host/default_log.h"

namespace guardc::gateway {
namespace {

constexpr size_t kLongestLine = 4000;  // bytes; names and reasons come from guests

// `*` stands for any text, anywhere. The pattern is the operator's.
bool Matches(std::string_view pattern, std::string_view name) {
  size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  name.remove_prefix(star);
  pattern.remove_prefix(star + 1);
  for (size_t skip = 0; skip <= name.size(); ++skip) {
    if (Matches(pattern, name.substr(skip))) return true;
  }
  return false;
}

std::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
    case LogLevel::kNone:
      break;
  }
  return "error";
}

bool WantsJson() {
  const char* format = std::getenv("GUARDC_LOG_FORMAT");
  return format != nullptr && std::string_view(format) == "json";
}

}  // namespace

bool DebugNames(std::string_view patterns, std::string_view name) {
  bool named = false;
  while (!patterns.empty()) {
    size_t end = patterns.find_first_of(", ");
    std::string_view pattern = patterns.substr(0, end);
    patterns.remove_prefix(end == std::string_view::npos ? patterns.size() : end + 1);
    bool excludes = pattern.starts_with('-');
    if (excludes) pattern.remove_prefix(1);
    if (pattern.empty() || !Matches(pattern, name)) continue;
    if (excludes) return false;
    named = true;
  }
  return named;
}

LogLevel LevelFromEnvironment(std::string_view name) {
  const char* spec = std::getenv("GUARDC_LOG");
  const char* debug = std::getenv("DEBUG");
  if (spec == nullptr && debug != nullptr && DebugNames(debug, name)) return LogLevel::kDebug;
  return LevelFromSpec(spec == nullptr ? "" : spec, name);
}

// Not in spdlog's registry: its names and levels belong to the embedder.
struct ComponentLog::Sink {
  explicit Sink(const std::string& name)
      : logger(name, std::make_shared<spdlog::sinks::stderr_sink_mt>()), json(WantsJson()) {
    logger.set_level(spdlog::level::trace);
    logger.set_pattern(json ? "{\"time\":\"%Y-%m-%dT%H:%M:%S.%e%z\",%v}" : "%Y-%m-%dT%H:%M:%S.%e %n %v");
    logger.set_error_handler([](const std::string&) {});
  }
  spdlog::logger logger;
  const bool json;
};

ComponentLog::ComponentLog(std::string name)
    : name_(std::move(name)), level_(LevelFromEnvironment(name_)), sink_(std::make_unique<Sink>(name_)) {}

ComponentLog::~ComponentLog() = default;

void ComponentLog::Write(LogLevel level, std::string_view message, std::string_view request_id) {
  if (!Enabled(level)) return;
  try {
    const std::string text = PrintableLine(message, kLongestLine);
    const std::string request = PrintableLine(request_id, kLongestLine);
    std::string line;
    if (sink_->json) {
      line = "\"level\":\"" + std::string(LevelName(level)) + "\",\"logger\":";
      AppendJsonString(line, name_);
      if (!request.empty()) {
        line += ",\"request_id\":";
        AppendJsonString(line, request);
      }
      line += ",\"message\":";
      AppendJsonString(line, text);
    } else {
      line = std::string(LevelName(level)) + ": " + (request.empty() ? "" : "[" + request + "] ") + text;
    }
    sink_->logger.info(spdlog::string_view_t(line.data(), line.size()));
  } catch (const std::exception&) {
    // A line that cannot be written must not end a call.
  }
}

}  // namespace guardc::gateway
