#include "runtime/host/default_log.h"

#include <optional>
#include <string>

#include "base/log.h"

namespace guardc {
namespace {

std::optional<log::Level> LevelOf(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return log::Level::kDebug;
    case LogLevel::kInfo:
      return log::Level::kInfo;
    case LogLevel::kWarn:
      return log::Level::kWarn;
    case LogLevel::kError:
      return log::Level::kError;
    case LogLevel::kNone:
      break;
  }
  return std::nullopt;
}

class DefaultLog : public GuardLog {
 public:
  explicit DefaultLog(std::string_view guard_name) : guard_(guard_name), logger_("guard:" + log::PrintableLine(guard_name, 256)) {}

  bool Enabled(LogLevel level) const override {
    return logger_.Enabled(LevelOf(level).value_or(log::Level::kInfo));
  }

  void Log(LogLevel level, std::string_view message, std::string_view request_id) override {
    logger_.Write(LevelOf(level), message, {.guard = guard_, .request_id = request_id});
  }

 private:
  const std::string guard_;
  log::Logger logger_;
};

}  // namespace

std::shared_ptr<GuardLog> MakeDefaultGuardLog(std::string_view guard_name) {
  return std::make_shared<DefaultLog>(guard_name);
}

}  // namespace guardc
