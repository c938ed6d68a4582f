// The process's stderr, for log lines and for what guests write. It belongs to the host, and who reads it may be gone
// or may have stopped reading: neither ends the process nor holds a call. What does not go out is dropped and counted;
// the logger base:stderr tells of it once when it begins (where logs go elsewhere) and once when stderr takes bytes
// again.
#pragma once

#include <chrono>
#include <functional>
#include <string_view>

namespace guardc {

// How long one write waits for a reader who does not read, where nothing else ends it. Once that time has passed, no
// write waits until one has gone out.
inline constexpr std::chrono::milliseconds kStderrPatience{100};

// Thread-safe; never throws.
void WriteToStderr(std::string_view bytes, std::chrono::milliseconds patience = kStderrPatience) noexcept;

// While it lives, what this thread writes to stderr also stops waiting once `may_wait` answers false: the bound of the
// call that writes.
class StderrBound {
 public:
  explicit StderrBound(std::function<bool()> may_wait);
  ~StderrBound();
  StderrBound(const StderrBound&) = delete;
  StderrBound& operator=(const StderrBound&) = delete;

 private:
  friend bool StderrMayWait();
  const std::function<bool()> may_wait_;
  const StderrBound* const outer_;
};

}  // namespace guardc
