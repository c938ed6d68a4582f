// Many threads, several guards, pools among them, and everything that can go wrong at random: each call comes to
// exactly one outcome, which is one that its own request explains.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <queue>
#include <random>
#include <set>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <vector>

#include "guardc/pipeline.h"
#include "guardc/pool.h"
#include "guardc/registry.h"
#include "tests/stress/stress_support.h"

namespace guardc {
namespace {

using std::chrono::microseconds;

constexpr int kThreads = 64;
constexpr int kGuards = 8;
// A guard that stays poisoned; the others, and the pools, replace what failed.
constexpr int kPoisoned = 0;
bool IsPool(int guard) { return guard >= 4; }

// Requests stops at random moments, from a thread of its own.
class Stopper {
 public:
  Stopper() : thread_([this](std::stop_token stop) { Run(stop); }) {}
  std::stop_token After(microseconds time) {
    std::stop_source source;
    const std::lock_guard lock(mutex_);
    pending_.push({Clock::now() + time, source});
    wake_.notify_one();
    return source.get_token();
  }

 private:
  struct Pending {
    Clock::time_point when;
    std::stop_source source;
    bool operator<(const Pending& other) const { return when > other.when; }
  };
  void Run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
      if (pending_.empty()) {
        wake_.wait(lock, stop, [&] { return !pending_.empty(); });
        continue;
      }
      const auto when = pending_.top().when;
      wake_.wait_until(lock, stop, when, [&] { return pending_.top().when < when; });
      while (!pending_.empty() && pending_.top().when <= Clock::now()) {
        std::stop_source source = pending_.top().source;
        pending_.pop();
        lock.unlock();
        source.request_stop();
        lock.lock();
      }
    }
  }
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::priority_queue<Pending> pending_;
  std::jthread thread_;
};

class Mixed : public ::testing::Test {
 protected:
  std::shared_ptr<LabelSource> Make(int guard) {
    GuardOptions options;
    options.name = "g" + std::to_string(guard);
    options.stack_size = 256 * 1024;
    options.output_initial = 4096;
    options.log = log_;
    options.after_failure = guard == kPoisoned ? AfterFailure::kStayPoisoned : AfterFailure::kReplace;
    options.backend = [this](auto, auto, const CallOptions& call) { return GuardsBackend(call); };
    if (!IsPool(guard)) return MakeCompiledSource(Guard::Create(StressModule(), options).value());
    const PoolOptions pool = {.max_clones = static_cast<size_t>(guard == 4 ? 1 : 4), .reset_after_call = guard == 5};
    return MakeCompiledSource(GuardPool::Create(StressModule(), options, pool).value());
  }

  // What the guard's own call_backend reaches.
  Result<std::string> GuardsBackend(const CallOptions& call) {
    switch (guard_backend_calls_++ % 7) {
      case 0:
        return Fail(ErrorKind::kBackend, "no");
      case 1:
        throw std::runtime_error("thrown");
      case 2:
        return std::string(10'000, 'x');  // does not fit
      case 3:
        while (!call.stop.stop_requested() && call.deadline && Clock::now() < *call.deadline) std::this_thread::yield();
        return "1";
      default:
        return "{}";
    }
  }

  void OneCall(int id, std::mt19937& random);
  void Run(int calls);

  const std::shared_ptr<GuardLog> log_ = std::make_shared<SilentLog>();
  std::atomic<int> guard_backend_calls_ = 0;
  GuardRegistry registry_;
  Agent agents_[kGuards];
  Stopper stopper_;
  std::vector<std::atomic<uint8_t>> backend_calls_;  // by id
  std::atomic<int> done_ = 0;
  std::atomic<int> outcomes_[64] = {};  // by ErrorKind; allowed: the last
};

void Mixed::OneCall(int id, std::mt19937& random) {
  const auto chance = [&](unsigned percent) { return random() % 100 < percent; };
  const int guard = static_cast<int>(random() % kGuards);
  constexpr std::string_view kHarmless = "EEEEEbk", kFatal = "uodrx", kEndless = "lfp", kWrong = "znj";
  const auto pick = [&](std::string_view from) { return from[random() % from.size()]; };
  char ops[2];
  for (char& op : ops) op = pick(chance(80) ? kHarmless : chance(40) ? kFatal : chance(50) ? kEndless : kWrong);
  const std::string number = std::to_string(id);
  const std::string tool = std::string(ops, 2) + std::string(8 - number.size(), '0') + number;

  CallRequest request = {.tool = tool, .policy_json = kStressPolicy};
  const bool is_endless = kEndless.contains(ops[0]) || kEndless.contains(ops[1]);
  std::set<ErrorKind> may_fail_with;
  if (chance(30) || (is_endless && chance(50))) {
    request.call.deadline = Clock::now() + microseconds(random() % 5000);
    may_fail_with.insert(ErrorKind::kDeadline);
  }
  if (chance(20) || (is_endless && !request.call.deadline)) {
    request.call.stop = stopper_.After(microseconds(random() % 3000));
    may_fail_with.insert(ErrorKind::kCancelled);
  }
  const bool is_bounded = !may_fail_with.empty();
  enum { kAnswers, kFails, kThrows, kNoJson } backend = kAnswers;
  if (chance(20)) backend = chance(50) ? kFails : chance(50) ? kThrows : kNoJson;
  // Where nothing interferes, this is what must come, or nullopt for success.
  std::optional<ErrorKind> must;
  for (int i = 0; i < 2 && !must && (i == 0 || backend == kAnswers); ++i) {
    const char op = ops[i];
    if (op == 'x' || op == 'z')
      must = ErrorKind::kExit;
    else if (kFatal.contains(op))
      must = ErrorKind::kTrap;
    else if (op == 'n')
      must = ErrorKind::kGuardError;
    else if (op == 'j')
      must = ErrorKind::kBadResponse;
    else if (kEndless.contains(op))
      must = ErrorKind::kInternal;  // one of the bounds, see below
  }
  if (!must && backend != kAnswers) must = ErrorKind::kBackend;
  if (must && *must != ErrorKind::kInternal) may_fail_with.insert(*must);
  if (guard == kPoisoned) may_fail_with.insert({ErrorKind::kInstanceFailed, ErrorKind::kClosed});

  const std::string server = "s" + std::to_string(guard);
  const std::shared_ptr<LabelSource> source = registry_.Get(server);
  Agent stranger;
  Agent& agent = chance(10) ? stranger : agents_[guard];
  const Outcome outcome = GuardedCall(*source, agent, request, [&](std::string_view name, auto, const auto&) {
    EXPECT_EQ(name, tool);
    ++backend_calls_[static_cast<size_t>(id)];
    if (backend == kThrows) throw std::runtime_error("thrown");
    if (backend == kFails) return Result<std::string>(Fail(ErrorKind::kBackend, "no"));
    return Result<std::string>(backend == kNoJson ? "no" : "[" + std::to_string(id) + "]");
  });
  ++done_;

  const int asked = backend_calls_[static_cast<size_t>(id)];
  EXPECT_LE(asked, 1);
  if (outcome.kind == OutcomeKind::kAllowed) {
    ++outcomes_[63];
    EXPECT_FALSE(must) << tool;
    EXPECT_EQ(asked, 1);
    EXPECT_EQ(outcome.result, "[" + std::to_string(id) + "]");
    EXPECT_EQ(outcome.resource->description, tool.substr(2));
    return;
  }
  ASSERT_EQ(outcome.kind, OutcomeKind::kError) << tool << outcome.reason;
  ASSERT_TRUE(outcome.error);
  const ErrorKind kind = outcome.error->kind;
  ++outcomes_[static_cast<size_t>(kind)];
  EXPECT_TRUE(may_fail_with.contains(kind)) << tool << ": " << outcome.error->message;
  if (!is_bounded && guard != kPoisoned) {
    EXPECT_EQ(kind, must) << tool;
  }
  EXPECT_FALSE(outcome.result);
  // Whoever sees that it is out of use puts another in its place, as a gateway would that has no replacement.
  if (guard == kPoisoned && !source->healthy()) {
    const auto before = registry_.Register(server, Make(guard));
    ASSERT_TRUE(before);
    EXPECT_TRUE((*before)->Close());
  }
}

void Mixed::Run(int calls) {
  for (int i = 0; i < kGuards; ++i) ASSERT_TRUE(registry_.Register("s" + std::to_string(i), Make(i)));
  backend_calls_ = std::vector<std::atomic<uint8_t>>(static_cast<size_t>(calls));
  std::atomic<int> next = 0;
  {
    std::vector<std::jthread> threads;
    for (unsigned t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        std::mt19937 random(t + 1);
        for (int id; (id = next++) < calls;) OneCall(id, random);
      });
    }
  }
  EXPECT_EQ(done_, calls);
  EXPECT_TRUE(registry_.CloseAll());
  EXPECT_TRUE(registry_.CloseAll());
  for (size_t kind = 0; kind < 64; ++kind) {
    if (outcomes_[kind] == 0) continue;
    const std::string name(kind == 63 ? "allowed" : ErrorKindName(static_cast<ErrorKind>(kind)));
    printf("%8d %s\n", outcomes_[kind].load(), name.c_str());
  }
  // Every kind of end was met.
  EXPECT_GT(outcomes_[63], calls / 8);
  for (const ErrorKind kind : {ErrorKind::kTrap, ErrorKind::kExit, ErrorKind::kDeadline, ErrorKind::kCancelled,
                               ErrorKind::kBackend, ErrorKind::kGuardError, ErrorKind::kBadResponse}) {
    if (calls > 2000) {
      EXPECT_GT(outcomes_[static_cast<size_t>(kind)], 0) << ErrorKindName(kind);
    }
  }
}

// So that what is made once per process is there before holdings are counted.
TEST_F(Mixed, AWarmUp) { Run(640); }

TEST_F(Mixed, NoCallIsLostAndEveryOutcomeIsTyped) {
  const Holdings before = Holdings::Now();
  Run(StressCalls());
  ExpectNothingLeaked(before);
}

}  // namespace
}  // namespace guardc
