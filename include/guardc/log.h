// What guardc itself has to say, and the lines of guards whose owner gave no log of its own: which of it is written,
// how and where to. docs/logs.md lists the loggers.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace guardc {

struct LogOptions {
  // Entries separated by commas: LEVEL for every logger, or PATTERN=LEVEL for those whose name it matches (`*` is any
  // text); the last entry that matches counts. Levels are trace, debug, info, warn, error and off; an entry
  // with another is ignored, and a line of the logger base:log says so. nullopt: $GUARDC_LOG,
  // else $DEBUG (patterns separated by commas, `-` before one excludes; what matches is at debug), else warn. Tools'
  // arguments, results and labels are written at trace only.
  std::optional<std::string> levels;
  // One JSON object a line: time, level, logger, guard, request_id, message. nullopt: $GUARDC_LOG_FORMAT=json.
  std::optional<bool> json;
  // Gets each line, its line break included; one at a time, on the thread that writes it. Must not throw, nor make
  // guardc log. Empty: the process's stderr (see StderrLoss()); never its stdout, which may carry the MCP stream.
  std::function<void(std::string_view line)> write;
};

// Replaces what held before, for loggers that are there and for later ones. Before the first call: LogOptions{}.
// Thread-safe.
void ConfigureLogs(const LogOptions& options);

// What guardc has to write to the process's stderr (log lines, and the output of guards that have no writers of their
// own) and could not, since nobody reads it: dropped, so that a full pipe holds no call beyond its bound, nor any for
// more than a tenth of a second, and a pipe without a reader raises no SIGPIPE. Counted from the start of the process;
// an error line of the logger base:stderr tells of each stretch once. Thread-safe.
struct OutputLoss {
  uint64_t writes = 0;
  uint64_t bytes = 0;
};
OutputLoss StderrLoss();

}  // namespace guardc
