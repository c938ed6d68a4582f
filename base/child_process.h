// One program run to its end: never a shell, bounded in time and in what is kept of its output, and nothing left
// behind, whatever this process does with its own children and signals.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "guardc/call.h"
#include "guardc/result.h"

namespace guardc {

struct ChildRequest {
  std::filesystem::path program;       // run as it is; PATH is not searched
  std::vector<std::string> arguments;  // without the program's own name
  int stdin_fd = -1;                   // above 2, or -1: /dev/null. No other descriptor of ours is passed on
  size_t output_limit = 1 << 20;       // bytes kept of stdout and of stderr each; the rest is read and dropped
  CallOptions bounds;                  // deadline and stop: then it is killed
};

struct ChildEnd {
  enum class How : uint8_t {
    kExited,    // `code` is the exit code
    kSignaled,  // `code` is the signal
    kUnknown,   // somebody else in this process reaped it, or SIGCHLD is ignored
  };
  How how = How::kUnknown;
  int code = 0;
  std::string out;
  std::string err;
};

// Starts the program with our environment, no signal blocked and every signal at its default, and waits for it. kIo
// where it cannot be started; kCancelled and kDeadline after it was killed and reaped.
[[nodiscard]] Result<ChildEnd> RunChild(const ChildRequest& request);

}  // namespace guardc
