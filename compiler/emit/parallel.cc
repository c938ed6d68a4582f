#include "compiler/emit/parallel.h"

#include <llvm/Support/thread.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "compiler/emit/llvm_guard.h"

namespace guardc::compiler {
namespace {

constexpr unsigned kStackSize = 256u << 20;  // address space; touched pages only count

}  // namespace

unsigned JobCount(unsigned requested) {
  return requested != 0 ? requested : std::max(1u, std::thread::hardware_concurrency());
}

Result<void> ParallelFor(size_t count, unsigned jobs, const std::function<Result<void>(size_t)>& task) {
  std::vector<std::optional<Error>> errors(count);
  std::atomic<size_t> next = 0;
  std::atomic<bool> failed = false;
  const auto work = [&] {
    for (size_t i = next++; i < count; i = next++) {
      if (failed) return;
      auto result = GuardLlvm([&] { return task(i); });
      if (!result) {
        errors[i] = std::move(result).error();
        failed = true;
      }
    }
  };
  // Always on threads of our own, for their stacks, even for one job.
  std::vector<std::unique_ptr<llvm::thread>> threads;
  const size_t wanted = std::min<size_t>(std::max(1u, jobs), count);
  for (size_t i = 0; i < wanted; ++i) {
    threads.push_back(std::make_unique<llvm::thread>(std::optional<unsigned>(kStackSize), work));
  }
  for (auto& thread : threads) thread->join();
  for (auto& error : errors) {
    if (error) return std::unexpected(std::move(*error));
  }
  return {};
}

}  // namespace guardc::compiler
