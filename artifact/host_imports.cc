// The table of host imports. Types of WASI are those that the witx of snapshot preview 1 lowers to.
#include "artifact/host_imports.h"

#include <algorithm>
#include <iterator>

namespace guardc {
namespace {

constexpr std::string_view kEnv = "env";
constexpr std::string_view kWasi = "wasi_snapshot_preview1";

// By name, which no two modules share.
constexpr HostImport kImports[] = {
    {kWasi, "args_get", "ii"},
    {kWasi, "args_sizes_get", "ii"},
    {kEnv, "call_backend", "iiiiii"},
    {kWasi, "clock_res_get", "ii"},
    {kWasi, "clock_time_get", "ili"},
    {kWasi, "environ_get", "ii"},
    {kWasi, "environ_sizes_get", "ii"},
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
    {kWasi, "fd_prestat_dir_name", "iii"},
    {kWasi, "fd_prestat_get", "ii"},
    {kWasi, "fd_pwrite", "iiili"},
    {kWasi, "fd_read", "iiii"},
    {kWasi, "fd_readdir", "iiili"},
    {kWasi, "fd_renumber", "ii"},
    {kWasi, "fd_seek", "ilii"},
    {kWasi, "fd_sync", "i"},
    {kWasi, "fd_tell", "ii"},
    {kWasi, "fd_write", "iiii"},
    {kEnv, "host_log", "iii", false},
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
    {kWasi, "random_get", "ii"},
    {kWasi, "sched_yield", ""},
    {kWasi, "sock_accept", "iii"},
    {kWasi, "sock_recv", "iiiiii"},
    {kWasi, "sock_send", "iiiii"},
    {kWasi, "sock_shutdown", "ii"},
};
static_assert(std::size(kImports) == 2 + 46);
static_assert(std::ranges::is_sorted(kImports, {}, &HostImport::name));

}  // namespace

FuncType HostImport::type() const {
  FuncType out;
  for (const char c : params) out.params.push_back(c == 'l' ? ValType::kI64 : ValType::kI32);
  if (returns_i32) out.results.push_back(ValType::kI32);
  return out;
}

bool HostImport::Is(const FuncType& given) const {
  const auto is_type = [](char c, ValType type) { return type == (c == 'l' ? ValType::kI64 : ValType::kI32); };
  return std::ranges::equal(params, given.params, is_type) && given.results.size() == (returns_i32 ? 1U : 0U) &&
         (!returns_i32 || given.results[0] == ValType::kI32);
}

std::span<const HostImport> HostImports() { return kImports; }

const HostImport* FindHostImport(std::string_view module, std::string_view name) {
  const auto it = std::ranges::lower_bound(kImports, name, {}, &HostImport::name);
  return it != std::end(kImports) && it->name == name && it->module == module ? it : nullptr;
}

bool IsHostModule(std::string_view module) { return module == kEnv || module == kWasi; }

}  // namespace guardc
