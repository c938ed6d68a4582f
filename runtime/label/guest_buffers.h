// Where the input and output of a label call lie in guest memory (guard-abi 2.5): allocated by the guard, or, for one
// without an allocator, at the end of its memory.
#pragma once

#include <cstdint>
#include <optional>

#include "guardc/call.h"
#include "guardc/result.h"
#include "runtime/guest_call.h"
#include "runtime/guest_memory.h"

namespace guardc {

class GuestBuffers {
 public:
  struct Pair {
    GuestPtr input{};
    uint32_t input_size = 0;  // bytes
    GuestPtr output{};
    uint32_t output_size = 0;  // bytes
  };

  // An exported instance of a module that passed CheckGuardAbi. Both outlive the buffers.
  [[nodiscard]] static Result<GuestBuffers> Create(Instance& instance, HostState& host);

  // Both inside memory. kBufferProtocol for a null or impossible pointer, kLimit where memory may not grow, and what
  // ends a call in `alloc`. Where only the input could be had, it is freed again.
  [[nodiscard]] Result<Pair> Acquire(uint32_t input_size, uint32_t output_size, const CallOptions& call);

  // Runs `dealloc` for both, unless the instance has failed: then guest code must not run. `call` no longer ends it,
  // but a limit of its own does. Returns the first failure, which leaves a failed instance or none the worse.
  [[nodiscard]] Result<void> Release(const Pair& pair, const CallOptions& call);

 private:
  GuestBuffers(Instance& instance, HostState& host) : instance_(&instance), host_(&host) {}

  Result<GuestPtr> Allocate(uint32_t size, const char* what, const CallOptions& call);
  Result<void> Free(GuestPtr ptr, uint32_t size, const CallOptions& call);
  Result<Pair> PlaceAtEnd(uint32_t input_size, uint32_t output_size);
  void WarnOnce(std::string_view request_id);

  Instance* instance_;
  HostState* host_;
  std::optional<GuestFunction> alloc_;  // both or neither
  std::optional<GuestFunction> dealloc_;
  bool has_warned_ = false;
  // The pages that PlaceAtEnd has added, which the guest does not know of. Empty until then.
  uint64_t added_begin_ = 0;  // bytes
  uint64_t added_end_ = 0;    // bytes
};

}  // namespace guardc
