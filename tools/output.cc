#include "tools/output.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/format.h"
#include "base/log.h"
#include "base/stderr.h"
#include "guardc/trap.h"
#include "tools/command.h"

namespace guardc::cli {
namespace {

using nlohmann::ordered_json;

constexpr size_t kLongestMessage = 4096;

// The width of a column is counted in code points; names from modules are UTF-8.
size_t Width(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string Bold(std::string_view text, const char* colour) {
  if (!UseColour(STDERR_FILENO)) return std::string(text);
  return std::string("\x1b[1;") + colour + "m" + std::string(text) + "\x1b[0m";
}

std::string_view DefaultHint(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kUntrusted:
      return "use a cache directory that belongs to you or to root and that nobody else may write to (--cache-dir)";
    case ErrorKind::kCorruptArtifact:
      return "`guardc compile` replaces a damaged artifact; `guardc cache verify` finds others";
    case ErrorKind::kIncompatibleArtifact:
      return "compile the module again on this machine, or for its CPU (--cpu, --target)";
    case ErrorKind::kOutOfMemory:
      if (!error.message.contains("address space")) return {};
      return "a memory reserves 8 GiB of address space; where that is short (ulimit -v), compile with --bounds-checks";
    default:
      return {};
  }
}

// Recursion fills a backtrace with one function: of a run of its frames the first ones are shown, and how many follow.
std::string FormatBacktrace(const ErrorDetails& details) {
  std::string out;
  constexpr size_t kShownOfRun = 3;
  const std::vector<Frame>& frames = details.backtrace;
  size_t run = 0;  // frames of the same call site so far
  for (size_t i = 0; i < frames.size(); ++i) {
    const Frame& frame = frames[i];
    const auto same = [&](size_t other) {
      return frames[other].function_index == frame.function_index && frames[other].code_offset == frame.code_offset;
    };
    run = i > 0 && same(i - 1) ? run + 1 : 1;
    if (run > kShownOfRun) {
      const bool is_last = i + 1 == frames.size() || !same(i + 1);
      if (is_last) out += Format("      ... and {} more of the same\n", run - kShownOfRun);
      continue;
    }
    out += Format("  {:2}: {} (func[{}], wasm offset {:#x}, code +{:#x})\n", i, PrintableName(frame.function_name),
                  frame.function_index, frame.module_offset, frame.code_offset);
  }
  return out;
}

}  // namespace

bool UseColour(int fd) {
  if (isatty(fd) == 0) return false;
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* term = std::getenv("TERM");
  return term != nullptr && std::string_view(term) != "dumb";
}

void WriteMessage(std::string_view text) { WriteToStderr(text, std::chrono::seconds(2)); }

bool WriteStdout(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

int Finish(std::string_view result, int exit_code) {
  if (WriteStdout(result)) return exit_code;
  return ReportError(Error(ErrorKind::kIo, std::string("cannot write to stdout: ") + std::strerror(errno)), false);
}

int EndProcess(int exit_code) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  std::fflush(nullptr);
  _exit(exit_code);
#endif
  return exit_code;
}

int FinishJson(const ordered_json& result, int exit_code) { return Finish(ToText(result), exit_code); }

ordered_json ErrorToJson(const Error& error, std::string_view hint) {
  ordered_json out = {{"kind", ErrorKindName(error.kind)}, {"message", error.message}};
  const ErrorDetails& details = error.details();
  if (details.trap != TrapCode::kNone) out["trap"] = TrapName(details.trap);
  if (!details.backtrace.empty()) {
    ordered_json& frames = out["backtrace"] = ordered_json::array();
    for (const Frame& frame : details.backtrace) {
      frames.push_back({{"function", frame.function_name},
                        {"function_index", frame.function_index},
                        {"module_offset", frame.module_offset},
                        {"code_offset", frame.code_offset}});
    }
  }
  if (details.exit_code) out["exit_code"] = *details.exit_code;
  if (details.guard_code) out["guard_code"] = *details.guard_code;
  if (details.needed_size) out["needed_size"] = *details.needed_size;
  if (details.limit) out["limit"] = *details.limit;
  if (details.module_offset) out["module_offset"] = *details.module_offset;
  if (!details.key.empty()) out["key"] = details.key;
  if (details.cause) out["cause"] = ErrorToJson(*details.cause);
  if (hint.empty()) hint = DefaultHint(error);
  if (!hint.empty()) out["hint"] = hint;
  return out;
}

void ReportWarning(std::string_view text) {
  WriteMessage(Bold("warning:", "33") + " " + log::PrintableLine(text, kLongestMessage) + "\n");
}

int ReportError(const Error& error, bool json, std::string_view hint) {
  std::string text = Bold("error:", "31") + " " + log::PrintableLine(error.message, kLongestMessage) + "\n" +
                     FormatBacktrace(error.details());
  if (hint.empty()) hint = DefaultHint(error);
  if (!hint.empty()) text += Bold("hint:", "36") + " " + std::string(hint) + "\n";
  WriteMessage(text);
  if (json) WriteStdout(ToText({{"error", ErrorToJson(error, hint)}}));
  return kFailed;
}

std::string PrintableName(std::string_view name) {
  constexpr size_t kLongest = 256;
  return log::PrintableLine(name, kLongest);
}

std::string ToText(const ordered_json& value) {
  return value.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

std::string FormatSize(uint64_t bytes) {
  static constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, value < 10 ? "%.1f %s" : "%.0f %s", value, kUnits[unit]);
  return text;
}

std::string FormatNanoseconds(uint64_t nanoseconds) {
  const auto value = static_cast<double>(nanoseconds);
  char text[32];
  if (value < 1e6) {
    std::snprintf(text, sizeof text, "%.2f µs", value / 1e3);
  } else if (value < 1e9) {
    std::snprintf(text, sizeof text, "%.2f ms", value / 1e6);
  } else {
    std::snprintf(text, sizeof text, "%.2f s", value / 1e9);
  }
  return text;
}

std::string FormatTable(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string out;
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      out += row[i];
      if (i + 1 < row.size()) out.append(widths[i] - Width(row[i]) + 2, ' ');
    }
    out += '\n';
  }
  return out;
}

}  // namespace guardc::cli
