// Log lines of the gateway's side itself, one logger per file, named component:file ("guard:registry"). On the host's
// stderr, never its stdout. Arguments and results of tools are never logged.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "guardc/guard.h"

namespace guardc::gateway {

// The level for a logger, from the environment: GUARDC_LOG (runtime/host/default_log.h), and where that is not set,
// DEBUG as the gateway has it: patterns separated by commas, `*` for any text, `-` in front of what is excluded; a
// logger that matches logs everything. Without either, warnings and errors.
LogLevel LevelFromEnvironment(std::string_view name);

// For tests: whether DEBUG=`patterns` names `name`.
bool DebugNames(std::string_view patterns, std::string_view name);

// Thread-safe. A line is text, or with GUARDC_LOG_FORMAT=json an object with time, level, logger, message and, where
// the caller gave one, request_id.
class ComponentLog {
 public:
  explicit ComponentLog(std::string name);
  ~ComponentLog();
  bool Enabled(LogLevel level) const { return level_ != LogLevel::kNone && level >= level_; }
  // Ask Enabled() before a message is made. Never throws.
  void Write(LogLevel level, std::string_view message, std::string_view request_id = {});

 private:
  struct Sink;
  const std::string name_;
  const LogLevel level_;
  const std::unique_ptr<Sink> sink_;
};

}  // namespace guardc::gateway
