#include "compiler/tool/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/format.h"
#include "tools/output.h"

namespace guardc::compiler_tool {
namespace {

using std::chrono::milliseconds;

constexpr auto kRedraw = milliseconds(100);
constexpr auto kLong = milliseconds(2000);

bool IsTerminal() {
  const char* term = std::getenv("TERM");
  return isatty(STDERR_FILENO) != 0 && term != nullptr && std::string_view(term) != "dumb";
}

// A line that is longer would be wrapped, and not be wiped out again.
std::string CutToTerminal(const std::string& line) {
  winsize size = {};
  const bool is_known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  size_t columns = is_known ? size.ws_col - 1U : 79;
  size_t end = 0;
  for (; end < line.size(); ++end) {
    const bool starts_character = (line[end] & 0xc0) != 0x80;
    if (starts_character && columns-- == 0) break;
  }
  return line.substr(0, end);
}

}  // namespace

Progress::Progress(std::string guard, size_t index, size_t count, bool is_shown)
    : guard_(cli::PrintableName(guard)),
      position_(count > 1 ? Format("{}/{} ", index + 1, count) : ""),
      is_terminal_(IsTerminal()) {
  if (!is_shown) return;
  try {
    thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
  } catch (const std::system_error&) {
    // Then nothing is shown.
  }
}

Progress::~Progress() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  if (is_terminal_) cli::WriteMessage("\r\x1b[K");
}

std::function<void(size_t, size_t)> Progress::Listener() {
  return [this](size_t done, size_t count) {
    const std::lock_guard lock(mutex_);
    // Threads may come here in another order than they counted.
    done_ = std::max(done_, done);
    chunks_ = count;
  };
}

double Progress::Seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

std::string Progress::Line() const {
  constexpr size_t kWidth = 20;
  const size_t filled = chunks_ == 0 ? 0 : kWidth * done_ / chunks_;
  const std::string chunks = chunks_ == 0 ? "" : Format("{}/{} chunks, ", done_, chunks_);
  return Format("[{:<{}}] {}{:.1f} s  {}{}", std::string(filled, '='), kWidth, chunks, Seconds(), position_, guard_);
}

void Progress::Run(const std::stop_token& stop) {
  const auto never = [] { return false; };
  std::unique_lock lock(mutex_);
  if (!is_terminal_) {
    changed_.wait_for(lock, stop, kLong, never);
    if (stop.stop_requested()) return;
    const std::string chunks = chunks_ == 0 ? "" : Format(", {} of {} chunks done", done_, chunks_);
    cli::WriteMessage(Format("compiling {}{}: {:.1f} s so far{}\n", position_, guard_, Seconds(), chunks));
    return;
  }
  while (!stop.stop_requested()) {
    cli::WriteMessage("\r" + CutToTerminal(Line()) + "\x1b[K");
    changed_.wait_for(lock, stop, kRedraw, never);
  }
}

}  // namespace guardc::compiler_tool
