// The table of host functions: types from artifact/host_imports, which the compiler reads too, and the code behind
// them.
#include "runtime/host/host_functions.h"

#include <algorithm>
#include <iterator>

#include "runtime/host/env.h"
#include "runtime/host/wasi.h"

namespace guardc {
namespace {

// A function of WASI as an import: its errno is its result. Writers are the embedder's; if one throws after all, the
// guest sees an I/O error and nothing unwinds into its frames.
template <wasi::Errno (*kFunction)(HostState&, wasi::Args)>
TrapCode Wasi(void* self, abi::Value* values) {
  auto result = wasi::Errno::kIo;
  try {
    result = kFunction(StateOf(self), values);
  } catch (...) {
  }
  values[0].i32 = static_cast<uint32_t>(result);
  return TrapCode::kNone;
}

struct Body {
  std::string_view name;
  abi::HostFn fn;
};

// By name, which no two modules share.
constexpr Body kBodies[] = {
    {"args_get", Wasi<wasi::ArgsGet>},
    {"args_sizes_get", Wasi<wasi::ArgsSizesGet>},
    {"call_backend", env::CallBackend},
    {"clock_res_get", Wasi<wasi::ClockResGet>},
    {"clock_time_get", Wasi<wasi::ClockTimeGet>},
    {"environ_get", Wasi<wasi::EnvironGet>},
    {"environ_sizes_get", Wasi<wasi::EnvironSizesGet>},
    {"fd_advise", Wasi<wasi::FdAdvise>},
    {"fd_allocate", Wasi<wasi::FdAllocate>},
    {"fd_close", Wasi<wasi::FdClose>},
    {"fd_datasync", Wasi<wasi::FdDatasync>},
    {"fd_fdstat_get", Wasi<wasi::FdFdstatGet>},
    {"fd_fdstat_set_flags", Wasi<wasi::FdFdstatSetFlags>},
    {"fd_fdstat_set_rights", Wasi<wasi::FdFdstatSetRights>},
    {"fd_filestat_get", Wasi<wasi::FdFilestatGet>},
    {"fd_filestat_set_size", Wasi<wasi::FdFilestatSetSize>},
    {"fd_filestat_set_times", Wasi<wasi::FdFilestatSetTimes>},
    {"fd_pread", Wasi<wasi::FdPread>},
    {"fd_prestat_dir_name", Wasi<wasi::FdPrestatDirName>},
    {"fd_prestat_get", Wasi<wasi::FdPrestatGet>},
    {"fd_pwrite", Wasi<wasi::FdPwrite>},
    {"fd_read", Wasi<wasi::FdRead>},
    {"fd_readdir", Wasi<wasi::FdReaddir>},
    {"fd_renumber", Wasi<wasi::FdRenumber>},
    {"fd_seek", Wasi<wasi::FdSeek>},
    {"fd_sync", Wasi<wasi::FdSync>},
    {"fd_tell", Wasi<wasi::FdTell>},
    {"fd_write", Wasi<wasi::FdWrite>},
    {"host_log", env::HostLog},
    {"path_create_directory", Wasi<wasi::PathCreateDirectory>},
    {"path_filestat_get", Wasi<wasi::PathFilestatGet>},
    {"path_filestat_set_times", Wasi<wasi::PathFilestatSetTimes>},
    {"path_link", Wasi<wasi::PathLink>},
    {"path_open", Wasi<wasi::PathOpen>},
    {"path_readlink", Wasi<wasi::PathReadlink>},
    {"path_remove_directory", Wasi<wasi::PathRemoveDirectory>},
    {"path_rename", Wasi<wasi::PathRename>},
    {"path_symlink", Wasi<wasi::PathSymlink>},
    {"path_unlink_file", Wasi<wasi::PathUnlinkFile>},
    {"poll_oneoff", Wasi<wasi::PollOneoff>},
    {"proc_exit", wasi::ProcExit},
    {"proc_raise", Wasi<wasi::ProcRaise>},
    {"random_get", Wasi<wasi::RandomGet>},
    {"sched_yield", Wasi<wasi::SchedYield>},
    {"sock_accept", Wasi<wasi::SockAccept>},
    {"sock_recv", Wasi<wasi::SockRecv>},
    {"sock_send", Wasi<wasi::SockSend>},
    {"sock_shutdown", Wasi<wasi::SockShutdown>},
};
static_assert(std::ranges::is_sorted(kBodies, {}, &Body::name));
static_assert(std::size(kBodies) == 2 + 46);

}  // namespace

std::optional<HostFunctionDef> FindHostFunction(std::string_view module, std::string_view name) {
  const HostImport* import = FindHostImport(module, name);
  const auto body = std::ranges::lower_bound(kBodies, name, {}, &Body::name);
  if (import == nullptr || body == std::end(kBodies) || body->name != name) return std::nullopt;
  return HostFunctionDef{import, body->fn};
}

}  // namespace guardc
