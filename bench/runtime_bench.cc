// In-process figures of guards and pools: what a call costs beside the guest's own work, what an instance costs, and
// how soon an interruption arrives. Google Benchmark; run build/bin/runtime_bench --help.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "guardc/guard.h"
#include "guardc/log.h"
#include "guardc/pool.h"
#include "runtime/call/guest_call.h"
#include "runtime/label/guard_instance.h"
#include "runtime/trap/interrupt.h"
#include "runtime/trap/thread_setup.h"
#include "tests/fixtures/fixture.h"
#include "tests/fixtures/wat.h"

namespace guardc {
namespace {

// A guard that does nothing, with a bump allocator.
constexpr std::string_view kNothing = R"((module
  (memory (export "memory") 17)
  (global $top (mut i32) (i32.const 1048576))
  (func (export "alloc") (param i32) (result i32)
    (global.set $top (i32.const 1048576)) (i32.const 65536))
  (func (export "dealloc") (param i32 i32))
  (func $label (param i32 i32 i32 i32) (result i32)
    (i32.store (local.get 2) (i32.const 0x7d7b)) (i32.const 2))
  (export "label_agent" (func $label)) (export "label_resource" (func $label)) (export "label_response" (func $label))))";

class Silence final : public GuardLog {
 public:
  bool Enabled(LogLevel) const override { return false; }
  void Log(LogLevel, std::string_view, std::string_view) override {}
};
// Logs a thousand lines at level info, as a guard that explains each label does.
constexpr int kLines = 1000;
constexpr std::string_view kTalking = R"((module
  (import "env" "host_log" (func $host_log (param i32 i32 i32)))
  (memory (export "memory") 17)
  (data (i32.const 16) "a line of some twenty bytes")
  (func (export "alloc") (param i32) (result i32) (i32.const 65536))
  (func (export "dealloc") (param i32 i32))
  (func $label (param i32 i32 i32 i32) (result i32) (local $n i32)
    (loop $again
      (call $host_log (i32.const 1) (i32.const 16) (i32.const 27))
      (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 1000))))
    (i32.const 0))
  (export "label_agent" (func $label)) (export "label_resource" (func $label)) (export "label_response" (func $label))))";

template <class T>
T Must(Result<T> result) {
  if (result) return *std::move(result);
  fprintf(stderr, "%s\n", result.error().message.c_str());
  abort();
}

std::shared_ptr<const Module> Nothing() {
  static const auto module = Must(testing::CompileWat(kNothing));
  return module;
}

std::string ReadFile(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// examples/guards/repo-guard-rust.wasm.
std::shared_ptr<const Module> RustGuard() {
  static const auto module = [] {
    const std::string wasm = ReadFile(GUARDC_EXAMPLES "/guards/repo-guard-rust.wasm");
    const testing::TempDirectory cache;
    const auto artifact = Must(CompileToCache(std::as_bytes(std::span(wasm)), {}, cache.path()));
    return Must(Module::Load(artifact.directory));
  }();
  return module;
}

std::string ReadRequest(const char* name) { return ReadFile(std::string(GUARDC_EXAMPLES "/requests/") + name); }

GuardOptions Options() {
  // output_initial small: what is measured is the call, not what a guard does to a buffer.
  return {.output_initial = 4096};
}

void LabelCall(benchmark::State& state) {
  const auto guard = Must(Guard::Create(Nothing(), Options()));
  std::stop_source source;
  for (auto _ : state) {
    CallOptions call;
    if (state.range(0) >= 1) call.deadline = Clock::now() + std::chrono::seconds(10);
    if (state.range(0) >= 2) call.stop = source.get_token();
    auto answer = guard->Call(LabelFunction::kResource, "{}", call);
    if (!answer) abort();
    benchmark::DoNotOptimize(answer);
  }
}
BENCHMARK(LabelCall)->Arg(0)->Arg(1)->Arg(2)->ArgName("bounds");

// The default log, with info off and on (into nothing).
void HostLog(benchmark::State& state) {
  static const auto module = Must(testing::CompileWat(kTalking));
  ConfigureLogs({.levels = state.range(0) == 0 ? "warn" : "info", .json = {}, .write = [](std::string_view) {}});
  const auto guard = Must(Guard::Create(module, Options()));
  for (auto _ : state) {
    if (!guard->Call(LabelFunction::kResource, "{}")) abort();
  }
  ConfigureLogs({});
  using benchmark::Counter;
  state.counters["line"] = Counter(kLines, Counter::kIsIterationInvariantRate | Counter::kInvert);
}
BENCHMARK(HostLog)->Arg(0)->Arg(1)->ArgName("on");

void CreateGuard(benchmark::State& state) {
  const auto module = state.range(0) == 0 ? Nothing() : RustGuard();
  for (auto _ : state) {
    auto guard = Must(Guard::Create(module, Options()));
    benchmark::DoNotOptimize(guard);
  }
}
BENCHMARK(CreateGuard)->Arg(0)->Arg(1)->ArgName("rust");

// What a call with bounds pays for them beside looking at the clock.
void ArmAndDisarm(benchmark::State& state) {
  InterruptRecord record;
  std::atomic<uint32_t> flag = 0;
  if (!trap::PrepareThread()) abort();
  const auto deadline = Clock::now() + std::chrono::hours(1);
  for (auto _ : state) {
    if (!record.Arm(&flag, trap::ThreadId(), deadline)) abort();
    record.Disarm();
  }
}
BENCHMARK(ArmAndDisarm);

// An endless loop, and one that calls the host all the time.
constexpr std::string_view kEndless = R"((module
  (import "env" "host_log" (func $log (param i32 i32 i32)))
  (memory (export "memory") 1)
  (func (export "spin") (loop $l (br $l)))
  (func (export "log") (loop $l (call $log (i32.const 0) (i32.const 0) (i32.const 0)) (br $l)))))";

void TellPercentiles(benchmark::State& state, std::vector<double>& microseconds) {
  std::ranges::sort(microseconds);
  const auto at = [&](double share) {
    return microseconds[static_cast<size_t>(share * static_cast<double>(microseconds.size() - 1))];
  };
  state.counters["p50_us"] = at(0.5);
  state.counters["p99_us"] = at(0.99);
  state.counters["max_us"] = at(1);
}

// How late a sleeping thread wakes while another one spins: what the machine gives at this moment, to compare with.
void TimerLatency(benchmark::State& state) {
  std::jthread spinner([](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
    }
  });
  std::vector<double> microseconds;
  for (auto _ : state) {
    const auto deadline = Clock::now() + std::chrono::microseconds(500);
    std::this_thread::sleep_until(deadline);
    const double late = std::chrono::duration<double, std::micro>(Clock::now() - deadline).count();
    microseconds.push_back(late);
    state.SetIterationTime(late / 1e6);
  }
  TellPercentiles(state, microseconds);
}
BENCHMARK(TimerLatency)->UseManualTime()->Iterations(2000);

// From the deadline, or the request to stop, until the call has returned. Percentiles in microseconds.
void InterruptLatency(benchmark::State& state) {
  const bool by_stop = state.range(0) == 1, among_host_calls = state.range(1) == 1;
  static const auto module = Must(testing::CompileWat(kEndless));
  Store store({.fail_after_trap = false});
  HostState host;
  const Silence log;
  host.log = const_cast<Silence*>(&log);
  Instance* instance = Must(InstantiateWithHost(store, module, host));
  const auto function = Must(GuestFunction::Bind(*instance, among_host_calls ? "log" : "spin", {}));
  std::vector<double> microseconds;
  for (auto _ : state) {
    abi::Value none = {};
    std::stop_source source;
    std::atomic<Clock::rep> requested = 0;
    CallOptions call = {.stop = source.get_token()};
    std::jthread stopper;
    if (by_stop) {
      stopper = std::jthread([&] {
        std::this_thread::sleep_for(std::chrono::microseconds(500));
        requested = Clock::now().time_since_epoch().count();
        source.request_stop();
      });
    } else {
      call.deadline = Clock::now() + std::chrono::microseconds(500);
      requested = call.deadline->time_since_epoch().count();
    }
    const auto result = function.Call(&none, host, call);
    const auto end = Clock::now();
    if (result) abort();
    if (by_stop) stopper.join();
    const double late = static_cast<double>(end.time_since_epoch().count() - requested) / 1e3;
    microseconds.push_back(late);
    state.SetIterationTime(late / 1e6);
  }
  TellPercentiles(state, microseconds);
}
BENCHMARK(InterruptLatency)
    ->ArgsProduct({{0, 1}, {0, 1}})
    ->ArgNames({"stop", "host"})
    ->UseManualTime()
    ->Iterations(2000);

// An instance that has been taught a policy, and what a pool makes of it.
struct Prepared {
  Prepared() {
    options.log = std::make_shared<Silence>();
    options.output_initial = uint64_t{4} << 20;
    instance = Must(GuardInstance::Create(RustGuard(), options, {}));
    Must(instance->Call(LabelFunction::kAgent, ReadRequest("policy.json"), {}));
    snapshot = Must(instance->Snapshot());
  }
  GuardOptions options;
  std::unique_ptr<GuardInstance> instance;
  GuardSnapshot snapshot;
};

void TakeSnapshot(benchmark::State& state) {
  const Prepared prepared;
  for (auto _ : state) {
    auto snapshot = Must(prepared.instance->Snapshot());
    benchmark::DoNotOptimize(snapshot);
  }
  state.counters["bytes"] = static_cast<double>(prepared.snapshot.instance->stored_bytes());
}
BENCHMARK(TakeSnapshot);

// With what it costs to take it down again.
void CloneAndDestroy(benchmark::State& state) {
  const Prepared prepared;
  for (auto _ : state) {
    auto clone = Must(GuardInstance::Clone(prepared.snapshot, prepared.options));
    benchmark::DoNotOptimize(clone);
  }
}
BENCHMARK(CloneAndDestroy);

void CloneOnly(benchmark::State& state) {
  const Prepared prepared;
  std::vector<std::unique_ptr<GuardInstance>> clones;
  for (auto _ : state) {
    clones.push_back(Must(GuardInstance::Clone(prepared.snapshot, prepared.options)));
    if (clones.size() == 100) {
      state.PauseTiming();
      clones.clear();
      state.ResumeTiming();
    }
  }
}
BENCHMARK(CloneOnly);

// A call, and with reset:1 the way back to the prepared state, which makes the next call touch its pages anew.
void CallAndReset(benchmark::State& state) {
  const Prepared prepared;
  const auto clone = Must(GuardInstance::Clone(prepared.snapshot, prepared.options));
  const std::string request = ReadRequest("resource.json");
  for (auto _ : state) {
    auto answer = Must(clone->Call(LabelFunction::kResource, request, {}));
    benchmark::DoNotOptimize(answer);
    if (state.range(0) == 1 && !clone->Reset(prepared.snapshot)) abort();
  }
}
BENCHMARK(CallAndReset)->Arg(0)->Arg(1)->ArgName("reset");

// The overhead of a pool, on threads that share it.
void PoolCall(benchmark::State& state) {
  static std::shared_ptr<GuardPool> pool;
  if (state.thread_index() == 0) {
    pool = Must(GuardPool::Create(Nothing(), Options(), {.max_clones = static_cast<size_t>(2 * state.threads())}));
  }
  for (auto _ : state) {
    auto answer = pool->Call(LabelFunction::kResource, "{}");
    if (!answer) abort();
    benchmark::DoNotOptimize(answer);
  }
  if (state.thread_index() == 0) pool = nullptr;
}
BENCHMARK(PoolCall)->ThreadRange(1, 2)->UseRealTime();

// Throughput of real work: 30 issues of 59 KB.
void PoolLabels(benchmark::State& state) {
  static std::shared_ptr<GuardPool> pool;
  if (state.thread_index() == 0) {
    GuardOptions options;
    options.log = std::make_shared<Silence>();
    pool = Must(GuardPool::Create(RustGuard(), options, {.reset_after_call = state.range(0) == 1}));
    Must(pool->Call(LabelFunction::kAgent, ReadRequest("policy.json")));
  }
  const std::string request = ReadRequest("issues30.json");
  for (auto _ : state) {
    auto answer = pool->Call(LabelFunction::kResponse, request);
    if (!answer) abort();
    benchmark::DoNotOptimize(answer);
  }
  if (state.thread_index() == 0) pool = nullptr;
}
BENCHMARK(PoolLabels)->Arg(0)->Arg(1)->ArgName("reset")->ThreadRange(1, 2)->UseRealTime();

}  // namespace
}  // namespace guardc

BENCHMARK_MAIN();
