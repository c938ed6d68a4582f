#include "tests/fuzz/validity/run.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/format.h"
#include "tests/fuzz/validity/generate.h"
#include "tests/fuzz/validity/minimise.h"

namespace guardc::validity {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kLargest = size_t{4} << 20;  // bytes of a module that are kept over a crash
constexpr size_t kMostKeys = 2048;
constexpr uint64_t kMostDeaths = 20;                   // that are kept: nothing tells whether they are the same
constexpr uint64_t kWorkerMemory = uint64_t{2} << 30;  // bytes; reading needs less
constexpr double kHang = 30;                           // seconds of the processor: a busy machine is no hang

// What a worker is at; its parent reads it when it died.
struct Slot {
  std::atomic<uint64_t> index;
  std::atomic<uint64_t> size;  // 0 while the module is made
  uint8_t wasm[kLargest];
};

// Shared by all processes of a run, and zero at its start.
struct Board {
  std::atomic<bool> stop;
  std::atomic<uint64_t> modules, bytes, accepted, refused, excepted;
  std::array<std::atomic<uint64_t>, 16> findings;  // by kind
  std::array<std::atomic<uint64_t>, kMostKeys> keys;
  std::array<Slot, kMostJobs> slots;

  // Whether the key was not there before.
  bool Enter(std::string_view key) {
    const uint64_t hash = std::hash<std::string_view>()(key) | 1;
    for (size_t i = 0; i < kMostKeys; ++i) {
      uint64_t found = 0;
      if (keys[(hash + i) % kMostKeys].compare_exchange_strong(found, hash)) return true;
      if (found == hash) return false;
    }
    return false;  // full: enough was found
  }
};

class Runner {
 public:
  Runner(const RunOptions& options, const Corpus& corpus, const Sweep& sweep)
      : options_(options), corpus_(corpus), sweep_(sweep) {
    void* memory = mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
      std::perror("validity: no shared memory");
      std::exit(2);
    }
    board_ = new (memory) Board;
  }

  uint64_t Run() {
    const auto start = Clock::now();
    std::vector<Worker> workers(options_.jobs);
    for (uint32_t i = 0; i < options_.jobs; ++i) Start(workers[i], i, i);
    auto reported = start;
    for (size_t running = options_.jobs; running > 0;) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      const auto now = Clock::now();
      const double seconds = std::chrono::duration<double>(now - start).count();
      if (options_.seconds > 0 && seconds >= options_.seconds) board_->stop = true;
      if (now - reported > std::chrono::minutes(1)) {
        reported = now;
        std::fprintf(stderr, "%s\n", Summary(seconds).c_str());
      }
      for (Worker& worker : workers) {
        if (worker.pid != 0 && Watch(worker)) --running;
      }
    }
    std::printf("%s\n", Summary(std::chrono::duration<double>(Clock::now() - start).count()).c_str());
    return Findings();
  }

 private:
  struct Worker {
    pid_t pid = 0;  // 0: ended
    uint32_t number = 0;
    uint64_t seen = 0;  // index
    double since = 0;   // seconds of the processor
  };

  static double CpuSeconds(pid_t pid) {
    clockid_t clock;
    timespec time{};
    if (clock_getcpuclockid(pid, &clock) == 0) clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  }

  void Start(Worker& worker, uint32_t number, uint64_t first_index) {
    std::fflush(nullptr);
    worker = {.pid = fork(), .number = number, .seen = first_index};
    if (worker.pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
#ifndef GUARDC_VALIDITY_SANITIZED
      const rlimit limit = {kWorkerMemory, kWorkerMemory};
      setrlimit(RLIMIT_AS, &limit);
#endif
      Work(board_->slots[number], first_index);
      std::fflush(nullptr);
      _exit(0);
    }
    if (worker.pid < 0) {
      std::perror("validity: fork");
      std::exit(2);
    }
  }

  // True when the worker is through.
  bool Watch(Worker& worker) {
    Slot& slot = board_->slots[worker.number];
    int status = 0;
    const bool ended = waitpid(worker.pid, &status, WNOHANG) == worker.pid;
    if (ended && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
      worker.pid = 0;
      return true;
    }
    const uint64_t index = slot.index;
    if (!ended) {
      const double now = CpuSeconds(worker.pid);
      if (index != worker.seen) worker.since = now;
      worker.seen = index;
      if (now - worker.since < kHang) return false;
      kill(worker.pid, SIGKILL);
      waitpid(worker.pid, &status, 0);
      Died(slot, FindingKind::kHang, Format("no answer after {} s of the processor", kHang));
    } else {
      Died(slot, FindingKind::kCrash,
           WIFSIGNALED(status) ? Format("signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)))
                               : Format("exit code {}", WEXITSTATUS(status)));
    }
    Start(worker, worker.number, index + options_.jobs);
    return false;
  }

  void Died(const Slot& slot, FindingKind kind, const std::string& how) {
    const uint64_t count = ++board_->findings[static_cast<size_t>(kind)];
    if (slot.size == 0) {
      std::fprintf(stderr,
                   "validity: died while module %lu of seed %lu was made, by a valid one that it is made of: %s\n",
                   static_cast<unsigned long>(slot.index), static_cast<unsigned long>(options_.seed), how.c_str());
    } else if (count <= kMostDeaths) {
      const Bytes wasm(slot.wasm, slot.wasm + std::min<size_t>(slot.size, kLargest));
      Save(kind, slot.index, wasm, Format("{}: {}: {}\n", TextOf(kind).name, TextOf(kind).meaning, how));
    }
  }

  void Work(Slot& slot, uint64_t index) {
    for (; !board_->stop && (options_.modules == 0 || index < sweep_.size() + corpus_.size() + options_.modules);
         index += options_.jobs) {
      slot.size = 0;
      slot.index = index;
      const Bytes wasm = MakeModule(options_.seed, index, corpus_, sweep_);
      std::copy_n(wasm.begin(), std::min(wasm.size(), kLargest), slot.wasm);
      slot.size = wasm.size();
      const Verdict verdict = Judge(wasm, options_.first);
      ++board_->modules;
      board_->bytes += wasm.size();
      if (verdict.finding) {
        Report(verdict, index, wasm);
      } else if (verdict.GuardcAccepts()) {
        ++board_->accepted;
      } else if (verdict.oracle == OracleOutcome::kAccepted) {
        ++board_->excepted;
      } else {
        ++board_->refused;
      }
    }
  }

  void Report(const Verdict& verdict, uint64_t index, const Bytes& wasm) {
    ++board_->findings[static_cast<size_t>(*verdict.finding)];
    if (!board_->Enter(verdict.Key(wasm))) return;
    const bool by_time = verdict.finding == FindingKind::kSlow;
    const Bytes smaller = by_time ? wasm : Minimise(wasm, verdict, options_.first);
    Save(*verdict.finding, index, smaller, by_time ? verdict.Describe() : Judge(smaller, options_.first).Describe());
  }

  void Save(FindingKind kind, uint64_t index, const Bytes& wasm, const std::string& text) {
    const std::string name = Format("validity-{}-{}-{}-{}", FirstName(), TextOf(kind).name, options_.seed, index);
    std::error_code error;
    std::filesystem::create_directories(options_.keep, error);
    std::ofstream(options_.keep / (name + ".wasm"), std::ios::binary)
        .write(reinterpret_cast<const char*>(wasm.data()), static_cast<std::streamsize>(wasm.size()));
    std::ofstream(options_.keep / (name + ".txt")) << text;
    std::fprintf(stderr, "%s (%zu bytes)\n%s", (options_.keep / (name + ".wasm")).c_str(), wasm.size(), text.c_str());
  }

  std::string_view FirstName() const { return options_.first == FirstValidator::kWabt ? "wabt" : "none"; }

  uint64_t Findings() const {
    uint64_t sum = 0;
    for (const auto& count : board_->findings) sum += count;
    return sum;
  }

  std::string Summary(double seconds) const {
    const auto load = [](const std::atomic<uint64_t>& value) { return value.load(); };
    std::string kinds;
    for (size_t i = 0; i < board_->findings.size(); ++i) {
      if (board_->findings[i] == 0) continue;
      kinds += Format("{}{} {}", kinds.empty() ? " (" : ", ", TextOf(static_cast<FindingKind>(i)).name,
                      load(board_->findings[i]));
    }
    if (!kinds.empty()) kinds += ")";
    const uint64_t modules = load(board_->modules);
    return Format(
        "validity: first {}, seed {}: {} modules ({} MB) in {:.0f} s, {:.0f} a second; accepted by both {}, refused by "
        "both {}, excepted {}; {} findings{}",
        FirstName(), options_.seed, modules, load(board_->bytes) >> 20, seconds,
        static_cast<double>(modules) / std::max(seconds, 0.001), load(board_->accepted), load(board_->refused),
        load(board_->excepted), Findings(), kinds);
  }

  const RunOptions& options_;
  const Corpus& corpus_;
  const Sweep& sweep_;
  Board* board_;
};

}  // namespace

Bytes MakeModule(uint64_t seed, uint64_t index, const Corpus& corpus, const Sweep& sweep) {
  if (index < sweep.size()) return sweep.Module(index);
  if (index < sweep.size() + corpus.size()) return corpus.Module(index - sweep.size());
  Rng rng(seed, index);
  if (rng.OneIn(4000)) return GenerateLong(rng);
  const uint32_t way = rng.Below(10);
  if (way < 3) return GenerateValid(rng);
  if (way < 7) return GenerateFaulty(rng);
  const auto draw = [&](bool generated) {
    return generated || corpus.size() == 0 ? Seed::Of(GenerateValid(rng)) : corpus.Draw(rng);
  };
  Seed base = draw(way == 7);
  const Seed donor = rng.OneIn(2) ? base : draw(false);
  return Mutate(rng, std::move(base), donor);
}

uint64_t Run(const RunOptions& options, const Corpus& corpus, const Sweep& sweep) {
  return Runner(options, corpus, sweep).Run();
}

}  // namespace guardc::validity
