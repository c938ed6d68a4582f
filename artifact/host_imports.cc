// The table of host imports. Types of WASI are those that the witx of snapshot preview 1 lowers to.
#include "artifact/host_imports.h"

#include <algorithm>
#include <iterator>

namespace guardc {
namespace {

constexpr std::string_view kEnv = "env";
constexpr std::string_view kWasi = "wasi_snapshot_preview1";

constexpr HostImport kImports[] = {
    {kEnv, "call_backend", "iiiiii"},
    {kEnv, "host_log", "iii", false},
    {kWasi, "args_get", "ii"},
    {kWasi, "args_sizes_get", "ii"},
    {kWasi, "environ_get", "ii"},
    {kWasi, "environ_sizes_get", "ii"},
    {kWasi, "clock_res_get", "ii"},
    {kWasi, "clock_time_get", "ili"},
    {kWasi, "fd_advise", "illi"},
    {kWasi, "fd_allocate", "ill"},
    {kWasi, "fd_close", "i"},
    {kWasi, "fd_datasync", "i"},
    {kWasi, "fd_fdstat_get", "ii"},
    {kWasi, "fd_fdstat_set_flags", "ii"},
    {kWasi, "fd_fdstat_set_rights", "ill"},
    {kWasi, "fd_filestat_get", "ii"},
    {kWasi, "fd_filestat_set_size", "il"},
    {kWasi, "fd_filestat_set_times", "illi"},
    {kWasi, "fd_pread", "iiili"},
    {kWasi, "fd_prestat_get", "ii"},
    {kWasi, "fd_prestat_dir_name", "iii"},
    {kWasi, "fd_pwrite", "iiili"},
    {kWasi, "fd_read", "iiii"},
    {kWasi, "fd_readdir", "iiili"},
    {kWasi, "fd_renumber", "ii"},
    {kWasi, "fd_seek", "ilii"},
    {kWasi, "fd_sync", "i"},
    {kWasi, "fd_tell", "ii"},
    {kWasi, "fd_write", "iiii"},
    {kWasi, "path_create_directory", "iii"},
    {kWasi, "path_filestat_get", "iiiii"},
    {kWasi, "path_filestat_set_times", "iiiilli"},
    {kWasi, "path_link", "iiiiiii"},
    {kWasi, "path_open", "iiiiillii"},
    {kWasi, "path_readlink", "iiiiii"},
    {kWasi, "path_remove_directory", "iii"},
    {kWasi, "path_rename", "iiiiii"},
    {kWasi, "path_symlink", "iiiii"},
    {kWasi, "path_unlink_file", "iii"},
    {kWasi, "poll_oneoff", "iiii"},
    {kWasi, "proc_exit", "i", false},
    {kWasi, "proc_raise", "i"},
    {kWasi, "sched_yield", ""},
    {kWasi, "random_get", "ii"},
    {kWasi, "sock_accept", "iii"},
    {kWasi, "sock_recv", "iiiiii"},
    {kWasi, "sock_send", "iiiii"},
    {kWasi, "sock_shutdown", "ii"},
};
static_assert(std::size(kImports) == 2 + 46);

}  // namespace

FuncType HostImport::type() const {
  FuncType out;
  for (const char c : params) out.params.push_back(c == 'l' ? ValType::kI64 : ValType::kI32);
  if (returns_i32) out.results.push_back(ValType::kI32);
  return out;
}

std::span<const HostImport> HostImports() { return kImports; }

const HostImport* FindHostImport(std::string_view module, std::string_view name) {
  const auto imports = HostImports();
  const auto it =
      std::ranges::find_if(imports, [&](const HostImport& i) { return i.module == module && i.name == name; });
  return it == imports.end() ? nullptr : &*it;
}

bool IsHostModule(std::string_view module) { return module == kEnv || module == kWasi; }

}  // namespace guardc
