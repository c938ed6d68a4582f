#include "tools/call_inputs.h"

#include <unistd.h>

#include <cstdio>
#include <map>
#include <utility>

#include "base/file.h"
#include "base/json_check.h"
#include "base/log.h"
#include "base/stderr.h"
#include "gateway/json/json_text.h"

namespace guardc::cli {
namespace {

constexpr uint64_t kInputLimit = uint64_t{256} << 20;  // bytes; the guard's own limit is far below
constexpr size_t kLongestLine = 16 * 1024;             // bytes of what a guest says

class StderrLog : public GuardLog {
 public:
  StderrLog(std::string guard, int verbose) : guard_(std::move(guard)), verbose_(verbose) {}

  bool Enabled(LogLevel level) const override {
    switch (level) {
      case LogLevel::kError:
      case LogLevel::kWarn:
        return true;
      case LogLevel::kInfo:
      case LogLevel::kNone:
        return verbose_ >= 1;
      case LogLevel::kDebug:
        return verbose_ >= 2;
    }
    return true;
  }

  void Log(LogLevel level, std::string_view message, std::string_view) override {
    static constexpr const char* kNames[] = {"debug: ", "info: ", "warning: ", "error: ", ""};
    const auto index = static_cast<size_t>(level);
    const std::string name = index < std::size(kNames) ? kNames[index] : "";
    WriteToStderr("[" + guard_ + "] " + name + log::PrintableLine(message, kLongestLine) + "\n");
  }

 private:
  std::string guard_;
  int verbose_;
};

Result<std::string> ReadFileOrStdin(const std::string& path) {
  return path == "-" ? ReadAll(STDIN_FILENO, "stdin", kInputLimit) : ReadTextFile(path, kInputLimit);
}

std::string NameOf(const std::string& path) { return path == "-" ? "stdin" : "'" + path + "'"; }

}  // namespace

Result<std::string> ReadJsonText(const std::string& path) {
  GUARDC_TRY(std::string text, ReadFileOrStdin(path));
  GUARDC_CHECK(CheckJson(text, NameOf(path)));
  return text;
}

std::shared_ptr<GuardLog> MakeStderrLog(std::string guard, int verbose) {
  return std::make_shared<StderrLog>(std::move(guard), verbose);
}

Result<Backend> MakeFileBackend(const std::string& path, int verbose) {
  GUARDC_TRY(std::string text, ReadFileOrStdin(path));
  GUARDC_TRY(const auto parsed, gateway::JsonText::Parse(std::move(text), NameOf(path)));
  const gateway::JsonValue root = parsed->root();
  if (!root.Is(gateway::JsonType::kObject)) {
    return Fail(ErrorKind::kInvalidArgument, "the backend file '" + path + "' holds " +
                                                 std::string(gateway::JsonTypeName(root.type())) +
                                                 ", expected an object that maps tool names to answers");
  }
  std::map<std::string, std::string, std::less<>> answers;  // as they were written
  for (auto it = root.begin(); it != root.end(); ++it) {
    GUARDC_TRY(std::string tool, (*it).String());
    answers[std::move(tool)] = std::string((*++it).raw());
  }
  return Backend([answers = std::move(answers), verbose](std::string_view tool, std::string_view args_json,
                                                         const CallOptions&) -> Result<std::string> {
    const auto found = answers.find(tool);
    if (verbose >= 2) {
      const std::string call = std::string(tool) + "(" + std::string(args_json) + ")";
      WriteToStderr("[backend] " + log::PrintableLine(call, kLongestLine) +
                    (found == answers.end() ? ": no answer\n" : ": answered\n"));
    }
    if (found == answers.end()) {
      return Fail(ErrorKind::kBackend, "the backend file has no answer for the tool '" + std::string(tool) + "'");
    }
    return found->second;
  });
}

}  // namespace guardc::cli
