#include "runtime/host/default_log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <cstdlib>
#include <mutex>
#include <optional>

namespace guardc {
namespace {

constexpr size_t kLongestLine = 16 * 1024;  // bytes of the guest's

std::optional<LogLevel> ParseLevel(std::string_view text) {
  if (text == "trace" || text == "debug") return LogLevel::kDebug;
  if (text == "info") return LogLevel::kInfo;
  if (text == "warn" || text == "warning") return LogLevel::kWarn;
  if (text == "error") return LogLevel::kError;
  if (text == "off" || text == "none") return LogLevel::kNone;
  return std::nullopt;
}

bool Matches(std::string_view pattern, std::string_view name) {
  if (pattern.ends_with('*')) return name.starts_with(pattern.substr(0, pattern.size() - 1));
  return pattern == name;
}

std::string_view LevelWord(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug: ";
    case LogLevel::kInfo:
      return "info: ";
    case LogLevel::kWarn:
      return "warn: ";
    case LogLevel::kError:
      return "error: ";
    case LogLevel::kNone:
      break;
  }
  return "";
}

// The length of the well-formed UTF-8 sequence at the start of `bytes`, 0 where there is none (RFC 3629).
size_t Utf8Length(std::string_view bytes) {
  const auto at = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  const uint8_t lead = at(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || bytes.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
  }
  const bool overlong = (lead == 0xe0 && at(1) < 0xa0) || (lead == 0xf0 && at(1) < 0x90);
  const bool surrogate = lead == 0xed && at(1) >= 0xa0;
  const bool too_large = lead == 0xf4 && at(1) >= 0x90;
  return overlong || surrogate || too_large ? 0 : length;
}

class DefaultLog : public GuardLog {
 public:
  explicit DefaultLog(std::string_view guard_name) : name_("guard:" + std::string(guard_name)) {
    const char* spec = std::getenv("GUARDC_LOG");
    threshold_ = LevelFromSpec(spec == nullptr ? "" : spec, name_);
  }

  // A line without a level counts as information.
  bool Enabled(LogLevel level) const override {
    return threshold_ != LogLevel::kNone && (level == LogLevel::kNone ? LogLevel::kInfo : level) >= threshold_;
  }

  void Log(LogLevel level, std::string_view message, std::string_view request_id) override {
    std::call_once(once_, [this] {
      // Not in spdlog's registry: its names and levels belong to the embedder. The level is part of the text, since a
      // guard's line may have none.
      logger_ = std::make_unique<spdlog::logger>(name_, std::make_shared<spdlog::sinks::stderr_sink_mt>());
      logger_->set_pattern("%Y-%m-%dT%H:%M:%S.%e %n %v");
      logger_->set_level(spdlog::level::trace);
    });
    std::string line(LevelWord(level));
    line += PrintableLine(message, kLongestLine);
    if (!request_id.empty()) line += " request=" + PrintableLine(request_id, kLongestLine);
    logger_->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
  }

 private:
  const std::string name_;
  LogLevel threshold_ = LogLevel::kWarn;
  std::once_flag once_;  // most guards of a quiet gateway never log: no sink for them
  std::unique_ptr<spdlog::logger> logger_;
};

}  // namespace

std::shared_ptr<GuardLog> MakeDefaultGuardLog(std::string_view guard_name) {
  return std::make_shared<DefaultLog>(guard_name);
}

LogLevel LevelFromSpec(std::string_view spec, std::string_view name) {
  LogLevel level = LogLevel::kWarn;
  while (!spec.empty()) {
    const size_t comma = spec.find(',');
    const std::string_view entry = spec.substr(0, comma);
    spec.remove_prefix(comma == std::string_view::npos ? spec.size() : comma + 1);
    const size_t equals = entry.find('=');
    const bool has_pattern = equals != std::string_view::npos;
    if (has_pattern && !Matches(entry.substr(0, equals), name)) continue;
    level = ParseLevel(has_pattern ? entry.substr(equals + 1) : entry).value_or(level);
  }
  return level;
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
    const bool is_control = (byte < 0x20 && byte != '\t') || byte == 0x7f ||
                            (length == 2 && byte == 0xc2 && static_cast<uint8_t>(bytes[1]) < 0xa0);  // C1
    if (length == 0 || is_control) {
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

}  // namespace guardc
