// WASI preview 1 as the sandbox gives it: no files, no sockets, no arguments unless the host sets them. One function
// per import, named after it; host_functions.cc puts them in the table.
//
// The rules that all of them keep:
// - A descriptor is looked at before any pointer, and a pointer only where something is read or written through it.
// - Everything that a call reads is read before it writes, so overlapping pointers change no answer but their own.
// - What fails has written nothing, except where the specification has a partial result.
// - Work is bounded by the size of guest memory, and long work looks at CallControl::Interrupted().
#pragma once

#include <cstdint>

#include "artifact/abi.h"
#include "runtime/host/host_functions.h"
#include "runtime/memory/guest_memory.h"

namespace guardc::wasi {

// The codes of snapshot preview 1 that we answer.
enum class Errno : uint16_t {
  kSuccess = 0,
  kBadf = 8,
  kFault = 21,
  kIntr = 27,
  kInval = 28,
  kIo = 29,
  kNotdir = 54,
  kNotsock = 57,
  kNotsup = 58,
  kSpipe = 70,
};

// Parameters in the order of the import's core type.
using Args = const abi::Value*;

inline GuestPtr Ptr(const abi::Value& value) { return GuestPtr{value.i32}; }

// A buffer of the guest that may be empty: nothing is read or written through an empty one, wherever it points.
inline std::optional<std::span<std::byte>> Buffer(const GuestMemory& memory, GuestPtr ptr, uint64_t size) {
  if (size == 0) return std::span<std::byte>();
  return memory.Span(ptr, size);
}

inline bool Interrupted(const HostState& state) { return state.control != nullptr && state.control->Interrupted(); }

// Null where the guest has no such descriptor (any more).
inline GuestStream* FindStream(HostState& state, uint32_t fd) {
  if (fd >= state.streams.size() || state.streams[fd].kind == GuestStream::Kind::kClosed) return nullptr;
  return &state.streams[fd];
}

// The answer of a function that no open descriptor of ours supports: `errno_if_open`, or kBadf.
inline Errno RefuseOn(HostState& state, uint32_t fd, Errno errno_if_open) {
  return FindStream(state, fd) == nullptr ? Errno::kBadf : errno_if_open;
}

// wasi_misc.cc
Errno ArgsGet(HostState& state, Args args);
Errno ArgsSizesGet(HostState& state, Args args);
Errno EnvironGet(HostState& state, Args args);
Errno EnvironSizesGet(HostState& state, Args args);
Errno RandomGet(HostState& state, Args args);
Errno ProcRaise(HostState& state, Args args);
Errno SchedYield(HostState& state, Args args);
Errno SockAccept(HostState& state, Args args);
Errno SockRecv(HostState& state, Args args);
Errno SockSend(HostState& state, Args args);
Errno SockShutdown(HostState& state, Args args);
Errno PathCreateDirectory(HostState& state, Args args);
Errno PathFilestatGet(HostState& state, Args args);
Errno PathFilestatSetTimes(HostState& state, Args args);
Errno PathLink(HostState& state, Args args);
Errno PathOpen(HostState& state, Args args);
Errno PathReadlink(HostState& state, Args args);
Errno PathRemoveDirectory(HostState& state, Args args);
Errno PathRename(HostState& state, Args args);
Errno PathSymlink(HostState& state, Args args);
Errno PathUnlinkFile(HostState& state, Args args);
TrapCode ProcExit(void* self, abi::Value* values);  // the one that does not come back

// wasi_clock.cc
Errno ClockResGet(HostState& state, Args args);
Errno ClockTimeGet(HostState& state, Args args);
Errno PollOneoff(HostState& state, Args args);

// wasi_io.cc
Errno FdAdvise(HostState& state, Args args);
Errno FdAllocate(HostState& state, Args args);
Errno FdClose(HostState& state, Args args);
Errno FdDatasync(HostState& state, Args args);
Errno FdFdstatGet(HostState& state, Args args);
Errno FdFdstatSetFlags(HostState& state, Args args);
Errno FdFdstatSetRights(HostState& state, Args args);
Errno FdFilestatGet(HostState& state, Args args);
Errno FdFilestatSetSize(HostState& state, Args args);
Errno FdFilestatSetTimes(HostState& state, Args args);
Errno FdPread(HostState& state, Args args);
Errno FdPrestatGet(HostState& state, Args args);
Errno FdPrestatDirName(HostState& state, Args args);
Errno FdPwrite(HostState& state, Args args);
Errno FdRead(HostState& state, Args args);
Errno FdReaddir(HostState& state, Args args);
Errno FdRenumber(HostState& state, Args args);
Errno FdSeek(HostState& state, Args args);
Errno FdSync(HostState& state, Args args);
Errno FdTell(HostState& state, Args args);
Errno FdWrite(HostState& state, Args args);

}  // namespace guardc::wasi
