// Code that runs where the kernel refuses one system call, by a seccomp filter: of one thread, without privileges.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include <array>
#include <cstddef>
#include <functional>
#include <thread>

namespace guardc {

// Runs `work` on a thread for which the call answers `error`. False where there are no filters.
inline bool WithRefusedCall(long call, int error, const std::function<void()>& work) {
  bool is_refused = false;
  std::thread([&] {
    std::array<sock_filter, 4> steps = {{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog program = {.len = steps.size(), .filter = steps.data()};
    is_refused =
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
    if (is_refused) work();
  }).join();
  return is_refused;
}

}  // namespace guardc
