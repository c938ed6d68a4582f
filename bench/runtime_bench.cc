// In-process figures of guards and pools: what a call costs beside the guest's own work, what an instance costs, and
// how soon an interruption arrives. Google Benchmark; run build/bin/runtime_bench --help.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stop_token>
#include <string>

#include "guardc/guard.h"
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

void CreateGuard(benchmark::State& state) {
  const auto module = state.range(0) == 0 ? Nothing() : RustGuard();
  for (auto _ : state) {
    auto guard = Must(Guard::Create(module, Options()));
    benchmark::DoNotOptimize(guard);
  }
}
BENCHMARK(CreateGuard)->Arg(0)->Arg(1)->ArgName("rust");

}  // namespace
}  // namespace guardc

BENCHMARK_MAIN();
