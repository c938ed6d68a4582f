// The runtime's core as the guard layer and `guardc exec` use it: link a module to its host functions, call its
// exports.
#pragma once

#include <memory>
#include <string_view>

#include "artifact/abi.h"
#include "guardc/call.h"
#include "guardc/instance.h"
#include "guardc/module.h"
#include "guardc/result.h"
#include "runtime/host/host_functions.h"
#include "runtime/memory/guest_memory.h"

namespace guardc {

class GuestRun;
class InstanceSnapshot;

// Instantiates `module` with every import resolved by FindHostFunction, on `host` (which must outlive the store); sets
// host.memory. kUnknownImport names module, field and type of the import that no host function answers. Runs the start
// function, under `call`.
[[nodiscard]] Result<Instance*> InstantiateWithHost(Store& store, std::shared_ptr<const Module> module, HostState& host,
                                                    const CallOptions& call = {});

// A copy of what `snapshot` was taken of, with a store and a host of its own. Runs none of its code.
[[nodiscard]] Result<Instance*> CloneWithHost(Store& store, const InstanceSnapshot& snapshot, HostState& host);

// An export, looked up and type-checked once.
class GuestFunction {
 public:
  // kGuardAbi where the export is missing, no function, or of another type; names both types.
  [[nodiscard]] static Result<GuestFunction> Bind(Instance& instance, std::string_view name, const FuncType& type);

  // Parameters in `values`, results from values[0]. The error is kTrap (with backtrace; the instance is then failed),
  // kExit (from host.exit_code; nonzero fails the instance, 0 does not), host.error, kCancelled or kDeadline (the
  // instance is then failed), kInstanceFailed with the first failure as cause.
  [[nodiscard]] Result<void> Call(abi::Value* values, HostState& host, const CallOptions& call) const;
  // The same as part of a run, which is of the function's instance.
  [[nodiscard]] Result<void> Call(abi::Value* values, HostState& host, GuestRun& run) const;

 private:
  Instance* instance_ = nullptr;
  const abi::VmFuncRef* funcref_ = nullptr;
  abi::EntryFn entry_ = nullptr;
};

// The memory exported as `name`, or memory 0 of the instance for "": empty GuestMemory where there is none.
GuestMemory MemoryOf(const Instance& instance, std::string_view name = {});

// Grows the memory exported as "memory"; false where its maximum or the store's cap forbids.
bool GrowMemory(Instance& instance, uint64_t delta_pages);

}  // namespace guardc
