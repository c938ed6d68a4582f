// Runs the steps of one compile on several threads.
#pragma once

#include <cstddef>
#include <functional>

#include "guardc/result.h"

namespace guardc::compiler {

// Threads to use for `requested` jobs (0: one per core).
unsigned JobCount(unsigned requested);

// Calls `task(i)` once for every i below `count`, on up to `jobs` threads. Of the failures it returns that of the
// lowest index, whatever the threads' order, and starts no further task after one failed. Threads have large stacks:
// LLVM recurses over deeply nested code. A fatal error within LLVM fails the task (codegen/llvm_errors.h).
Result<void> ParallelFor(size_t count, unsigned jobs, const std::function<Result<void>(size_t)>& task);

}  // namespace guardc::compiler
