// GuardPool: one prepared guard, and clones of it that label in parallel. Opt-in, since a guard may keep state between
// calls, and which clone serves a call is not said.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "guardc/call.h"
#include "guardc/guard.h"
#include "guardc/label.h"
#include "guardc/module.h"
#include "guardc/result.h"

namespace guardc {

struct PoolOptions {
  size_t max_clones = 0;  // calls that run at the same time, further ones queue; 0: one for each processor
  // True: every call begins in the prepared state, and no request can leave anything to another. False: a clone keeps
  // what it learnt, as a Guard does.
  bool reset_after_call = false;
  // A clone whose memory has grown by more than this, in bytes, is reset after the call.
  uint64_t growth_limit = uint64_t{16} << 20;
};

struct PoolStats {
  size_t clones = 0;            // that exist now
  uint64_t replaced = 0;        // clones that failed
  uint64_t snapshot_bytes = 0;  // of the prepared state, shared by all clones
};

// Thread-safe; calls run in parallel, each in a clone of its own.
//
// The prepared state is that of an instance after `_initialize` and, from the first that succeeds, label_agent. A
// label_agent with another policy starts again from the state after `_initialize`; when it succeeds, its state is the
// one from which all later calls go on: clones of the older state are reset before their next call. One that fails
// (a trap, a refusal, an answer that is none) changes nothing. A label_agent with the policy that the pool already has
// is a call like any other.
//
// Clones share the pages that none of them has written. What one writes no other sees. One that traps, exits with
// another code than 0, or is interrupted, never runs again: the next call makes another from the prepared state, with
// nothing compiled, loaded or run. So the pool is never poisoned; GuardOptions::after_failure is not looked at.
class GuardPool {
 public:
  // What Guard::Create does, under the same errors; kUnsupported for a guard whose state cannot be copied.
  [[nodiscard]] static Result<std::shared_ptr<GuardPool>> Create(std::shared_ptr<const Module> module,
                                                                 GuardOptions options = {}, PoolOptions pool = {});
  ~GuardPool();
  GuardPool(const GuardPool&) = delete;
  GuardPool& operator=(const GuardPool&) = delete;

  // As Guard::Call, but for kInstanceFailed, which does not happen. Options of the guard are called on the threads that
  // call the pool, several at a time. A backend or log must not call the pool that called it (kInvalidArgument).
  [[nodiscard]] Result<std::string> Call(LabelFunction function, std::string_view input_json,
                                         const CallOptions& call = {});

  // Takes all clones back to the prepared state, and gives back the memory that they have touched: idle ones at once,
  // others before their next call.
  void Reset();

  const std::string& name() const;
  const Module& module() const;
  PoolStats stats() const;

  // Waits for running calls, then releases everything; later calls fail with kClosed. May be called twice.
  Result<void> Close();

 private:
  class Impl;
  explicit GuardPool(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// A pool as the guard of a registry or a pipeline.
std::shared_ptr<LabelSource> MakeCompiledSource(std::shared_ptr<GuardPool> pool);

}  // namespace guardc
