// Descriptors of the guest: an empty stdin, and stdout and stderr that go to the host's writers. All three look like
// what they are, streams that are no terminal, no file and no directory.
#include <limits>

#include "base/stderr.h"
#include "runtime/host/wasi.h"

namespace guardc::wasi {
namespace {

struct Fdstat {
  uint8_t filetype = 0;  // unknown: what other engines say of a stream that is no terminal
  uint8_t padding = 0;
  uint16_t flags = 0;
  uint32_t padding2 = 0;
  uint64_t rights_base = 0;
  uint64_t rights_inheriting = 0;
};
static_assert(sizeof(Fdstat) == 24);

struct Filestat {
  uint64_t dev = 0;
  uint64_t ino = 0;
  uint64_t filetype = 0;  // one byte and padding
  uint64_t nlink = 0;
  uint64_t size = 0;
  uint64_t atim = 0;
  uint64_t mtim = 0;
  uint64_t ctim = 0;
};
static_assert(sizeof(Filestat) == 64);

struct IoVec {
  uint32_t ptr;
  uint32_t size;
};
static_assert(sizeof(IoVec) == 8);

constexpr uint64_t kRightFdRead = 1 << 1;
constexpr uint64_t kRightFdstatSetFlags = 1 << 3;
constexpr uint64_t kRightFdWrite = 1 << 6;
constexpr uint64_t kRightFdFilestatGet = 1 << 21;
constexpr uint64_t kRightPollFdReadwrite = 1 << 27;

constexpr uint16_t kFdflagAppend = 1;
constexpr uint16_t kFdflagNonblock = 4;

// The sum of one call's buffers, as POSIX has it for a 32-bit ssize_t.
constexpr uint64_t kMaxTransfer = std::numeric_limits<int32_t>::max();
// How many vectors are handled between two looks at the call's interruption.
constexpr uint32_t kVectorsPerCheck = 4096;

bool IsOutput(const GuestStream& stream) {
  return stream.kind == GuestStream::Kind::kStdout || stream.kind == GuestStream::Kind::kStderr;
}

// Calls visit(IoVec) for each vector of the list, which must lie in memory.
template <class Visit>
Errno ForEachVector(HostState& state, GuestPtr list, uint32_t count, Visit visit) {
  const auto bytes = Buffer(state.memory, list, uint64_t{count} * sizeof(IoVec));
  if (!bytes) return Errno::kFault;
  for (uint32_t i = 0; i < count; ++i) {
    if (i % kVectorsPerCheck == kVectorsPerCheck - 1 && Interrupted(state)) return Errno::kIntr;
    IoVec vector;
    std::memcpy(&vector, bytes->data() + uint64_t{i} * sizeof(IoVec), sizeof(IoVec));
    if (const Errno result = visit(vector); result != Errno::kSuccess) return result;
  }
  return Errno::kSuccess;
}

// Every buffer inside memory and the sum within kMaxTransfer; the list may be as long as memory holds.
Errno CheckVectors(HostState& state, GuestPtr list, uint32_t count, uint64_t& total) {
  total = 0;
  return ForEachVector(state, list, count, [&](const IoVec& vector) {
    if (!Buffer(state.memory, GuestPtr{vector.ptr}, vector.size)) return Errno::kFault;
    total += vector.size;
    return total > kMaxTransfer ? Errno::kInval : Errno::kSuccess;
  });
}

void WriteToHost(const HostState& state, const GuestStream& stream, std::string_view bytes) {
  const Writer& writer = stream.kind == GuestStream::Kind::kStdout ? state.stdout_writer : state.stderr_writer;
  if (writer) {
    writer(bytes);
  } else {
    // What it does not take is dropped, and the guest does not learn of it.
    const StderrBound bound([&state] { return !Interrupted(state); });
    WriteToStderr(bytes);
  }
}

}  // namespace

// (fd, offset i64, size i64, advice)
Errno FdAdvise(HostState& state, Args args) {
  if (FindStream(state, args[0].i32) == nullptr) return Errno::kBadf;
  constexpr uint32_t kLastAdvice = 5;  // noreuse
  return args[3].i32 > kLastAdvice ? Errno::kInval : Errno::kSpipe;
}

// (fd, offset i64, size i64)
Errno FdAllocate(HostState& state, Args args) { return RefuseOn(state, args[0].i32, Errno::kSpipe); }

// (fd)
Errno FdClose(HostState& state, Args args) {
  GuestStream* stream = FindStream(state, args[0].i32);
  if (stream == nullptr) return Errno::kBadf;
  *stream = {};
  return Errno::kSuccess;
}

// (fd): as fsync on a pipe answers
Errno FdDatasync(HostState& state, Args args) { return RefuseOn(state, args[0].i32, Errno::kInval); }
Errno FdSync(HostState& state, Args args) { return RefuseOn(state, args[0].i32, Errno::kInval); }

// (fd, fdstat*)
Errno FdFdstatGet(HostState& state, Args args) {
  const GuestStream* stream = FindStream(state, args[0].i32);
  if (stream == nullptr) return Errno::kBadf;
  Fdstat stat;
  stat.flags = stream->flags;
  stat.rights_base = (IsOutput(*stream) ? kRightFdWrite : kRightFdRead) | kRightFdstatSetFlags | kRightFdFilestatGet |
                     kRightPollFdReadwrite;
  return state.memory.Store(Ptr(args[1]), stat) ? Errno::kSuccess : Errno::kFault;
}

// (fd, fdflags)
Errno FdFdstatSetFlags(HostState& state, Args args) {
  GuestStream* stream = FindStream(state, args[0].i32);
  if (stream == nullptr) return Errno::kBadf;
  // Neither changes what our streams do; the synchronous modes would promise what we cannot keep.
  if ((args[1].i32 & ~uint32_t{kFdflagAppend | kFdflagNonblock}) != 0) return Errno::kInval;
  stream->flags = static_cast<uint16_t>(args[1].i32);
  return Errno::kSuccess;
}

// (fd, base i64, inheriting i64): rights are gone from WASI, as wasmtime and wazero have it
Errno FdFdstatSetRights(HostState& state, Args args) { return RefuseOn(state, args[0].i32, Errno::kNotsup); }

// (fd, filestat*)
Errno FdFilestatGet(HostState& state, Args args) {
  if (FindStream(state, args[0].i32) == nullptr) return Errno::kBadf;
  return state.memory.Store(Ptr(args[1]), Filestat()) ? Errno::kSuccess : Errno::kFault;
}

// (fd, size i64): as ftruncate on a pipe answers
Errno FdFilestatSetSize(HostState& state, Args args) { return RefuseOn(state, args[0].i32, Errno::kInval); }

// (fd, atim i64, mtim i64, fstflags)
Errno FdFilestatSetTimes(HostState& state, Args args) {
  constexpr uint32_t kAtim = 1, kAtimNow = 2, kMtim = 4, kMtimNow = 8;
  const uint32_t flags = args[3].i32;
  if (FindStream(state, args[0].i32) == nullptr) return Errno::kBadf;
  const bool contradicts = (flags & (kAtim | kAtimNow)) == (kAtim | kAtimNow) ||
                           (flags & (kMtim | kMtimNow)) == (kMtim | kMtimNow) ||
                           (flags & ~(kAtim | kAtimNow | kMtim | kMtimNow)) != 0;
  return contradicts ? Errno::kInval : Errno::kNotsup;
}

// (fd, iovs, count, offset i64, nread*)
Errno FdPread(HostState& state, Args args) { return RefuseOn(state, args[0].i32, Errno::kSpipe); }
Errno FdPwrite(HostState& state, Args args) { return RefuseOn(state, args[0].i32, Errno::kSpipe); }

// (fd, prestat*), (fd, path, size): no directory is open, so every descriptor ends the guest's search for them
Errno FdPrestatGet(HostState&, Args) { return Errno::kBadf; }
Errno FdPrestatDirName(HostState&, Args) { return Errno::kBadf; }

// (fd, iovs, count, nread*)
Errno FdRead(HostState& state, Args args) {
  const GuestStream* stream = FindStream(state, args[0].i32);
  if (stream == nullptr || stream->kind != GuestStream::Kind::kStdin) return Errno::kBadf;
  uint64_t total = 0;
  if (const Errno result = CheckVectors(state, Ptr(args[1]), args[2].i32, total); result != Errno::kSuccess) {
    return result;
  }
  return state.memory.Store(Ptr(args[3]), uint32_t{0}) ? Errno::kSuccess : Errno::kFault;  // the end of the file
}

// (fd, buffer, size, cookie i64, used*)
Errno FdReaddir(HostState& state, Args args) { return RefuseOn(state, args[0].i32, Errno::kNotdir); }

// (from, to): `to` must be open, as wasmtime has it
Errno FdRenumber(HostState& state, Args args) {
  GuestStream* from = FindStream(state, args[0].i32);
  GuestStream* to = FindStream(state, args[1].i32);
  if (from == nullptr || to == nullptr) return Errno::kBadf;
  if (from == to) return Errno::kSuccess;
  *to = *from;
  *from = {};
  return Errno::kSuccess;
}

// (fd, offset i64, whence, result*)
Errno FdSeek(HostState& state, Args args) {
  if (FindStream(state, args[0].i32) == nullptr) return Errno::kBadf;
  constexpr uint32_t kLastWhence = 2;
  return args[2].i32 > kLastWhence ? Errno::kInval : Errno::kSpipe;
}

// (fd, result*)
Errno FdTell(HostState& state, Args args) { return RefuseOn(state, args[0].i32, Errno::kSpipe); }

// (fd, ciovs, count, nwritten*)
Errno FdWrite(HostState& state, Args args) {
  const GuestStream* stream = FindStream(state, args[0].i32);
  if (stream == nullptr || !IsOutput(*stream)) return Errno::kBadf;
  uint64_t total = 0;
  if (const Errno result = CheckVectors(state, Ptr(args[1]), args[2].i32, total); result != Errno::kSuccess) {
    return result;
  }
  // Before anything goes out, so that a call that fails has written nothing.
  if (!state.memory.Span(Ptr(args[3]), sizeof(uint32_t))) return Errno::kFault;
  uint64_t written = 0;
  const Errno result = ForEachVector(state, Ptr(args[1]), args[2].i32, [&](const IoVec& vector) {
    const auto bytes = Buffer(state.memory, GuestPtr{vector.ptr}, vector.size);
    if (!bytes) return Errno::kFault;
    if (!bytes->empty()) {
      WriteToHost(state, *stream, {reinterpret_cast<const char*>(bytes->data()), bytes->size()});
      if (Interrupted(state)) return Errno::kIntr;
    }
    written += vector.size;
    return Errno::kSuccess;
  });
  if (result != Errno::kSuccess) return result;
  state.memory.Store(Ptr(args[3]), static_cast<uint32_t>(written));
  return Errno::kSuccess;
}

}  // namespace guardc::wasi
