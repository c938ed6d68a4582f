// One instance of a guard, ready for label calls: linked, initialised, exports looked up. One thread at a time; Guard
// puts the queue in front of it.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "guardc/guard.h"
#include "guardc/instance.h"
#include "runtime/call/guest_call.h"
#include "runtime/host/host_functions.h"
#include "runtime/instance/snapshot.h"
#include "runtime/label/guest_buffers.h"

namespace guardc {

// The state of a prepared instance.
struct GuardSnapshot {
  std::shared_ptr<const InstanceSnapshot> instance;
  GuestBuffers::Placement placement;
  std::array<GuestStream, 3> streams;
};

class GuardInstance {
 public:
  // Checks the guard ABI, links, instantiates, and calls `_initialize` where there is one, all of it under `call`.
  // `options`, whose log must be set, outlive the instance.
  [[nodiscard]] static Result<std::unique_ptr<GuardInstance>> Create(std::shared_ptr<const Module> module,
                                                                     const GuardOptions& options,
                                                                     const CallOptions& call);

  // An instance in the state of `snapshot`, which was taken of one with the same options. Runs nothing.
  [[nodiscard]] static Result<std::unique_ptr<GuardInstance>> Clone(const GuardSnapshot& snapshot,
                                                                    const GuardOptions& options);
  // kUnsupported where the guard's state cannot be copied. The instance must not have failed.
  [[nodiscard]] Result<GuardSnapshot> Snapshot() const;
  // Goes back to `snapshot`, giving back the memory it has touched. After an error it must not be called any more.
  [[nodiscard]] Result<void> Reset(const GuardSnapshot& snapshot);

  // One label call with the whole buffer protocol, see label_call.cc.
  [[nodiscard]] Result<std::string> Call(LabelFunction function, std::string_view input, const CallOptions& call);

  // Set once a trap, a nonzero exit or an interruption has ended the instance: guest code never runs again.
  const std::shared_ptr<const Error>& failure() const { return failure_; }
  HostTiming& timing() { return host_.timing; }
  uint64_t memory_size() const { return host_.memory.size(); }  // bytes

 private:
  struct Attempt {
    bool fits = true;
    std::string answer;        // if it fits
    uint32_t needed_size = 0;  // if not: bytes, 0 where the guard does not say
  };

  explicit GuardInstance(const GuardOptions& options);

  Result<void> LookUp();
  Result<void> Initialize(const CallOptions& call);
  Result<std::string> CallWithRetries(LabelFunction function, std::string_view input, const CallOptions& call);
  Result<Attempt> Try(LabelFunction function, std::string_view input, uint32_t capacity, const CallOptions& call);
  Result<Attempt> CallWithBuffers(LabelFunction function, std::string_view input, GuestBuffers::Pair& pair,
                                  const CallOptions& call);

  // The one place that writes what a guard was asked and what it answered.
  void LogCall(LabelFunction function, std::string_view input, const Result<std::string>& answer,
               const CallOptions& call) const;
  // Remembers why the instance failed, if it did.
  void NoteFailure(LabelFunction function, const Error& error);

  const GuardOptions& options_;
  HostState host_;
  Store store_;  // destroyed before the host state that its instance works on
  Instance* instance_ = nullptr;
  std::array<GuestFunction, 3> functions_;  // by LabelFunction
  std::optional<GuestBuffers> buffers_;
  std::shared_ptr<const Error> failure_;
};

}  // namespace guardc
