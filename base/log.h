// Loggers: one per file, named component:file ("guard:registry"). guardc/log.h says who is heard and where.
//
//   log::Logger& RegistryLog() {
//     static log::Logger& log = log::Logger::Make("guard:registry");
//     return log;
//   }
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace guardc::log {

enum class Level : uint8_t { kTrace, kDebug, kInfo, kWarn, kError, kOff };

// Who a line is about; either may be empty.
struct Context {
  std::string_view guard;
  std::string_view request_id;
};

// Thread-safe.
class Logger {
 public:
  explicit Logger(std::string name);
  ~Logger();
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;
  // One that lives as long as the process: threads may log while it ends.
  static Logger& Make(std::string name) { return *new Logger(std::move(name)); }

  const std::string& name() const { return name_; }
  // Ask before a message is made.
  bool Enabled(Level level) const { return level >= threshold_.load(std::memory_order_relaxed); }
  // One line, whatever is in `message`; long ones are cut. nullopt: a line without a level, which counts as kInfo.
  // Never throws.
  void Write(std::optional<Level> level, std::string_view message, const Context& context = {}) noexcept;

  // For log.cc: what ConfigureLogs changes.
  void set_threshold(Level level) { threshold_.store(level, std::memory_order_relaxed); }

 private:
  const std::string name_;
  std::atomic<Level> threshold_;
};

// `bytes` as one line that cannot pass for another, nor move a terminal's cursor: control characters and what is not
// UTF-8 as \xNN, and no more than `limit` of the bytes.
std::string PrintableLine(std::string_view bytes, size_t limit);

// For tests: the level of the logger `name` under LogOptions::levels, and under $DEBUG where that names it.
Level LevelFromSpec(std::string_view spec, std::string_view name);
bool DebugNames(std::string_view patterns, std::string_view name);

}  // namespace guardc::log
