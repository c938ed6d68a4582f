// Arguments, environment, randomness, and all that the sandbox has nothing of: files by path, sockets, signals.
#include <sched.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "runtime/host/wasi.h"

namespace guardc::wasi {
namespace {

// Bytes of random asked of the kernel between two looks at the call's interruption: about a millisecond.
constexpr size_t kRandomChunk = 256 * 1024;

// Every string with its terminator.
uint64_t TotalSize(const std::vector<std::string>& strings) {
  uint64_t total = 0;
  for (const std::string& s : strings) total += s.size() + 1;
  return total;
}

// (count*, size*)
Errno StoreSizes(const HostState& state, const std::vector<std::string>& strings, Args args) {
  const uint64_t total = TotalSize(strings);
  if (total > std::numeric_limits<uint32_t>::max()) return Errno::kInval;
  if (!state.memory.Span(Ptr(args[0]), sizeof(uint32_t)) || !state.memory.Span(Ptr(args[1]), sizeof(uint32_t))) {
    return Errno::kFault;
  }
  state.memory.Store(Ptr(args[0]), static_cast<uint32_t>(strings.size()));
  state.memory.Store(Ptr(args[1]), static_cast<uint32_t>(total));
  return Errno::kSuccess;
}

// (pointers*, bytes*)
Errno StoreStrings(const HostState& state, const std::vector<std::string>& strings, Args args) {
  const auto pointers = Buffer(state.memory, Ptr(args[0]), strings.size() * sizeof(uint32_t));
  const auto bytes = Buffer(state.memory, Ptr(args[1]), TotalSize(strings));
  if (!pointers || !bytes) return Errno::kFault;
  size_t offset = 0;
  for (size_t i = 0; i < strings.size(); ++i) {
    const uint32_t address = args[1].i32 + static_cast<uint32_t>(offset);
    std::memcpy(pointers->data() + i * sizeof(address), &address, sizeof(address));
    std::memcpy(bytes->data() + offset, strings[i].c_str(), strings[i].size() + 1);
    offset += strings[i].size() + 1;
  }
  return Errno::kSuccess;
}

}  // namespace

Errno ArgsGet(HostState& state, Args args) { return StoreStrings(state, state.args, args); }
Errno ArgsSizesGet(HostState& state, Args args) { return StoreSizes(state, state.args, args); }
Errno EnvironGet(HostState& state, Args args) { return StoreStrings(state, state.env, args); }
Errno EnvironSizesGet(HostState& state, Args args) { return StoreSizes(state, state.env, args); }

// (buffer, size)
Errno RandomGet(HostState& state, Args args) {
  const auto buffer = Buffer(state.memory, Ptr(args[0]), args[1].i32);
  if (!buffer) return Errno::kFault;
  for (auto rest = *buffer; !rest.empty();) {
    const ssize_t got = getrandom(rest.data(), std::min(rest.size(), kRandomChunk), 0);
    if (got < 0 && errno != EINTR) return Errno::kIo;
    if (got > 0) rest = rest.subspan(static_cast<size_t>(got));
    if (!rest.empty() && Interrupted(state)) return Errno::kIntr;
  }
  return Errno::kSuccess;
}

Errno SchedYield(HostState&, Args) {
  sched_yield();
  return Errno::kSuccess;
}

// (code)
TrapCode ProcExit(void* self, abi::Value* values) {
  StateOf(self).exit_code = values[0].i32;
  return TrapCode::kHostUnwind;
}

// (signal): a guest has no process that a signal could go to
Errno ProcRaise(HostState&, Args args) {
  constexpr uint32_t kLastSignal = 30;  // sys
  return args[0].i32 > kLastSignal ? Errno::kInval : Errno::kNotsup;
}

// (fd, ...): none of our descriptors is a socket
Errno SockAccept(HostState& state, Args args) { return RefuseOn(state, args[0].i32, Errno::kNotsock); }
Errno SockRecv(HostState& state, Args args) { return RefuseOn(state, args[0].i32, Errno::kNotsock); }
Errno SockSend(HostState& state, Args args) { return RefuseOn(state, args[0].i32, Errno::kNotsock); }
Errno SockShutdown(HostState& state, Args args) { return RefuseOn(state, args[0].i32, Errno::kNotsock); }

// (fd, ...): none of our descriptors is a directory, so no path is ever looked at
Errno PathCreateDirectory(HostState& state, Args args) { return RefuseOn(state, args[0].i32, Errno::kNotdir); }
Errno PathFilestatGet(HostState& state, Args args) { return RefuseOn(state, args[0].i32, Errno::kNotdir); }
Errno PathFilestatSetTimes(HostState& state, Args args) { return RefuseOn(state, args[0].i32, Errno::kNotdir); }
Errno PathOpen(HostState& state, Args args) { return RefuseOn(state, args[0].i32, Errno::kNotdir); }
Errno PathReadlink(HostState& state, Args args) { return RefuseOn(state, args[0].i32, Errno::kNotdir); }
Errno PathRemoveDirectory(HostState& state, Args args) { return RefuseOn(state, args[0].i32, Errno::kNotdir); }
Errno PathUnlinkFile(HostState& state, Args args) { return RefuseOn(state, args[0].i32, Errno::kNotdir); }

// (old path, size, fd, new path, size)
Errno PathSymlink(HostState& state, Args args) { return RefuseOn(state, args[2].i32, Errno::kNotdir); }

// (old fd, flags, path, size, new fd, path, size)
Errno PathLink(HostState& state, Args args) {
  if (FindStream(state, args[4].i32) == nullptr) return Errno::kBadf;
  return RefuseOn(state, args[0].i32, Errno::kNotdir);
}

// (fd, path, size, new fd, path, size)
Errno PathRename(HostState& state, Args args) {
  if (FindStream(state, args[3].i32) == nullptr) return Errno::kBadf;
  return RefuseOn(state, args[0].i32, Errno::kNotdir);
}

}  // namespace guardc::wasi
