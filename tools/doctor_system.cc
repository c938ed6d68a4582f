// guardc doctor: what is asked of the system.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <system_error>
#include <thread>

#include "artifact/abi.h"
#include "artifact/cpu_features.h"
#include "base/file.h"
#include "base/memory_file.h"
#include "guardc/version.h"
#include "loader/host_cpu.h"
#include "runtime/memory/address_space.h"
#include "runtime/trap/trap_handler.h"
#include "tools/doctor_checks.h"
#include "tools/output.h"
#include "tools/version.h"

namespace guardc::cli {
namespace {

// What the system says of itself; "" where it does not.
std::string Setting(const char* name) {
  std::string value;
  std::ifstream(std::string("/proc/sys/") + name) >> value;
  return value;
}

std::string LimitText(rlim_t limit) { return limit == RLIM_INFINITY ? "unlimited" : FormatSize(limit); }

Finding CheckProc() {
  if (access("/proc/self/exe", R_OK) == 0 && access("/proc/self/fd", R_OK | X_OK) == 0) {
    return {.check = "/proc", .found = "mounted"};
  }
  return {.check = "/proc",
          .health = Health::kFail,
          .found = std::string("/proc/self cannot be read: ") + std::strerror(errno),
          .fails = "loading a guard; compiling one works",
          .mend = "mount it: `mount -t proc proc /proc` (in a chroot: on its own /proc)"};
}

Finding CheckDev() {
  if (access("/dev/null", R_OK | W_OK) == 0) return {.check = "/dev", .found = "there"};
  return {.check = "/dev",
          .health = Health::kFail,
          .found = std::string("/dev/null cannot be opened: ") + std::strerror(errno),
          .fails = "asking the compiler for its version; commands that are started without a standard stream",
          .mend = "give the root a /dev with null"};
}

// As many as fit, up to `most`, of what each memory without bounds checks reserves.
size_t Reservations(size_t most, std::string& error) {
  std::vector<Mapping> held;
  while (held.size() < most) {
    Result<Mapping> one = ReserveAddressSpace(abi::kMemoryReservation, "a linear memory");
    if (!one) {
      error = one.error().message;
      break;
    }
    held.push_back(*std::move(one));
  }
  return held.size();
}

Finding CheckAddressSpace() {
  constexpr size_t kTried = 64;
  std::string error;
  const size_t fit = Reservations(kTried, error);
  if (fit == 0) {
    return {.check = "address space",
            .health = Health::kFail,
            .found = error,
            .fails = "creating any guard that was not compiled with --bounds-checks",
            .mend = "lift the limit (`ulimit -v unlimited`, LimitAS= of systemd), or compile with --bounds-checks"};
  }
  if (fit < kTried) {
    return {.check = "address space",
            .health = Health::kWarn,
            .found = "room for " + std::to_string(fit) + " memories of 8 GiB each, then: " + error,
            .fails = "more guards than that in one process",
            .mend = "lift the limit (`ulimit -v unlimited`, LimitAS= of systemd), or compile with --bounds-checks"};
  }
  return {.check = "address space", .found = "room for " + std::to_string(kTried) + " memories of 8 GiB each and more"};
}

Finding CheckOvercommit() {
  const std::string overcommit = Setting("vm/overcommit_memory");
  const std::string maps = Setting("vm/max_map_count");
  constexpr unsigned long kFewMaps = 10'000;
  if (overcommit.empty() && maps.empty()) {
    return {.check = "memory rules", .health = Health::kWarn, .found = "vm.overcommit_memory cannot be read"};
  }
  std::string found = "vm.overcommit_memory " + overcommit + ", vm.max_map_count " + maps;
  if (overcommit == "2") {
    return {.check = "memory rules",
            .health = Health::kWarn,
            .found = std::move(found),
            .fails = "growing a guard's memory, once what all processes may use at most is promised to somebody",
            .mend = "vm.overcommit_memory=0 or 1, or a larger vm.overcommit_ratio"};
  }
  if (!maps.empty() && std::strtoul(maps.c_str(), nullptr, 10) < kFewMaps) {
    return {.check = "memory rules",
            .health = Health::kWarn,
            .found = std::move(found),
            .fails = "some hundred guards in one process",
            .mend = "`sysctl vm.max_map_count=65530`"};
  }
  return {.check = "memory rules", .found = std::move(found)};
}

Finding CheckMemoryFiles() {
  const auto fail = [](std::string found, std::string mend) {
    return Finding{.check = "memory files",
                   .health = Health::kFail,
                   .found = std::move(found),
                   .fails = "loading any guard that is not loaded with --trusted",
                   .mend = std::move(mend)};
  };
  auto file = MemoryFile::Create("guardc:doctor", MemoryFile::Use::kCode);
  if (!file) {
    return fail(
        file.error().message,
        "allow memfd_create (vm.memfd_noexec 0 or 1, the seccomp profile), or set TMPDIR to a directory that can be "
        "written and is not mounted noexec");
  }
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  if (ftruncate(file->fd(), static_cast<off_t>(page)) != 0) {
    return fail(std::string("a memory file cannot be made larger: ") + std::strerror(errno),
                "raise the limit of files (`ulimit -f unlimited`), or free some memory");
  }
  void* const code = mmap(nullptr, page, PROT_READ | PROT_EXEC, MAP_PRIVATE, file->fd(), 0);
  if (code == MAP_FAILED) {
    return fail(std::string("a memory file cannot be mapped executable: ") + std::strerror(errno),
                "allow that (SELinux's execmem, vm.memfd_noexec 0 or 1, the seccomp profile)");
  }
  munmap(code, page);
  if (!file->directory().empty()) {
    return {.check = "memory files",
            .found = "memfd_create is refused (the seccomp profile, or vm.memfd_noexec 2); unnamed files of " +
                     file->directory().string() + " take their place"};
  }
  return {.check = "memory files", .found = "can be made, and mapped executable"};
}

// Sends a signal to this thread, which holds it back and takes it. 0, or why it did not come; `before` is whether it
// was blocked, `old` what was done with it.
int TrySignal(int signal, bool& was_blocked, struct sigaction& old) {
  sigset_t ours;
  sigset_t before;
  sigemptyset(&ours);
  sigaddset(&ours, signal);
  pthread_sigmask(SIG_BLOCK, &ours, &before);
  struct sigaction default_action = {};
  default_action.sa_handler = SIG_DFL;  // an ignored signal is never pending
  sigaction(signal, &default_action, &old);
  const bool sent = syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), signal) == 0;
  const int error = sent ? ETIMEDOUT : errno;
  const timespec at_once = {};
  const bool came = sent && sigtimedwait(&ours, nullptr, &at_once) == signal;
  sigaction(signal, &old, nullptr);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  was_blocked = sigismember(&before, signal) == 1;
  return came ? 0 : error;
}

// As trap::Kick does: the signal of deadlines, and, where there is no place for it in the queue, the spare one.
Finding CheckSignal() {
  const int signal = trap::InterruptionSignal();
  rlimit pending = {};
  getrlimit(RLIMIT_SIGPENDING, &pending);
  const std::string limit =
      "RLIMIT_SIGPENDING " + (pending.rlim_cur == RLIM_INFINITY ? "unlimited" : std::to_string(pending.rlim_cur));
  bool was_blocked = false;
  struct sigaction old = {};
  const int error = TrySignal(signal, was_blocked, old);
  std::string found = "signal " + std::to_string(signal);
  if (error != 0) {
    found +=
        error == ETIMEDOUT ? " was sent and did not come" : std::string(" cannot be sent: ") + std::strerror(error);
    found += " (" + limit + ")";
    bool spare_was_blocked = false;
    struct sigaction spare_old = {};
    if (const int spare = TrySignal(trap::kSpareKickSignal, spare_was_blocked, spare_old); spare != 0) {
      return {.check = "deadlines",
              .health = Health::kFail,
              .found = std::move(found) + "; nor can SIGFPE: " + std::strerror(spare),
              .fails = "--timeout, deadlines and cancelling: a guard that loops is not stopped",
              .mend =
                  "raise the limit (`ulimit -i 1000`, LimitSIGPENDING= of systemd), or end what fills it; allow tgkill "
                  "in the seccomp profile"};
    }
    found += "; SIGFPE, which needs no place in the queue, takes its place";
  } else {
    found += " can be sent, " + limit;
  }
  if (was_blocked) found += "; it is blocked at the start, which guardc undoes";
  if (old.sa_handler == SIG_IGN) found += "; it is ignored at the start, which guardc undoes";
  return {.check = "deadlines", .found = std::move(found)};
}

Finding CheckHandlers() {
  const Result<void> installed = trap::EnsureHandlers();
  if (installed) return {.check = "traps", .found = "their handlers can be installed"};
  return {.check = "traps",
          .health = Health::kFail,
          .found = installed.error().message,
          .fails = "creating any guard",
          .mend = "start the process without what is named (GLIBC_TUNABLES=glibc.cpu.x86_shstk=off for shadow stacks)"};
}

Finding CheckThreads() {
  try {
    std::jthread([] {}).join();
  } catch (const std::system_error& error) {
    return {.check = "threads",
            .health = Health::kFail,
            .found = std::string("another thread cannot be started: ") + error.what(),
            .fails = "--timeout, deadlines and cancelling (a thread watches them); all else does without, and slower",
            .mend =
                "raise the limit of processes and threads (`ulimit -u`, the container's pids limit), or allow clone in "
                "the seccomp profile"};
  }
  return {.check = "threads", .found = "another one can be started"};
}

Finding CheckFileSize() {
  constexpr rlim_t kUsual = rlim_t{256} << 20;
  rlimit limit = {};
  getrlimit(RLIMIT_FSIZE, &limit);
  if (limit.rlim_cur >= kUsual) return {.check = "file size", .found = LimitText(limit.rlim_cur)};
  return {.check = "file size",
          .health = limit.rlim_cur < (rlim_t{1} << 20) ? Health::kFail : Health::kWarn,
          .found = "RLIMIT_FSIZE is " + LimitText(limit.rlim_cur),
          .fails = "compiling and loading artifacts that are larger",
          .mend = "raise the limit (`ulimit -f unlimited`)"};
}

Finding CheckDescriptors() {
  constexpr rlim_t kFew = 64;
  rlimit limit = {};
  getrlimit(RLIMIT_NOFILE, &limit);
  const std::string found = limit.rlim_cur == RLIM_INFINITY ? "unlimited" : std::to_string(limit.rlim_cur);
  if (limit.rlim_cur >= kFew) return {.check = "descriptors", .found = found};
  return {.check = "descriptors",
          .health = Health::kWarn,
          .found = "RLIMIT_NOFILE is " + found,
          .fails = "more than a few guards in one process (each module holds two), and compiling",
          .mend = "raise the limit (`ulimit -n 1024`)"};
}

// A name for what the machine has, and whether that is enough.
Finding CheckCpu() {
#if defined(__x86_64__)
  std::string best = "x86-64";
  for (const artifact::CpuLevel& level : artifact::X86Levels()) {
    if (HasLevel(level)) best = level.name;
  }
  if (best == "x86-64") {
    return {.check = "CPU",
            .health = Health::kFail,
            .found = "less than x86-64-v2",
            .fails = "running any guard",
            .mend = "use a machine, or a model of CPU of the virtual machine, with SSE4.2 and what came before it"};
  }
  return {.check = "CPU", .found = best + ": artifacts compiled with --cpu baseline, native or up to it run here"};
#else
  return {.check = "CPU", .found = "aarch64"};
#endif
}

}  // namespace

std::vector<Finding> CheckSystem() {
  return {{.check = "guardc", .found = std::string(kVersion) + ", ABI " + std::to_string(abi::kAbiVersion)},
          CheckCpu(),
          CheckProc(),
          CheckDev(),
          CheckAddressSpace(),
          CheckOvercommit(),
          CheckMemoryFiles(),
          CheckSignal(),
          CheckHandlers(),  // behind what needs the signal for itself
          CheckThreads(),
          CheckFileSize(),
          CheckDescriptors()};
}

}  // namespace guardc::cli
