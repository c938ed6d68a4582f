// The imports that a host gives a guard, by name and type: what the compiler holds a module to, and what the runtime
// implements (runtime/host). Names and types only; no code is behind this table.
#pragma once

#include <span>
#include <string_view>

#include "guardc/types.h"

namespace guardc {

// A constant: nothing is made of the table when a process starts.
struct HostImport {
  std::string_view module;
  std::string_view name;
  std::string_view params;  // one letter each: i = i32, l = i64
  bool returns_i32 = true;

  FuncType type() const;
  bool Is(const FuncType& given) const;  // given == type(), without making it
};

// env.call_backend, env.host_log and the 46 functions of wasi_snapshot_preview1, with their core types. A fixed order;
// immutable.
std::span<const HostImport> HostImports();

// Null where no host import has this name.
const HostImport* FindHostImport(std::string_view module, std::string_view name);

// Whether the host gives anything of this module ("env", "wasi_snapshot_preview1").
bool IsHostModule(std::string_view module);

}  // namespace guardc
