#include "compiler/parallel.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "compiler/codegen/llvm_errors.h"

namespace guardc::compiler {
namespace {

// Address space; touched pages only count. The smaller one is for systems that have not so much.
constexpr size_t kStackSizes[] = {size_t{256} << 20, size_t{16} << 20};

using Work = std::function<void()>;

void* RunWork(void* work) {
  (*static_cast<const Work*>(work))();
  return nullptr;
}

// A thread of its own with a large stack, which std::thread cannot have. Joined by its destructor.
class Thread {
 public:
  // False where the system gives no more threads.
  bool Start(const Work& work) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    for (const size_t size : kStackSizes) {
      pthread_attr_setstacksize(&attributes, size);
      started_ = pthread_create(&thread_, &attributes, RunWork, const_cast<Work*>(&work)) == 0;
      if (started_) break;
    }
    pthread_attr_destroy(&attributes);
    return started_;
  }
  Thread() = default;
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  ~Thread() {
    if (started_) pthread_join(thread_, nullptr);
  }

 private:
  pthread_t thread_{};
  bool started_ = false;
};

}  // namespace

unsigned JobCount(unsigned requested) {
  return requested != 0 ? requested : std::max(1u, std::thread::hardware_concurrency());
}

Result<void> ParallelFor(size_t count, unsigned jobs, const std::function<Result<void>(size_t)>& task) {
  std::vector<std::optional<Error>> errors(count);
  std::atomic<size_t> next = 0;
  std::atomic<bool> failed = false;
  const Work work = [&] {
    for (size_t i = next++; i < count; i = next++) {
      if (failed) return;
      auto result = GuardLlvm([&] { return task(i); });
      if (!result) {
        errors[i] = std::move(result).error();
        failed = true;
      }
    }
  };
  {
    // Even one job runs on a thread of ours, for its stack.
    std::vector<Thread> threads(std::min<size_t>(std::max(1u, jobs), count));
    bool any = false;
    for (Thread& thread : threads) any = thread.Start(work) || any;
    if (!any) work();
  }
  for (auto& error : errors) {
    if (error) return std::unexpected(std::move(*error));
  }
  return {};
}

}  // namespace guardc::compiler
