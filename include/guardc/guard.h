// Guard: one instance of a guard module, asked for labels. Text in, text out; guardc/label.h gives typed answers.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "guardc/call.h"
#include "guardc/module.h"
#include "guardc/result.h"

namespace guardc {

enum class LogLevel : uint8_t { kDebug = 0, kInfo = 1, kWarn = 2, kError = 3, kNone = 4 };

// Where a guard's own log lines go. Called on the thread that runs the guard, also from within `alloc`; must not throw.
class GuardLog {
 public:
  virtual ~GuardLog() = default;
  // Asked before the text is even looked at: guards log hundreds of lines a call. kNone: a line without a level.
  virtual bool Enabled(LogLevel level) const = 0;
  // `message` is the guest's bytes, not necessarily UTF-8; valid during the call only.
  virtual void Log(LogLevel level, std::string_view message, std::string_view request_id) = 0;
};

// What `env.call_backend` reaches. Called on the thread that runs the guard; should return soon after `call.stop` is
// requested. `args_json` is one JSON text, checked and as the guard wrote it; "null" where it gave none. Answers JSON
// text, or an error, which the guest sees as -1.
using Backend =
    std::function<Result<std::string>(std::string_view tool, std::string_view args_json, const CallOptions& call)>;

// stdout or stderr of the guest. Must not throw.
using Writer = std::function<void(std::string_view bytes)>;

class Lesson;

// What follows a trap, a nonzero exit or an interruption, which end an instance for good (docs/guard-abi.md, 2).
class AfterFailure {
 public:
  // The guard is out of use: every later call fails with kInstanceFailed.
  static const AfterFailure kStayPoisoned;
  // The next call makes a fresh instance from the loaded module, under its own bounds, and repeats label_agent with the
  // last policy that the guard took (one that failed taught nothing); what else the guard had learnt is gone. Where
  // that cannot be done, or the fresh instance answers the policy otherwise than the first did, the guard is out of use
  // as above. A deadline, a stop or a lack of memory on the way is that call's error alone: the next one tries again.
  // Reads answers of guards, and so is in the library guardc::guardc alone; the rest of this header is in
  // guardc::guard.
  static const AfterFailure kReplace;

  bool operator==(const AfterFailure&) const = default;

 private:
  friend class Guard;
  using LearnFn = std::shared_ptr<const Lesson> (*)(std::string_view policy, std::string answer);
  explicit constexpr AfterFailure(LearnFn learn) : learn_(learn) {}
  LearnFn learn_;  // null: nothing is replaced, so that nothing need be known
};

struct GuardOptions {
  std::string name = "guard";                       // in logs and errors
  uint32_t memory_cap_pages = 512;                  // of 64 KiB, all memories; memory.grow past it answers -1
  uint32_t table_cap = 1'000'000;                   // elements of 8 bytes, all tables; table.grow past it answers -1
  uint32_t backend_call_limit = 50;                 // per label call; failures and retries count
  uint64_t stack_size = uint64_t{1} << 20;          // bytes of guest stack
  uint64_t input_limit = uint64_t{8} << 20;         // bytes of JSON
  uint64_t output_initial = uint64_t{4} << 20;      // bytes offered first
  uint64_t output_limit = uint64_t{16} << 20;       // bytes offered at most
  std::optional<std::chrono::nanoseconds> timeout;  // for calls that bring no deadline
  AfterFailure after_failure = AfterFailure::kStayPoisoned;
  bool sleep_really = true;       // false: a guest's poll_oneoff on a clock returns at once
  Backend backend;                // empty: call_backend answers -1
  std::shared_ptr<GuardLog> log;  // null: lines go to the project's logger "guard:<name>" (stderr)
  Writer stdout_writer;           // empty: the host's stderr (stdout carries the MCP stream)
  Writer stderr_writer;           // empty: the host's stderr
};

enum class LabelFunction : uint8_t { kAgent, kResource, kResponse };

// "label_agent" ...
std::string_view LabelFunctionName(LabelFunction function);

// How the time of the last call divides, in nanoseconds.
struct CallTiming {
  uint64_t total = 0;
  uint64_t guest = 0;           // in generated code, host functions excluded
  uint64_t host_functions = 0;  // call_backend, host_log, WASI
};

// Thread-safe: calls are serialised, later callers queue (and leave the queue at their deadline).
class Guard {
 public:
  // Checks the guard ABI again (the artifact may come from elsewhere), links the imports, instantiates, and calls
  // `_initialize` where there is one; never `_start`.
  [[nodiscard]] static Result<std::shared_ptr<Guard>> Create(std::shared_ptr<const Module> module,
                                                             GuardOptions options = {});
  ~Guard();
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  // One label call with the whole buffer protocol (docs/guard-abi.md, 2): the answer's bytes, "" where the guard wrote
  // none. kTrap, kExit, kGuardError, kBufferProtocol, kLimit, kInstanceFailed, kCancelled, kDeadline, kClosed.
  [[nodiscard]] Result<std::string> Call(LabelFunction function, std::string_view input_json,
                                         const CallOptions& call = {});

  // False once a trap, a nonzero exit or an interruption has put the guard out of use.
  bool healthy() const;
  const std::string& name() const;
  const Module& module() const;
  // Of the last call that ended; zero unless EnableTiming(true) came before it (two clock reads per host call).
  void EnableTiming(bool on);
  CallTiming last_timing() const;

  // Waits for the running call, then releases the instance; later calls fail with kClosed. May be called twice.
  Result<void> Close();

 private:
  class Impl;
  explicit Guard(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace guardc
