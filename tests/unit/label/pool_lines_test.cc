// Calls through a pool on different processors share no cache line that any of them writes: counted, over every access
// to memory that the runtime's code makes.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <cstdio>
#include <latch>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "guardc/pipeline.h"
#include "guardc/pool.h"
#include "tests/fixtures/wat.h"
#include "tests/support/line_trace.h"
#include "tests/unit/label/plain_guard.h"

namespace guardc {
namespace {

using Lines = std::map<uintptr_t, testing::LineUse>;

constexpr uint32_t kCalls = 200;
constexpr std::string_view kPolicy = R"({"allow-only":{"repos":"all","min-integrity":"none"}})";

bool RunOnProcessor(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(processor), &set);
  return sched_setaffinity(0, sizeof(set), &set) == 0;
}

// The allocator under thread sanitizer gives two threads blocks of one line where their batches meet. Keeps a block of
// each small size, so that this thread's next ones lie elsewhere in their lines than those of the last attempt.
void ShiftBlocks() {
  constexpr size_t kGranule = 16, kLargest = 1024;
  static std::vector<std::unique_ptr<char[]>> kept;  // one thread at a time
  for (size_t size = kGranule; size <= kLargest; size += kGranule) kept.push_back(std::make_unique<char[]>(size));
}

// What `call` touches on two processors at the same time, once both have their clones.
template <class Call>
std::vector<Lines> LinesOf(const Call& call) {
  std::vector<Lines> lines(2);
  std::latch ready(2);
  std::vector<std::jthread> threads;
  for (int processor = 0; processor < 2; ++processor) {
    threads.emplace_back([&, processor] {
      EXPECT_TRUE(RunOnProcessor(processor));
      if (processor == 1) ShiftBlocks();
      for (int i = 0; i < 50; ++i) call();
      ready.arrive_and_wait();
      testing::BeginLineTrace();
      for (int i = 0; i < static_cast<int>(kCalls); ++i) call();
      lines[static_cast<size_t>(processor)] = testing::EndLineTrace();
    });
  }
  threads.clear();
  return lines;
}

std::string Describe(uintptr_t line) {
  Dl_info info = {};
  char text[256];
  const bool known = dladdr(reinterpret_cast<const void*>(line), &info) != 0;
  snprintf(text, sizeof(text), "%#zx %s %s", static_cast<size_t>(line), known ? info.dli_fname : "",
           known && info.dli_sname != nullptr ? info.dli_sname : "");
  return text;
}

struct Shared {
  size_t touched = 0;              // lines
  std::vector<uintptr_t> written;  // those of them that calls write
};
Shared SharedBetween(const std::vector<Lines>& lines) {
  Shared out;
  for (const auto& [line, use] : lines[0]) {
    const auto other = lines[1].find(line);
    if (other == lines[1].end()) continue;
    ++out.touched;
    // Not by a call now and then, which tells the watcher of a deadline that is earlier than what it waits for.
    if (use.writes + other->second.writes > kCalls / 10) out.written.push_back(line);
  }
  return out;
}

// What a call shares, it shares each time, whatever lies beside it.
template <class Call>
void ExpectNothingShared(const char* what, const Call& call) {
  constexpr int kAttempts = 6;
  std::vector<uintptr_t> written;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const auto lines = LinesOf(call);
    Shared shared = SharedBetween(lines);
    EXPECT_GT(shared.touched, 0u);  // the pool itself
    printf("%s: %zu and %zu cache lines, of which %zu are touched by both\n", what, lines[0].size(), lines[1].size(),
           shared.touched);
    written = std::move(shared.written);
    if (written.empty()) return;
  }
  for (const uintptr_t line : written) ADD_FAILURE() << what << ": " << Describe(line);
}

TEST(PoolLinesTest, AreSeen) {
  if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "needs two processors";
  alignas(testing::kCacheLine) std::atomic<int> counter = 0;
  const Shared shared = SharedBetween(LinesOf([&] { ++counter; }));
  EXPECT_EQ(shared.written, std::vector{reinterpret_cast<uintptr_t>(&counter)});
}

TEST(PoolLinesTest, NoneThatIsWrittenIsShared) {
  if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "needs two processors";
  GuardOptions options;
  options.output_initial = 1024;
  options.log = std::make_shared<testing::SilentLog>();
  const auto pool = GuardPool::Create(testing::CompileWat(testing::kPlainGuard).value(), options, {}).value();
  ExpectNothingShared("text", [&] { ASSERT_TRUE(pool->Call(LabelFunction::kResource, "{}")); });
  ExpectNothingShared("with a deadline and a stop token", [&] {
    std::stop_source stop;
    const CallOptions call = {.deadline = Clock::now() + std::chrono::hours(1), .stop = stop.get_token()};
    ASSERT_TRUE(pool->Call(LabelFunction::kResource, "{}", call));
  });
  const auto source = MakeCompiledSource(pool);
  ExpectNothingShared("typed", [&] {
    const JsonDocument args;
    const std::optional<JsonDocument> capabilities;
    ASSERT_TRUE(source->LabelResource({.tool = "list_things", .args = args, .capabilities = capabilities}, {}));
  });
  // A whole call, each thread's for an agent of its own.
  ExpectNothingShared("guarded", [&] {
    thread_local Agent agent({.secrecy = {"s"}, .integrity = {"i"}});
    const Outcome outcome = GuardedCall(*source, agent, {.tool = "list_things", .policy_json = kPolicy},
                                        [](auto, auto, const auto&) { return Result<std::string>("[]"); });
    ASSERT_EQ(outcome.kind, OutcomeKind::kAllowed) << outcome.reason;
  });
}

}  // namespace
}  // namespace guardc
