// Programs run to their end: what they said, how they ended, and that nothing of them is left.
#include "base/child_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

#include "base/file.h"

namespace guardc {
namespace {

using std::chrono::milliseconds;
using How = ChildEnd::How;

ChildRequest Shell(const std::string& script) { return {.program = "/bin/sh", .arguments = {"-c", script}}; }

// No child of ours, dead or alive.
void ExpectNoChildren() {
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

size_t OpenDescriptors() {
  return static_cast<size_t>(
      std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator()));
}

TEST(ChildProcessTest, OutputAndExitCode) {
  const auto end = RunChild(Shell("echo out; echo err >&2; exit 7"));
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->how, How::kExited);
  EXPECT_EQ(end->code, 7);
  EXPECT_EQ(end->out, "out\n");
  EXPECT_EQ(end->err, "err\n");
  ExpectNoChildren();
}

TEST(ChildProcessTest, WordsAreNoShell) {
  const auto end = RunChild({.program = "/bin/echo", .arguments = {"$HOME; exit 3", "`id`", "a  b"}});
  ASSERT_TRUE(end);
  EXPECT_EQ(end->out, "$HOME; exit 3 `id` a  b\n");
}

TEST(ChildProcessTest, ASignalIsNoExit) {
  const auto end = RunChild(Shell("kill -SEGV $$"));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->how, How::kSignaled);
  EXPECT_EQ(end->code, SIGSEGV);
}

TEST(ChildProcessTest, OutputIsBoundedAndReadToItsEnd) {
  ChildRequest request = Shell("yes | head -c 5000000; yes no | head -c 5000000 >&2; echo last");
  request.output_limit = 1000;
  const auto end = RunChild(request);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->code, 0);
  EXPECT_EQ(end->out.size(), 1000u);
  EXPECT_EQ(end->err.size(), 1000u);
}

TEST(ChildProcessTest, StandardInput) {
  EXPECT_EQ(RunChild(Shell("wc -c"))->out, "0\n");
  const Fd file(memfd_create("input", MFD_CLOEXEC));
  ASSERT_EQ(write(file.get(), "given", 5), 5);
  ASSERT_EQ(lseek(file.get(), 0, SEEK_SET), 0);
  ChildRequest request = Shell("cat");
  request.stdin_fd = file.get();
  EXPECT_EQ(RunChild(request)->out, "given");
}

TEST(ChildProcessTest, AProgramThatIsNotThere) {
  for (const char* program : {"/no/such/program", "/", "/etc/passwd", "sh"}) {
    const auto end = RunChild({.program = program});
    ASSERT_FALSE(end) << program;
    EXPECT_EQ(end.error().kind, ErrorKind::kIo);
    EXPECT_NE(end.error().message.find(program), std::string::npos) << end.error().message;
  }
  ExpectNoChildren();
}

TEST(ChildProcessTest, TheDeadlineKills) {
  const size_t open_before = OpenDescriptors();
  ChildRequest request = Shell("trap '' TERM INT; while :; do :; done");
  request.bounds.deadline = Clock::now() + milliseconds(50);
  const auto start = Clock::now();
  const auto end = RunChild(request);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().kind, ErrorKind::kDeadline);
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(20));
  ExpectNoChildren();
  EXPECT_EQ(OpenDescriptors(), open_before);
  // Over before it began: not even started.
  EXPECT_EQ(RunChild(request).error().kind, ErrorKind::kDeadline);
}

TEST(ChildProcessTest, AStopTokenKills) {
  std::stop_source source;
  ChildRequest request = Shell("exec sleep 1000");
  request.bounds.stop = source.get_token();
  const std::jthread stopper([&] {
    std::this_thread::sleep_for(milliseconds(50));
    source.request_stop();
  });
  const auto end = RunChild(request);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().kind, ErrorKind::kCancelled);
  ExpectNoChildren();
}

TEST(ChildProcessTest, ItsSignalsAndDescriptorsAreNotOurs) {
  const Fd leak(open("/dev/null", O_RDONLY));  // without O_CLOEXEC, as other libraries open theirs
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const auto previous = signal(SIGPIPE, SIG_IGN);
  const auto end =
      RunChild(Shell("ls /proc/self/fd | wc -l; sed -n 's/SigBlk:\\t//p' /proc/self/status; sed -n 's/SigIgn:\\t//p' "
                     "/proc/self/status"));
  signal(SIGPIPE, previous);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ASSERT_TRUE(end);
  unsigned descriptors = 0;
  unsigned long long is_blocked = 0, is_ignored = 0;
  ASSERT_EQ(std::sscanf(end->out.c_str(), "%u %llx %llx", &descriptors, &is_blocked, &is_ignored), 3) << end->out;
  EXPECT_EQ(descriptors, 4u);  // 0, 1, 2 and the one that ls reads the directory with
  EXPECT_EQ(is_blocked, 0u);
  EXPECT_EQ(is_ignored & (1U << (SIGPIPE - 1)), 0u);
}

TEST(ChildProcessTest, WhereTheProcessIgnoresItsChildren) {
  const auto previous = signal(SIGCHLD, SIG_IGN);
  const auto end = RunChild(Shell("echo said; exit 3"));
  signal(SIGCHLD, previous);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->how, How::kUnknown);
  EXPECT_EQ(end->out, "said\n");
}

TEST(ChildProcessTest, ManyAtOnce) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([i] {
      for (int n = 0; n < 5; ++n) {
        const auto end = RunChild(Shell("echo " + std::to_string(i) + "; exit " + std::to_string(i)));
        ASSERT_TRUE(end);
        EXPECT_EQ(end->code, i);
        EXPECT_EQ(end->out, std::to_string(i) + "\n");
      }
    });
  }
  threads.clear();
  ExpectNoChildren();
}

}  // namespace
}  // namespace guardc
