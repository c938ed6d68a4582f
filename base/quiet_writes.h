// Writing without being ended for it.
#pragma once

#include <signal.h>

namespace guardc {

// While it lives, a write of this thread that nobody reads fails with EPIPE, one beyond RLIMIT_FSIZE with EFBIG, and
// neither raises its signal: the default of SIGPIPE and SIGXFSZ is to end the process, which need not be ours. Both are
// sent to the thread that writes (signal(7)), so that blocking them here is enough, whatever the process does with
// them. Threads that are started meanwhile begin with both blocked.
class QuietWrites {
 public:
  QuietWrites();
  ~QuietWrites();
  QuietWrites(const QuietWrites&) = delete;
  QuietWrites& operator=(const QuietWrites&) = delete;

 private:
  sigset_t before_;          // the thread's mask
  sigset_t pending_before_;  // of the process's or the thread's own: not for us to take
};

}  // namespace guardc
