#include "tools/call_inputs.h"

#include <unistd.h>

#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/file.h"
#include "base/log.h"

namespace guardc::cli {
namespace {

using nlohmann::json;

constexpr uint64_t kInputLimit = uint64_t{256} << 20;  // bytes; the guard's own limit is far below

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
    std::fprintf(stderr, "[%s] %s%s\n", guard_.c_str(), index < std::size(kNames) ? kNames[index] : "",
                 log::PrintableLine(message, kLongestMessage).c_str());
  }

 private:
  static constexpr size_t kLongestMessage = 16 * 1024;

  std::string guard_;
  int verbose_;
};

Result<std::string> ReadFileOrStdin(const std::string& path) {
  return path == "-" ? ReadAll(STDIN_FILENO, "stdin", kInputLimit) : ReadTextFile(path, kInputLimit);
}

Result<json> ParseJson(const std::string& text, const std::string& path) {
  try {
    return json::parse(text);
  } catch (const json::parse_error& error) {
    // nlohmann's text begins with "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
    const std::string_view what = error.what();
    const size_t start = what.find("parse error");
    return Fail(ErrorKind::kInvalidArgument,
                (path == "-" ? "stdin" : "'" + path + "'") +
                    " is not JSON: " + std::string(start == std::string_view::npos ? what : what.substr(start)));
  }
}

}  // namespace

Result<std::string> ReadJsonText(const std::string& path) {
  GUARDC_TRY(std::string text, ReadFileOrStdin(path));
  // accept() builds nothing; only a text that is wrong is parsed again, for its message.
  if (!json::accept(text)) {
    GUARDC_CHECK(ParseJson(text, path));
  }
  return text;
}

std::shared_ptr<GuardLog> MakeStderrLog(std::string guard, int verbose) {
  return std::make_shared<StderrLog>(std::move(guard), verbose);
}

Result<Backend> MakeFileBackend(const std::string& path, int verbose) {
  GUARDC_TRY(const std::string text, ReadFileOrStdin(path));
  GUARDC_TRY(const json root, ParseJson(text, path));
  if (!root.is_object()) {
    return Fail(ErrorKind::kInvalidArgument, "the backend file '" + path + "' holds a JSON " + root.type_name() +
                                                 ", not an object that maps tool names to answers");
  }
  std::map<std::string, std::string, std::less<>> answers;
  for (const auto& [tool, answer] : root.items()) answers[tool] = answer.dump();
  return Backend([answers = std::move(answers), verbose](std::string_view tool, std::string_view args_json,
                                                         const CallOptions&) -> Result<std::string> {
    const auto found = answers.find(tool);
    if (verbose >= 2) {
      std::fprintf(stderr, "[backend] %.*s(%.*s): %s\n", static_cast<int>(tool.size()), tool.data(),
                   static_cast<int>(args_json.size()), args_json.data(),
                   found == answers.end() ? "no answer" : "answered");
    }
    if (found == answers.end()) {
      return Fail(ErrorKind::kBackend, "the backend file has no answer for the tool '" + std::string(tool) + "'");
    }
    return found->second;
  });
}

}  // namespace guardc::cli
