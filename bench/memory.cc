// What guards of one artifact take of memory: never called, after calls, after a reset, after they were closed.
//
//   bench_memory ENTRY REQUESTS GUARDS CALLED      prints "name value" lines; bytes
//
// Counted is what the kernel counts for this process alone: resident pages that no other shares, and page tables.
#include <malloc.h>
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "guardc/guard.h"
#include "guardc/log.h"
#include "guardc/module.h"
#include "runtime/label/guard_instance.h"
#include "runtime/label/guard_options.h"

namespace guardc {
namespace {

template <class T>
T Take(Result<T> result) {
  if (!result) {
    fprintf(stderr, "bench_memory: %s\n", result.error().message.c_str());
    exit(1);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// The number, in kB in the file, after "Name:" at the beginning of a line; in bytes.
int64_t Field(const char* file, std::string_view name) {
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with(name) && line[name.size()] == ':') return 1024 * atoll(line.c_str() + name.size() + 1);
  }
  return 0;
}

struct Footprint {
  int64_t resident;  // pages that this process alone holds
  int64_t tables;    // page tables
  int64_t total() const { return resident + tables; }
  static Footprint Now() {
    malloc_trim(0);  // what is free is nobody's
    return {Field("/proc/self/smaps_rollup", "Private_Dirty") + Field("/proc/self/smaps_rollup", "Private_Clean"),
            Field("/proc/self/status", "VmPTE")};
  }
};

// Pages that were written in mappings which lie behind `floor` bytes of reservation or more, that is: in guests'
// stacks, contexts and memories. Reservations are told from other mappings by their PROT_NONE part of gigabytes.
int64_t WrittenByInstances() {
  std::ifstream stream("/proc/self/smaps");
  int64_t total = 0, pending = 0;
  for (std::string line; std::getline(stream, line);) {
    unsigned long begin = 0, end = 0;
    char access[8] = {};
    if (sscanf(line.c_str(), "%lx-%lx %4s", &begin, &end, access) == 3) {
      if (end - begin > uint64_t{1} << 31 && access[0] == '-') {
        total += pending;
        pending = 0;
      } else if (line.find("/lib") != std::string::npos || line.ends_with("[heap]")) {
        pending = 0;
      }
    } else if (line.starts_with("Private_Dirty:")) {
      pending += 1024 * atoll(line.c_str() + strlen("Private_Dirty:"));
    }
  }
  return total;
}

class Bench {
 public:
  Bench(const char* entry, const std::string& requests) : requests_(requests) {
    module_ = Take(Module::Load(entry));
    for (const char* name : {"policy.json", "resource.json", "issues30.json"}) inputs_.push_back(Read(name));
    ConfigureLogs({.levels = "off", .json = {}, .write = {}});
    options_.backend = [](auto, auto, const auto&) { return Result<std::string>("{}"); };
    // What is made once per process.
    auto first = Take(Guard::Create(module_, options_));
    CallAll(*first);
    Take(first->Close());
  }

  void Guards(int count, int called) {
    std::vector<std::shared_ptr<Guard>> guards;
    guards.reserve(static_cast<size_t>(count));
    const Footprint before = Footprint::Now();
    for (int i = 0; i < count; ++i) {
      options_.name = "guard" + std::to_string(i);
      guards.push_back(Take(Guard::Create(module_, options_)));
    }
    const Footprint idle = Footprint::Now();
    Print("guard, never called", (idle.total() - before.total()) / count);
    Print("guard, never called: resident", (idle.resident - before.resident) / count);
    Print("guard, never called: page tables", (idle.tables - before.tables) / count);
    const int64_t written_before = WrittenByInstances();
    for (int i = 0; i < called; ++i) CallAll(*guards[static_cast<size_t>(i)]);
    const Footprint after = Footprint::Now();
    const int64_t written = WrittenByInstances() - written_before;
    Print("guard, after calls", (after.total() - idle.total()) / called);
    Print("guard, after calls: what the guest wrote", written / called);
    Print("guard, after calls: resident, beside what the guest wrote",
          (after.resident - idle.resident - written) / called);
    Print("guard, after calls: page tables", (after.tables - idle.tables) / called);
    guards.clear();
    guards.shrink_to_fit();
    Print("all guards, closed", Footprint::Now().total() - before.total());
  }

  void Clones(int count, int called) {
    Take(CompleteOptions(options_));
    auto prepared = Take(GuardInstance::Create(module_, options_, {}));
    Take(prepared->Call(LabelFunction::kAgent, inputs_[0], {}));
    const GuardSnapshot snapshot = Take(prepared->Snapshot());
    Print("pool, the prepared state", static_cast<int64_t>(snapshot.instance->stored_bytes()));
    std::vector<std::unique_ptr<GuardInstance>> clones;
    clones.reserve(static_cast<size_t>(count));
    const Footprint before = Footprint::Now();
    for (int i = 0; i < count; ++i) clones.push_back(Take(GuardInstance::Clone(snapshot, options_)));
    const Footprint idle = Footprint::Now();
    Print("clone, never called", (idle.total() - before.total()) / count);
    for (int i = 0; i < called; ++i) {
      Take(clones[static_cast<size_t>(i)]->Call(LabelFunction::kResource, inputs_[1], {}));
      Take(clones[static_cast<size_t>(i)]->Call(LabelFunction::kResponse, inputs_[2], {}));
    }
    Print("clone, after calls", (Footprint::Now().total() - idle.total()) / called);
    for (int i = 0; i < called; ++i) Take(clones[static_cast<size_t>(i)]->Reset(snapshot));
    const Footprint reset = Footprint::Now();
    Print("clone, after a reset", (reset.total() - idle.total()) / called);
    Print("clone, after a reset: resident", (reset.resident - idle.resident) / called);
  }

 private:
  std::string Read(const char* name) {
    const auto bytes = Take(ReadFile(requests_ + "/" + name, 64 << 20));
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  void CallAll(Guard& guard) {
    for (int i = 0; i < 3; ++i) Take(guard.Call(static_cast<LabelFunction>(i), inputs_[static_cast<size_t>(i)]));
  }
  static void Print(const char* name, int64_t bytes) { printf("%s\t%lld\n", name, static_cast<long long>(bytes)); }

  const std::string requests_;
  std::shared_ptr<const Module> module_;
  std::vector<std::string> inputs_;  // by LabelFunction
  GuardOptions options_;
};

}  // namespace
}  // namespace guardc

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  guardc::Bench bench(argv[1], argv[2]);
  bench.Guards(atoi(argv[3]), atoi(argv[4]));
  bench.Clones(atoi(argv[3]), atoi(argv[4]));
}
