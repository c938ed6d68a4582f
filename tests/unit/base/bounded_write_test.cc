// Writing to streams that nobody reads: no signal, no wait beyond the bound, and what is lost is counted and told.
#include "base/bounded_write.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "base/file.h"
#include "base/quiet_writes.h"
#include "base/stderr.h"
#include "guardc/call.h"
#include "guardc/log.h"
#include "tests/support/temp_dir.h"

namespace guardc {
namespace {

using namespace std::chrono_literals;

bool Never() { return false; }
bool Always() { return true; }

struct Pipe {
  Pipe() {
    int fds[2];
    EXPECT_EQ(pipe2(fds, O_CLOEXEC), 0);
    read_end = Fd(fds[0]);
    write_end = Fd(fds[1]);
  }
  // All that is in it now.
  std::string Drain() const {
    fcntl(read_end.get(), F_SETFL, O_NONBLOCK);
    std::string out(size_t{1} << 20, '\0');
    const ssize_t n = read(read_end.get(), out.data(), out.size());
    out.resize(n < 0 ? 0 : static_cast<size_t>(n));
    return out;
  }
  Fd read_end;
  Fd write_end;
};

const std::string kLarge(size_t{4} << 20, 'x');

TEST(BoundedWrite, AFullPipeTakesWhatFits) {
  const Pipe pipe;
  const Written written = BoundedWrite(pipe.write_end.get(), kLarge, Never);
  EXPECT_EQ(written.error, EAGAIN);
  EXPECT_GT(written.size, 0u);
  EXPECT_LT(written.size, kLarge.size());
  EXPECT_EQ(BoundedWrite(pipe.write_end.get(), "more", Never).size, 0u);
  EXPECT_EQ(fcntl(pipe.write_end.get(), F_GETFL) & O_NONBLOCK, 0) << "others have this pipe, too";
}

TEST(BoundedWrite, ASocketAsWell) {
  int fds[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  const Fd reader(fds[0]);
  Fd writer(fds[1]);
  EXPECT_EQ(BoundedWrite(writer.get(), kLarge, Never).error, EAGAIN);
}

TEST(BoundedWrite, WaitsForAReaderWhoReads) {
  Pipe pipe;
  size_t received = 0;
  std::jthread reader([&] {
    std::string buffer(65536, '\0');
    for (ssize_t n; (n = read(pipe.read_end.get(), buffer.data(), buffer.size())) > 0;) {
      received += static_cast<size_t>(n);
      std::this_thread::sleep_for(1ms);
    }
  });
  const Written written = BoundedWrite(pipe.write_end.get(), kLarge, Always);
  EXPECT_EQ(written.error, 0);
  EXPECT_EQ(written.size, kLarge.size());
  pipe.write_end.Reset();
  reader.join();
  EXPECT_EQ(received, kLarge.size());
}

TEST(BoundedWrite, TheBoundIsAskedWhileItWaits) {
  const Pipe pipe;
  int asked = 0;
  EXPECT_EQ(BoundedWrite(pipe.write_end.get(), kLarge, [&] { return ++asked < 5; }).error, EAGAIN);
  EXPECT_EQ(asked, 5);
}

TEST(BoundedWriteDeathTest, WithoutAReaderNoSignal) {
  EXPECT_EXIT(
      {
        signal(SIGPIPE, SIG_DFL);
        Pipe pipe;
        pipe.read_end.Reset();
        const Written written = BoundedWrite(pipe.write_end.get(), "text", Always);
        int fds[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) _exit(1);
        close(fds[0]);
        const Written to_socket = BoundedWrite(fds[1], "text", Always);
        sigset_t pending;
        sigpending(&pending);
        _exit(written.error == EPIPE && to_socket.error == EPIPE && sigismember(&pending, SIGPIPE) == 0 ? 42 : 2);
      },
      ::testing::ExitedWithCode(42), "");
}

TEST(QuietWritesDeathTest, TheLimitOfFileSizesIsAnError) {
  EXPECT_EXIT(
      {
        signal(SIGXFSZ, SIG_DFL);
        rlimit limit = {};
        limit.rlim_cur = limit.rlim_max = 1000;
        setrlimit(RLIMIT_FSIZE, &limit);
        const test::TempDir directory;
        const auto written = WriteNewFile(directory.path() / "file", std::as_bytes(std::span(kLarge)));
        _exit(!written && written.error().kind == ErrorKind::kIo && written.error().message.contains("RLIMIT_FSIZE")
                  ? 42
                  : 1);
      },
      ::testing::ExitedWithCode(42), "");
}

TEST(QuietWritesDeathTest, ASignalThatWasPendingBeforeArrivesAfterwards) {
  EXPECT_EXIT(
      {
        signal(SIGPIPE, SIG_DFL);
        sigset_t one;
        sigemptyset(&one);
        sigaddset(&one, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &one, nullptr);
        raise(SIGPIPE);
        {
          const QuietWrites quiet;
        }
        pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
        _exit(1);
      },
      ::testing::KilledBySignal(SIGPIPE), "");
}

// ---- The process's stderr, in processes of their own
// -----------------------------------------------------------------

void FillStderr(const Pipe& pipe) {
  dup2(pipe.write_end.get(), STDERR_FILENO);
  BoundedWrite(STDERR_FILENO, kLarge, Never);
}

TEST(StderrDeathTest, AFullPipeHoldsNobody) {
  EXPECT_EXIT(
      {
        const Pipe pipe;
        FillStderr(pipe);
        const auto start = Clock::now();
        for (int i = 0; i < 1000; ++i) WriteToStderr("a line\n");  // the first waits a tenth of a second
        const bool in_time = Clock::now() - start < 5s;
        const OutputLoss loss = StderrLoss();
        _exit(in_time && loss.writes >= 1000 && loss.bytes >= 7000 ? 42 : 1);
      },
      ::testing::ExitedWithCode(42), "");
}

TEST(StderrDeathTest, TheCallsBoundEndsTheWait) {
  EXPECT_EXIT(
      {
        const Pipe pipe;
        FillStderr(pipe);
        int asked = 0;
        const StderrBound bound([&] { return ++asked < 3; });
        WriteToStderr("a line\n", 1h);
        _exit(asked == 3 ? 42 : 1);
      },
      ::testing::ExitedWithCode(42), "");
}

TEST(StderrDeathTest, WhatWasLostIsToldOnceItIsReadAgain) {
  EXPECT_EXIT(
      {
        ConfigureLogs({.levels = "error"});
        const Pipe pipe;
        FillStderr(pipe);
        for (int i = 0; i < 10; ++i) WriteToStderr("lost line\n");
        pipe.Drain();
        for (int i = 0; i < 3; ++i) WriteToStderr("line\n");
        const std::string seen = pipe.Drain();
        const size_t told = seen.find("100 bytes in 10 writes to stderr were dropped");
        const bool once = told != std::string::npos && seen.find("dropped", told + 60) == std::string::npos;
        _exit(once && seen.starts_with("line\n") && !seen.contains("lost line") ? 42 : 1);
      },
      ::testing::ExitedWithCode(42), "");
}

TEST(StderrDeathTest, ALogElsewhereIsToldAtOnce) {
  EXPECT_EXIT(
      {
        std::string log;
        ConfigureLogs({.levels = "error", .write = [&](std::string_view line) { log += line; }});
        Pipe pipe;
        dup2(pipe.write_end.get(), STDERR_FILENO);
        pipe.read_end.Reset();
        WriteToStderr("a\n");
        WriteToStderr("b\n");
        const size_t told = log.find("stderr has no reader");
        _exit(told != std::string::npos && log.find("stderr", told + 10) == std::string::npos ? 42 : 1);
      },
      ::testing::ExitedWithCode(42), "");
}

// After a part of a line, the next begins on a line of its own.
TEST(StderrDeathTest, ATornLineIsEnded) {
  EXPECT_EXIT(
      {
        ConfigureLogs({.levels = "off"});
        const Pipe pipe;
        dup2(pipe.write_end.get(), STDERR_FILENO);
        WriteToStderr(kLarge);
        pipe.Drain();
        WriteToStderr("whole\n");
        _exit(pipe.Drain() == "\nwhole\n" ? 42 : 1);
      },
      ::testing::ExitedWithCode(42), "");
}

TEST(StderrDeathTest, ManyThreadsAtOnceStayWhole) {
  EXPECT_EXIT(
      {
        const Pipe pipe;
        dup2(pipe.write_end.get(), STDERR_FILENO);
        std::vector<std::jthread> threads;
        for (char c : {'a', 'b', 'c', 'd'}) {
          threads.emplace_back([c] {
            for (int i = 0; i < 100; ++i) WriteToStderr(std::string(99, c) + "\n", 1min);
          });
        }
        threads.clear();
        const std::string seen = pipe.Drain();
        bool whole = seen.size() == 40'000;
        for (size_t i = 0; whole && i < seen.size(); i += 100) {
          whole = seen.substr(i, 100) == std::string(99, seen[i]) + "\n";
        }
        _exit(whole ? 42 : 1);
      },
      ::testing::ExitedWithCode(42), "");
}

}  // namespace
}  // namespace guardc
