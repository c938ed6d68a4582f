// GuardPool: a slot for each call that may run at a time, and in it a clone of the prepared state, made when the slot
// is first used.
//
// What all calls read (the version of the prepared state, the options) is written only when a policy is taught; what
// they write lies in their slot. So calls on different processors share no cache line, and take no lock.
#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "base/map_count.h"
#include "gateway/pool/slot_table.h"
#include "guardc/pool.h"
#include "runtime/label/call_queue.h"
#include "runtime/label/guard_instance.h"
#include "runtime/label/guard_options.h"
#include "runtime/label/recorded_label_agent.h"

namespace guardc {
namespace {

// The pools that this thread is in a call of, innermost first.
struct PoolCall {
  const void* pool;
  const PoolCall* outer;
};
thread_local const PoolCall* innermost_call = nullptr;

class ScopedPoolCall {
 public:
  explicit ScopedPoolCall(const void* pool) : call_{pool, innermost_call} { innermost_call = &call_; }
  ~ScopedPoolCall() { innermost_call = call_.outer; }
  ScopedPoolCall(const ScopedPoolCall&) = delete;
  ScopedPoolCall& operator=(const ScopedPoolCall&) = delete;

 private:
  const PoolCall call_;
};

Result<void> CheckNotWithin(const void* pool) {
  for (const PoolCall* call = innermost_call; call != nullptr; call = call->outer) {
    if (call->pool == pool) {
      return Fail(ErrorKind::kInvalidArgument,
                  "the pool is running on this very thread: its backend or log must not call it, nor close it");
    }
  }
  return {};
}

}  // namespace

class GuardPool::Impl {
 public:
  Impl(std::shared_ptr<const Module> module, GuardOptions options, PoolOptions pool)
      : module_(std::move(module)),
        options_(std::move(options)),
        pool_(pool),
        slots_(pool.max_clones != 0 ? pool.max_clones : std::max(1u, std::thread::hardware_concurrency())),
        clones_(std::make_unique<Clone[]>(slots_.count())) {}

  Result<void> Start() {
    GUARDC_CHECK(CompleteOptions(options_));
    if (module_ == nullptr) return Fail(ErrorKind::kInvalidArgument, "no module");
    GUARDC_TRY(const auto instance, GuardInstance::Create(module_, options_, WithTimeout({}, options_)));
    GUARDC_TRY(initialized_, instance->Snapshot());
    Publish({initialized_, nullptr});
    return {};
  }

  Result<std::string> Call(LabelFunction function, std::string_view input, const CallOptions& given) {
    GUARDC_CHECK(CheckNotWithin(this));
    const ScopedPoolCall within(this);
    const CallOptions call = WithTimeout(given, options_);
    if (function == LabelFunction::kAgent && !IsTaught(input)) return Prepare(input, call);
    GUARDC_TRY(const size_t index, slots_.Take(call));
    const Turn turn{slots_, index};
    Clone& clone = clones_[index];
    GUARDC_CHECK(MakeReady(clone));
    auto answer = clone.instance->Call(function, input, call);
    if (clone.instance->failure() != nullptr) [[unlikely]] {
      LogFailure(*clone.instance->failure(), call);
      Drop(clone);
      clone.replaced.fetch_add(1, std::memory_order_relaxed);
    } else if (pool_.reset_after_call || clone.instance->memory_size() > clone.size_limit) {
      clone.version = 0;
      (void)MakeReady(clone);  // where that fails, the next call makes another, or says why not
    }
    return answer;
  }

  void Reset() {
    version_.fetch_add(1, std::memory_order_acq_rel);
    for (size_t i = 0; i < slots_.count(); ++i) {
      if (!slots_.TryTake(i)) continue;
      const Turn turn{slots_, i};
      if (clones_[i].instance != nullptr) (void)MakeReady(clones_[i]);
    }
  }

  PoolStats stats() const {
    PoolStats out;
    for (size_t i = 0; i < slots_.count(); ++i) {
      out.clones += clones_[i].exists.load(std::memory_order_relaxed) ? 1 : 0;
      out.replaced += clones_[i].replaced.load(std::memory_order_relaxed);
    }
    if (const auto prepared = prepared_now().first) out.snapshot_bytes = prepared->snapshot.instance->stored_bytes();
    return out;
  }

  Result<void> Close() {
    GUARDC_CHECK(CheckNotWithin(this));
    GUARDC_CHECK(teaching_.Close());
    slots_.Close();
    const std::lock_guard lock(prepared_mutex_);
    for (size_t i = 0; i < slots_.count(); ++i) Drop(clones_[i]);
    prepared_ = nullptr;
    return {};
  }

  const GuardOptions& options() const { return options_; }
  const Module& module() const { return *module_; }

 private:
  // From which all calls go on.
  struct Prepared {
    GuardSnapshot snapshot;
    std::shared_ptr<const Lesson> lesson;  // null: after `_initialize` only
  };

  // With the slot's turn, but for the atomics, which others may read.
  struct alignas(kNoSharing) Clone {
    std::unique_ptr<GuardInstance> instance;
    uint64_t version = 0;     // of the prepared state that it comes from; 0: of none
    uint64_t size_limit = 0;  // bytes of memory
    std::atomic<bool> exists = false;
    std::atomic<uint64_t> replaced = 0;
  };
  struct Turn {
    SlotTable& slots;
    size_t index;
    ~Turn() { slots.Return(index); }
  };
  struct TeachingTurn {
    CallQueue& queue;
    ~TeachingTurn() { queue.Leave(); }
  };

  static void Drop(Clone& clone) {
    clone.instance.reset();
    clone.version = 0;
    clone.exists.store(false, std::memory_order_relaxed);
  }

  std::pair<std::shared_ptr<const Prepared>, uint64_t> prepared_now() const {
    const std::lock_guard lock(prepared_mutex_);
    return {prepared_, version_.load(std::memory_order_relaxed)};
  }

  void Publish(Prepared prepared) {
    auto next = std::make_shared<const Prepared>(std::move(prepared));
    const std::lock_guard lock(prepared_mutex_);
    prepared_ = std::move(next);
    version_.fetch_add(1, std::memory_order_acq_rel);
  }

  bool IsTaught(std::string_view policy) const {
    const auto prepared = prepared_now().first;
    return prepared != nullptr && prepared->lesson && prepared->lesson->policy() == policy;
  }

  // Puts an instance of the prepared state into the slot, or takes the one that is there back to it.
  Result<void> MakeReady(Clone& clone) {
    if (clone.version == version_.load(std::memory_order_acquire)) [[likely]]
      return {};
    const auto [prepared, version] = prepared_now();
    const GuardSnapshot& snapshot = prepared->snapshot;
    clone.version = 0;
    if (clone.instance != nullptr && !clone.instance->Reset(snapshot)) Drop(clone);
    if (clone.instance == nullptr) {
      GUARDC_TRY(clone.instance, GuardInstance::Clone(snapshot, options_));
      clone.exists.store(true, std::memory_order_relaxed);
    }
    clone.size_limit = clone.instance->memory_size() + pool_.growth_limit;
    clone.version = version;
    return {};
  }

  // label_agent with a policy that is not the prepared state's: starts from the initialised state, and makes its own
  // state the prepared one.
  Result<std::string> Prepare(std::string_view policy, const CallOptions& call) {
    GUARDC_CHECK(teaching_.Enter(call));
    const TeachingTurn turn{teaching_};
    GUARDC_TRY(const auto instance, GuardInstance::Clone(initialized_, options_));
    GUARDC_TRY(std::string answer, instance->Call(LabelFunction::kAgent, policy, call));
    if (auto lesson = LessonOf(policy, answer); lesson && instance->failure() == nullptr) {
      GUARDC_TRY(GuardSnapshot snapshot, instance->Snapshot());
      Publish({std::move(snapshot), std::move(lesson)});
    }
    return answer;
  }

  void LogFailure(const Error& failure, const CallOptions& call) const {
    if (!options_.log->Enabled(LogLevel::kWarn)) return;
    options_.log->Log(LogLevel::kWarn, "a fresh clone takes the place of the one that failed: " + failure.message,
                      call.request_id);
  }

  const std::shared_ptr<const Module> module_;
  GuardOptions options_;
  const PoolOptions pool_;
  SlotTable slots_;
  const std::unique_ptr<Clone[]> clones_;
  GuardSnapshot initialized_;
  alignas(kNoSharing) std::atomic<uint64_t> version_ = 0;  // of the prepared state; Reset() counts as another
  alignas(kNoSharing) mutable std::mutex prepared_mutex_;
  std::shared_ptr<const Prepared> prepared_;
  CallQueue teaching_;
};

GuardPool::GuardPool(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

GuardPool::~GuardPool() { (void)Close(); }

Result<std::shared_ptr<GuardPool>> GuardPool::Create(std::shared_ptr<const Module> module, GuardOptions options,
                                                     PoolOptions pool) {
  try {
    auto impl = std::make_unique<Impl>(std::move(module), std::move(options), pool);
    if (auto started = impl->Start(); !started) {
      return std::unexpected(Named(impl->options(), std::move(started).error()));
    }
    return std::shared_ptr<GuardPool>(new GuardPool(std::move(impl)));
  } catch (const std::exception& e) {
    return Fail(ErrorKind::kOutOfMemory, std::string("pool of guards: ") + e.what() + MapCountNote());
  }
}

Result<std::string> GuardPool::Call(LabelFunction function, std::string_view input_json, const CallOptions& call) {
  Result<std::string> answer;
  try {
    answer = impl_->Call(function, input_json, call);
  } catch (const std::exception& e) {
    answer = Fail(ErrorKind::kOutOfMemory, e.what() + MapCountNote());
  }
  if (answer) return answer;
  return std::unexpected(Named(impl_->options(), function, std::move(answer).error()));
}

void GuardPool::Reset() { impl_->Reset(); }
const std::string& GuardPool::name() const { return impl_->options().name; }
const Module& GuardPool::module() const { return impl_->module(); }
PoolStats GuardPool::stats() const { return impl_->stats(); }
Result<void> GuardPool::Close() { return impl_->Close(); }

}  // namespace guardc
