#include "base/quiet_writes.h"

#include <pthread.h>

#include <cerrno>
#include <ctime>

namespace guardc {
namespace {

constexpr int kSignals[] = {SIGPIPE, SIGXFSZ};

}  // namespace

QuietWrites::QuietWrites() {
  sigset_t ours;
  sigemptyset(&ours);
  for (const int signal : kSignals) sigaddset(&ours, signal);
  pthread_sigmask(SIG_BLOCK, &ours, &before_);
  sigpending(&pending_before_);
}

QuietWrites::~QuietWrites() {
  const int saved_errno = errno;
  // What our writes have raised is taken away before it can arrive.
  sigset_t pending;
  sigpending(&pending);
  for (const int signal : kSignals) {
    if (sigismember(&pending, signal) == 0 || sigismember(&pending_before_, signal) != 0) continue;
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, signal);
    const timespec at_once = {};
    sigtimedwait(&one, nullptr, &at_once);
  }
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  errno = saved_errno;
}

}  // namespace guardc
