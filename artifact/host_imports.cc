// The table of host imports. Types of WASI are those that the witx of snapshot preview 1 lowers to.
#include "artifact/host_imports.h"

#include <algorithm>
#include <vector>

namespace guardc {
namespace {

// Parameters as one letter each: i = i32, l = i64.
struct Row {
  std::string_view name;
  std::string_view params;
  bool returns_i32 = true;
};

constexpr std::string_view kEnv = "env";
constexpr std::string_view kWasi = "wasi_snapshot_preview1";

constexpr Row kEnvRows[] = {
    {"call_backend", "iiiiii"},
    {"host_log", "iii", false},
};

constexpr Row kWasiRows[] = {
    {"args_get", "ii"},
    {"args_sizes_get", "ii"},
    {"environ_get", "ii"},
    {"environ_sizes_get", "ii"},
    {"clock_res_get", "ii"},
    {"clock_time_get", "ili"},
    {"fd_advise", "illi"},
    {"fd_allocate", "ill"},
    {"fd_close", "i"},
    {"fd_datasync", "i"},
    {"fd_fdstat_get", "ii"},
    {"fd_fdstat_set_flags", "ii"},
    {"fd_fdstat_set_rights", "ill"},
    {"fd_filestat_get", "ii"},
    {"fd_filestat_set_size", "il"},
    {"fd_filestat_set_times", "illi"},
    {"fd_pread", "iiili"},
    {"fd_prestat_get", "ii"},
    {"fd_prestat_dir_name", "iii"},
    {"fd_pwrite", "iiili"},
    {"fd_read", "iiii"},
    {"fd_readdir", "iiili"},
    {"fd_renumber", "ii"},
    {"fd_seek", "ilii"},
    {"fd_sync", "i"},
    {"fd_tell", "ii"},
    {"fd_write", "iiii"},
    {"path_create_directory", "iii"},
    {"path_filestat_get", "iiiii"},
    {"path_filestat_set_times", "iiiilli"},
    {"path_link", "iiiiiii"},
    {"path_open", "iiiiillii"},
    {"path_readlink", "iiiiii"},
    {"path_remove_directory", "iii"},
    {"path_rename", "iiiiii"},
    {"path_symlink", "iiiii"},
    {"path_unlink_file", "iii"},
    {"poll_oneoff", "iiii"},
    {"proc_exit", "i", false},
    {"proc_raise", "i"},
    {"sched_yield", ""},
    {"random_get", "ii"},
    {"sock_accept", "iii"},
    {"sock_recv", "iiiiii"},
    {"sock_send", "iiiii"},
    {"sock_shutdown", "ii"},
};
static_assert(std::size(kWasiRows) == 46);

void Append(std::string_view module, std::span<const Row> rows, std::vector<HostImport>& out) {
  for (const Row& row : rows) {
    HostImport import{module, row.name, {}};
    for (const char c : row.params) import.type.params.push_back(c == 'l' ? ValType::kI64 : ValType::kI32);
    if (row.returns_i32) import.type.results.push_back(ValType::kI32);
    out.push_back(std::move(import));
  }
}

}  // namespace

std::span<const HostImport> HostImports() {
  static const std::vector<HostImport> kImports = [] {
    std::vector<HostImport> all;
    Append(kEnv, kEnvRows, all);
    Append(kWasi, kWasiRows, all);
    return all;
  }();
  return kImports;
}

const HostImport* FindHostImport(std::string_view module, std::string_view name) {
  const auto imports = HostImports();
  const auto it =
      std::ranges::find_if(imports, [&](const HostImport& i) { return i.module == module && i.name == name; });
  return it == imports.end() ? nullptr : &*it;
}

bool IsHostModule(std::string_view module) { return module == kEnv || module == kWasi; }

}  // namespace guardc
