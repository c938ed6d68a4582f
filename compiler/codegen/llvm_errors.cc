#include "compiler/codegen/llvm_errors.h"

#include <llvm/Support/CrashRecoveryContext.h>
#include <llvm/Support/ErrorHandling.h>
#include <signal.h>

#include <array>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/format.h"

namespace guardc::compiler {
namespace {

// What the fatal error on this thread said; the recovery jumps over everything in between.
thread_local std::string fatal_message;

void OnFatalError(void*, const char* reason, bool) {
  fatal_message = reason;
  if (auto* context = llvm::CrashRecoveryContext::GetCurrent()) context->HandleExit(1);
  // Not our work: LLVM goes on to end the process, as it would without us.
}

// CrashRecoveryContext::Enable() is what makes LLD's and LLVM's exits recoverable, but it also takes over the signals
// of crashes for the whole process. Those belong to others (a running guest's traps among them): give them back at
// once.
void EnableRecoveryWithoutSignals() {
  constexpr std::array kSignals = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP};
  std::array<struct sigaction, kSignals.size()> actions;
  for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], nullptr, &actions[i]);
  llvm::CrashRecoveryContext::Enable();
  for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &actions[i], nullptr);
}

}  // namespace

void InstallLlvmGuard() {
  static std::once_flag once;
  std::call_once(once, [] {
    EnableRecoveryWithoutSignals();
    llvm::install_fatal_error_handler(OnFatalError);
  });
}

void GiveUp(const char* why) {
  if (llvm::CrashRecoveryContext::GetCurrent() == nullptr) llvm::report_fatal_error(why, /*gen_crash_diag=*/false);
  OnFatalError(nullptr, why, false);
  __builtin_unreachable();  // the recovery jumped
}

std::string TakeFatalMessage() { return std::exchange(fatal_message, {}); }

Result<void> GuardLlvm(const std::function<Result<void>()>& work) {
  InstallLlvmGuard();
  fatal_message.clear();
  std::optional<Result<void>> result;
  llvm::CrashRecoveryContext context;
  const bool finished = context.RunSafely([&] {
    try {
      result.emplace(work());
    } catch (const std::bad_alloc&) {
      result.emplace(Fail(ErrorKind::kOutOfMemory, "compiling needs more memory than the system gives"));
    } catch (const std::exception& e) {
      result.emplace(Fail(ErrorKind::kInternal, Format("compiling failed: {}", e.what())));
    }
  });
  if (finished && result) return std::move(*result);
  return Fail(ErrorKind::kCompile,
              Format("LLVM gave up: {}", fatal_message.empty() ? "no reason given" : fatal_message));
}

}  // namespace guardc::compiler
