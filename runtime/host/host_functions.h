// The imports that a guard (or a WASI command) may use, as a table, and the state that they work on.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "artifact/abi.h"
#include "artifact/host_imports.h"
#include "guardc/guard.h"
#include "guardc/result.h"
#include "guardc/types.h"
#include "runtime/memory/guest_memory.h"

namespace guardc {

// What a host function may ask of the call that it is part of. Implemented by the runtime's core.
class CallControl {
 public:
  virtual ~CallControl() = default;
  // Deadline passed or stop requested: the host function should return soon; the core ends the call afterwards.
  virtual bool Interrupted() const = 0;
  // Sleeps until `until` or until interrupted; false if interrupted.
  virtual bool SleepUntil(Clock::time_point until) = 0;
  // For handing on to call_backend.
  virtual CallOptions Options() const = 0;
  // After the embedder's own code has run: puts right what it did to this thread's signals, or says why it cannot.
  virtual Result<void> Resume() = 0;
};

// What a file descriptor of the guest is. There are never others than the three it starts with: nothing can be opened.
struct GuestStream {
  enum class Kind : uint8_t { kClosed, kStdin, kStdout, kStderr };
  Kind kind = Kind::kClosed;
  uint16_t flags = 0;  // fdflags, as set by fd_fdstat_set_flags
};

// For `--timing`: while `enabled`, the core adds the time that host functions take (two clock reads each).
struct HostTiming {
  bool enabled = false;
  uint64_t host_ns = 0;  // summed until the owner sets it back
  uint64_t call_ns = 0;  // of calls into the guest, host functions included: the guard layer's own sum
};

// State of one instance's host side. One thread at a time. A host function that wants to end the guest sets `exit_code`
// or `error` and returns TrapCode::kHostUnwind.
struct HostState {
  GuestMemory memory;              // empty until the instance exists: host functions then fail as for bad pointers
  CallControl* control = nullptr;  // during a call
  HostTiming timing;

  Backend backend;                  // call_backend
  uint32_t backend_calls_left = 0;  // reset by each label call
  GuardLog* log = nullptr;          // host_log; not owned
  Writer stdout_writer;
  Writer stderr_writer;
  // By file descriptor; fd_close and fd_renumber change it.
  std::array<GuestStream, 3> streams = {
      {{GuestStream::Kind::kStdin}, {GuestStream::Kind::kStdout}, {GuestStream::Kind::kStderr}}};
  bool sleep_really = true;
  std::vector<std::string> args;  // WASI arguments, argv[0] included; none for guards
  std::vector<std::string> env;   // "KEY=VALUE"; none for guards

  std::optional<uint32_t> exit_code;  // proc_exit
  std::optional<Error> error;         // why a host function ended the call
};

// `env` of the VmHostFunc is the HostState.
struct HostFunctionDef {
  const HostImport* import;
  abi::HostFn fn;
};

// The code behind each of HostImports(). Nullopt where no host function has this name.
std::optional<HostFunctionDef> FindHostFunction(std::string_view module, std::string_view name);

// For use inside host functions: the state behind `self`.
inline HostState& StateOf(void* self) { return *static_cast<HostState*>(static_cast<abi::VmHostFunc*>(self)->env); }

}  // namespace guardc
