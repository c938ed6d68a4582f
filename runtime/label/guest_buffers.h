// Where the input and output of a label call lie in guest memory (docs/guard-abi.md, 2): allocated by the guard, or,
// for one without an allocator, at the end of its memory.
#pragma once

#include <cstdint>
#include <optional>

#include "guardc/call.h"
#include "guardc/result.h"
#include "runtime/call/guest_call.h"
#include "runtime/call/guest_run.h"
#include "runtime/memory/guest_memory.h"

namespace guardc {

class GuestBuffers {
 public:
  struct Pair {
    uint32_t input_size = 0;   // bytes
    uint32_t output_size = 0;  // bytes
    GuestPtr input{};          // null until acquired
    GuestPtr output{};
  };

  // An exported instance of a module that passed CheckGuardAbi. Both outlive the buffers.
  [[nodiscard]] static Result<GuestBuffers> Create(Instance& instance, HostState& host);

  // What is known of the instance's memory beside what it holds itself.
  struct Placement {
    // The pages that PlaceAtEnd has added, which the guest does not know of. Empty until then.
    uint64_t added_begin = 0;  // bytes
    uint64_t added_end = 0;    // bytes
  };
  const Placement& placement() const { return placement_; }
  void set_placement(const Placement& placement) { placement_ = placement; }

  // Sets the pointers of `pair`, both inside memory. kBufferProtocol for a null or impossible pointer, kLimit where
  // memory may not grow, and what ends a call in `alloc`; what was had by then is set, and to be released.
  [[nodiscard]] Result<void> Acquire(Pair& pair, GuestRun& run);

  // Runs `dealloc` for what was acquired, unless the instance has failed: then guest code must not run. `call` no
  // longer ends it, but a limit of its own does. Returns the first failure, which leaves a failed instance or none the
  // worse.
  [[nodiscard]] Result<void> Release(const Pair& pair, const CallOptions& call);

 private:
  GuestBuffers(Instance& instance, HostState& host) : instance_(&instance), host_(&host) {}

  Result<GuestPtr> Allocate(uint32_t size, const char* what, GuestRun& run);
  Result<void> Free(GuestPtr ptr, uint32_t size, GuestRun& run);
  Result<void> PlaceAtEnd(Pair& pair);

  Instance* instance_;
  HostState* host_;
  std::optional<GuestFunction> alloc_;  // both or neither
  std::optional<GuestFunction> dealloc_;
  Placement placement_;
};

}  // namespace guardc
