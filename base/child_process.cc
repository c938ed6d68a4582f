#include "base/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <limits>
#include <optional>

#include "base/file.h"

namespace guardc {
namespace {

using std::chrono::milliseconds;

// Without a pidfd (kernels before 5.3, some sandboxes) its end is looked for this often.
constexpr milliseconds kTick(20);

// Reads what there is; keeps at most `limit` bytes of it all.
class Sink {
 public:
  Sink(Fd fd, size_t limit) : fd_(std::move(fd)), limit_(limit) {}

  int fd() const { return fd_.get(); }

  // Until there is nothing more for now. Closes at the end.
  void Drain() {
    char buffer[16384];
    while (fd_) {
      const ssize_t n = read(fd_.get(), buffer, sizeof(buffer));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) return;
      if (n <= 0) fd_.Reset();
      if (n > 0) text_.append(buffer, std::min(static_cast<size_t>(n), limit_ - text_.size()));
    }
  }

  std::string Take() { return std::move(text_); }

 private:
  Fd fd_;
  const size_t limit_;
  std::string text_;
};

class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid), pidfd_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    Kill();
    Reap(0);
  }

  int pidfd() const { return pidfd_.get(); }

  // Whether it has ended. Its process id is ours until it was reaped, so nobody else can be killed in its stead.
  bool Reap(int flags) {
    int status = 0;
    pid_t reaped = 0;
    do {
      reaped = waitpid(pid_, &status, flags);
    } while (reaped < 0 && errno == EINTR);
    if (reaped == 0) return false;
    pid_ = -1;
    if (reaped > 0 && WIFEXITED(status)) {
      how_ = ChildEnd::How::kExited;
      code_ = WEXITSTATUS(status);
    } else if (reaped > 0) {
      how_ = ChildEnd::How::kSignaled;
      code_ = WTERMSIG(status);
    }
    return true;
  }

  void Kill() const {
    if (!pidfd_ || syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0) != 0) kill(pid_, SIGKILL);
  }

  ChildEnd End() const { return {how_, code_, {}, {}}; }

 private:
  pid_t pid_;
  Fd pidfd_;
  ChildEnd::How how_ = ChildEnd::How::kUnknown;
  int code_ = 0;
};

struct Pipe {
  Fd read_end;
  Fd write_end;
};

Result<Pipe> MakePipe(const std::filesystem::path& program) {
  const auto failed = [&] { return FailErrno("make a pipe for the output of", program, errno); };
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return failed();
  Pipe out{Fd(ends[0]), Fd(ends[1])};
  // Ours only: the child gets the other end.
  if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) return failed();
  // In a process without the standard descriptors, this one could be among those that are set one after the other.
  out.write_end = Fd(fcntl(ends[1], F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!out.write_end) return failed();
  return out;
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (const std::string& s : strings) out.push_back(const_cast<char*>(s.c_str()));  // exec's signature, not its habit
  out.push_back(nullptr);
  return out;
}

struct SpawnPlan {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  SpawnPlan() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
};

Result<pid_t> Spawn(const ChildRequest& request, int out, int err) {
  SpawnPlan plan;
  if (request.stdin_fd < 0) {
    posix_spawn_file_actions_addopen(&plan.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  } else {
    posix_spawn_file_actions_adddup2(&plan.actions, request.stdin_fd, STDIN_FILENO);
  }
  posix_spawn_file_actions_adddup2(&plan.actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&plan.actions, err, STDERR_FILENO);
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
  posix_spawn_file_actions_addclosefrom_np(&plan.actions, STDERR_FILENO + 1);
#endif
  sigset_t signals;
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(&plan.attributes, &signals);
  sigfillset(&signals);
  posix_spawnattr_setsigdefault(&plan.attributes, &signals);
  posix_spawnattr_setflags(&plan.attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  std::vector<std::string> words = {request.program.string()};
  words.insert(words.end(), request.arguments.begin(), request.arguments.end());
  pid_t pid = -1;
  const int error =
      posix_spawn(&pid, request.program.c_str(), &plan.actions, &plan.attributes, Pointers(words).data(), environ);
  if (error == EAGAIN || error == EPERM || error == ENOSYS) {
    return FailErrno("start",
                     request.program.string() +
                         " (does ulimit -u, the container's limit of processes or a seccomp "
                         "filter forbid another process?)",
                     error);
  }
  if (error != 0) return FailErrno("start", request.program, error);
  return pid;
}

// For poll: milliseconds until something is to be looked at, -1 for never.
int Patience(const std::optional<Clock::time_point>& deadline, bool ticks) {
  std::optional<milliseconds> wait;
  if (ticks) wait = kTick;
  if (deadline) {
    const auto left = std::max(std::chrono::ceil<milliseconds>(*deadline - Clock::now()), milliseconds(0));
    wait = wait ? std::min(*wait, left) : left;
  }
  if (!wait) return -1;
  return static_cast<int>(std::min<int64_t>(wait->count(), std::numeric_limits<int>::max()));
}

Result<void> CheckNotOver(const ChildRequest& request) {
  const std::string name = request.program.filename().string();
  if (request.bounds.stop.stop_requested()) {
    return Fail(ErrorKind::kCancelled, name + " was killed: the caller asked to stop");
  }
  if (request.bounds.deadline && *request.bounds.deadline <= Clock::now()) {
    return Fail(ErrorKind::kDeadline, name + " was killed: the deadline has passed");
  }
  return {};
}

}  // namespace

Result<ChildEnd> RunChild(const ChildRequest& request) {
  GUARDC_CHECK(CheckNotOver(request));
  const Fd stop_event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop_event) return FailErrno("make an event to stop", request.program, errno);
  GUARDC_TRY(Pipe out_pipe, MakePipe(request.program));
  GUARDC_TRY(Pipe err_pipe, MakePipe(request.program));
  GUARDC_TRY(const pid_t pid, Spawn(request, out_pipe.write_end.get(), err_pipe.write_end.get()));
  Child child(pid);
  out_pipe.write_end.Reset();
  err_pipe.write_end.Reset();
  Sink out(std::move(out_pipe.read_end), request.output_limit);
  Sink err(std::move(err_pipe.read_end), request.output_limit);
  const std::stop_callback on_stop(request.bounds.stop, [&stop_event] { eventfd_write(stop_event.get(), 1); });

  while (!child.Reap(WNOHANG)) {
    GUARDC_CHECK(CheckNotOver(request));
    // poll passes over what is -1.
    pollfd ready[] = {
        {out.fd(), POLLIN, 0}, {err.fd(), POLLIN, 0}, {stop_event.get(), POLLIN, 0}, {child.pidfd(), POLLIN, 0}};
    if (poll(ready, std::size(ready), Patience(request.bounds.deadline, child.pidfd() < 0)) < 0 && errno != EINTR) {
      return FailErrno("wait for", request.program, errno);
    }
    out.Drain();
    err.Drain();
  }
  out.Drain();
  err.Drain();
  ChildEnd end = child.End();
  end.out = out.Take();
  end.err = err.Take();
  return end;
}

}  // namespace guardc
