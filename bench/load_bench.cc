// A load in a running process: its floors, measured on the very object, and Module::Load with and without the check of
// the hash. bench/load.py puts the rows beside each other.
//
//   load_bench ENTRY [Google Benchmark's options]      ENTRY: the artifact's directory in the cache
//
// For the trusted rows ENTRY must lie where only root or the user may write.
#include <benchmark/benchmark.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "artifact/abi.h"
#include "artifact/manifest.h"
#include "base/file.h"
#include "base/hash.h"
#include "guardc/guard.h"
#include "guardc/module.h"

namespace guardc {
namespace {

std::filesystem::path entry;

std::string ObjectPath() { return entry / artifact::kObjectFile; }

template <class T>
T Take(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "load_bench: %s\n", result.error().message.c_str());
    std::exit(1);
  }
  return std::move(*result);
}

// What the dynamic linker takes for the object as it lies in the cache.
void FloorDlopen(benchmark::State& state) {
  const std::string path = ObjectPath();
  for (auto _ : state) {
    void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) state.SkipWithError(dlerror());
    state.PauseTiming();
    dlclose(handle);
    state.ResumeTiming();
  }
}

void FloorHash(benchmark::State& state) {
  const auto bytes = Take(ReadFile(ObjectPath(), uint64_t{1} << 30));
  for (auto _ : state) benchmark::DoNotOptimize(Sha256Of(bytes));
}

// A memory file that nobody can change any more.
void FloorSealedCopy(benchmark::State& state) {
  const Fd source(open(ObjectPath().c_str(), O_RDONLY | O_CLOEXEC));
  const auto size = static_cast<size_t>(std::filesystem::file_size(ObjectPath()));
  std::vector<std::byte> buffer(size);
  for (auto _ : state) {
    const Fd copy(memfd_create("floor", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (pread(source.get(), buffer.data(), size, 0) != static_cast<ssize_t>(size) ||
        pwrite(copy.get(), buffer.data(), size, 0) != static_cast<ssize_t>(size) ||
        fcntl(copy.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
      state.SkipWithError("the copy failed");
    }
  }
}

// Address space for a memory, and an image in it.
void FloorReserveAndMap(benchmark::State& state) {
  const Fd source(open(ObjectPath().c_str(), O_RDONLY | O_CLOEXEC));
  constexpr size_t kImage = 40960;
  for (auto _ : state) {
    void* space = mmap(nullptr, abi::kMemoryReservation, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (space == MAP_FAILED || mprotect(space, 17 * 65536, PROT_READ | PROT_WRITE) != 0 ||
        mmap(space, kImage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, source.get(), 0) == MAP_FAILED) {
      state.SkipWithError("mapping failed");
    }
    state.PauseTiming();
    munmap(space, abi::kMemoryReservation);
    state.ResumeTiming();
  }
}

// What the kernel takes for one more instance while others live: address space of its own, in it a stack, a context and
// memory that may be touched, an image, and the first page written.
void FloorOneMore(benchmark::State& state) {
  const Fd source(open(ObjectPath().c_str(), O_RDONLY | O_CLOEXEC));
  constexpr size_t kGuardRegion = 65536, kStack = 1 << 20, kMemory = 17 * 65536, kImage = 40960, kMost = 200;
  constexpr size_t kContextAt = 2 * kGuardRegion + kStack;
  constexpr size_t kSpace = kContextAt + 4096 + abi::kMemoryReservation;
  std::vector<Mapping> spaces;
  spaces.reserve(kMost);
  for (auto _ : state) {
    void* space = mmap(nullptr, kSpace, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    auto* begin = static_cast<std::byte*>(space);
    std::byte* context = begin + kContextAt;
    if (space == MAP_FAILED || mprotect(begin + kGuardRegion, kStack, PROT_READ | PROT_WRITE) != 0 ||
        mprotect(context, 4096 + kMemory, PROT_READ | PROT_WRITE) != 0 ||
        mmap(context + 4096, kImage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, source.get(), 0) == MAP_FAILED) {
      state.SkipWithError("mapping failed");
      break;
    }
    *context = std::byte{1};
    spaces.emplace_back(space, kSpace);
    if (spaces.size() < kMost) continue;
    state.PauseTiming();
    spaces.clear();
    state.ResumeTiming();
  }
}

void Load(benchmark::State& state, bool trusted) {
  for (auto _ : state) {
    auto module = Take(Module::Load(entry, {.trusted = trusted}));
    state.PauseTiming();
    module.reset();
    state.ResumeTiming();
  }
}

// Until a guard can be called.
void LoadAndCreate(benchmark::State& state, bool trusted) {
  for (auto _ : state) {
    auto guard = Take(Guard::Create(Take(Module::Load(entry, {.trusted = trusted}))));
    state.PauseTiming();
    guard.reset();
    state.ResumeTiming();
  }
}

// Once more, from an artifact that is loaded: where an instance of it has gone before.
void CreateAgain(benchmark::State& state) {
  const auto module = Take(Module::Load(entry));
  for (auto _ : state) {
    auto guard = Take(Guard::Create(module));
    state.PauseTiming();
    guard.reset();
    state.ResumeTiming();
  }
}

// The same while all earlier ones live.
void CreateBeside(benchmark::State& state) {
  constexpr size_t kMost = 200;
  const auto module = Take(Module::Load(entry));
  std::vector<std::shared_ptr<Guard>> guards;
  guards.reserve(kMost);
  for (auto _ : state) {
    guards.push_back(Take(Guard::Create(module)));
    if (guards.size() < kMost) continue;
    state.PauseTiming();
    guards.clear();
    state.ResumeTiming();
  }
}

}  // namespace
}  // namespace guardc

int main(int argc, char** argv) {
  using namespace guardc;  // NOLINT: the rows
  if (argc < 2 || argv[1][0] == '-') {
    std::fputs("usage: load_bench ENTRY [options of Google Benchmark]\n", stderr);
    return 2;
  }
  entry = argv[1];
  const auto add = [](const char* name, auto function) {
    benchmark::RegisterBenchmark(name, function)->Unit(benchmark::kMicrosecond);
  };
  add("floor: dlopen", FloorDlopen);
  add("floor: SHA-256", FloorHash);
  add("floor: sealed copy", FloorSealedCopy);
  add("floor: reserve and map", FloorReserveAndMap);
  add("floor: one more instance", FloorOneMore);
  add("load, verified", [](benchmark::State& state) { Load(state, false); });
  add("load, trusted", [](benchmark::State& state) { Load(state, true); });
  add("load and create, verified", [](benchmark::State& state) { LoadAndCreate(state, false); });
  add("load and create, trusted", [](benchmark::State& state) { LoadAndCreate(state, true); });
  add("create again", CreateAgain);
  add("create one more", CreateBeside);
  argv[1] = argv[0];
  --argc;
  ++argv;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
