// Turns LLVM's and LLD's fatal errors, which would end the process, into errors of ours.
#pragma once

#include <functional>
#include <string>

#include "guardc/result.h"

namespace guardc::compiler {

// To be called before any work with LLVM; later calls do nothing. Thread-safe.
void InstallLlvmGuard();

// Ends the work of the GuardLlvm() that runs on this thread, as a fatal error of LLVM's does; without one, the process.
[[noreturn]] void GiveUp(const char* why);

// Runs `work`; kCompile if LLVM gave up in it (what it held then is lost), kOutOfMemory for std::bad_alloc.
Result<void> GuardLlvm(const std::function<Result<void>()>& work);

// What the last fatal error on this thread said, where another recovered from it (LLD does): "" where there was none.
std::string TakeFatalMessage();

}  // namespace guardc::compiler
