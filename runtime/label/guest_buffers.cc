#include "runtime/label/guest_buffers.h"

#include <time.h>

#include <chrono>
#include <string>

#include "runtime/label/guard_abi.h"
#include "runtime/label/guest_time.h"

namespace guardc {
namespace {

// Kept free below buffers at the end of memory.
constexpr uint64_t kSpare = 64 * 1024;
// How long the two calls of `dealloc` may take together: no caller's deadline ends them, but a loop must.
constexpr auto kCleanupLimit = std::chrono::seconds(1);

// The coarse clock is some milliseconds late, which does not matter here, and cheap.
CallOptions CleanupOptions(const CallOptions& call) {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  const Clock::time_point start(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
  return {.deadline = start + kCleanupLimit, .stop = {}, .request_id = call.request_id};
}

uint64_t PagesFor(uint64_t bytes) { return (bytes + kWasmPageSize - 1) / kWasmPageSize; }

}  // namespace

Result<GuestBuffers> GuestBuffers::Create(Instance& instance, HostState& host) {
  GuestBuffers buffers(instance, host);
  if (HasAllocator(instance.module())) {
    GUARDC_TRY(buffers.alloc_, GuestFunction::Bind(instance, kAllocExport, AllocType()));
    GUARDC_TRY(buffers.dealloc_, GuestFunction::Bind(instance, kDeallocExport, DeallocType()));
  }
  return buffers;
}

Result<void> GuestBuffers::Acquire(Pair& pair, GuestRun& run) {
  if (!alloc_) return PlaceAtEnd(pair);
  GUARDC_TRY(pair.input, Allocate(pair.input_size, "input", run));
  GUARDC_TRY(pair.output, Allocate(pair.output_size, "output", run));
  return {};
}

Result<void> GuestBuffers::Release(const Pair& pair, const CallOptions& call) {
  if (!dealloc_) return {};
  const CallOptions cleanup = CleanupOptions(call);
  GuestRun run(instance_->impl(), cleanup);
  auto output = Free(pair.output, pair.output_size, run);
  auto input = Free(pair.input, pair.input_size, run);
  return output ? input : output;
}

Result<GuestPtr> GuestBuffers::Allocate(uint32_t size, const char* what, GuestRun& run) {
  abi::Value values[1] = {};
  values[0].i32 = size;
  GUARDC_CHECK(CallGuest(*alloc_, values, *host_, run));
  const GuestPtr ptr{values[0].i32};
  const auto describe = [&] { return "for the " + std::to_string(size) + " bytes of the " + what; };
  if (ptr == GuestPtr{}) return Fail(ErrorKind::kBufferProtocol, "alloc answered null " + describe());
  if (!host_->memory.Span(ptr, size)) {
    return Fail(ErrorKind::kBufferProtocol, "alloc answered the pointer " + std::to_string(ToU32(ptr)) + " " +
                                                describe() + ", which leaves the memory of " +
                                                std::to_string(host_->memory.size()) + " bytes");
  }
  return ptr;
}

Result<void> GuestBuffers::Free(GuestPtr ptr, uint32_t size, GuestRun& run) {
  if (ptr == GuestPtr{} || instance_->failed()) return {};
  abi::Value values[2] = {};
  values[0].i32 = ToU32(ptr);
  values[1].i32 = size;
  return CallGuest(*dealloc_, values, *host_, run);
}

// [the guest's own ... 64 KiB to spare, input, output].
//
// Pages added by us are the only ones that the guest cannot have put to use (its data and stack lie below, and an
// allocator keeps to what memory.grow gave it), so buffers go there, and the same pages serve later calls. Where memory
// may not grow that far, buffers share the end of the guest's own memory with it, as they do under the gateway.
Result<void> GuestBuffers::PlaceAtEnd(Pair& pair) {
  auto& [begin, end] = placement_;
  const uint64_t wanted = uint64_t{pair.input_size} + pair.output_size + kSpare;
  if (end - begin < wanted) {
    const uint64_t size = host_->memory.size();
    const uint64_t kept = end == size ? size - begin : 0;
    if (GrowMemory(*instance_, PagesFor(wanted - kept))) {
      begin = size - kept;
    } else if (size >= wanted || GrowMemory(*instance_, PagesFor(wanted - size))) {
      begin = 0;
    } else {
      return Fail(ErrorKind::kLimit,
                  "memory of " + std::to_string(size) + " bytes cannot grow to the " + std::to_string(wanted) +
                      " that the buffers of the call need",
                  {.needed_size = wanted, .limit = size});
    }
    end = host_->memory.size();
  }
  const uint64_t output = end - pair.output_size;
  pair.output = GuestPtr{static_cast<uint32_t>(output)};
  pair.input = GuestPtr{static_cast<uint32_t>(output - pair.input_size)};
  return {};
}

}  // namespace guardc
