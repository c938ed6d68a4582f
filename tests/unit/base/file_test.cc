#include "base/file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "tests/support/bytes.h"
#include "tests/support/temp_dir.h"

namespace guardc {
namespace {

using test::Bytes;
using test::TempDir;

TEST(ReadFile, GivesAllBytesAndHoldsTheLimit) {
  const TempDir dir;
  const std::string text(100000, 'x');
  test::WriteBytes(dir / "file", text);
  EXPECT_EQ(ReadTextFile(dir / "file", 100000).value(), text);
  EXPECT_EQ(ReadFile(dir / "file", 100000)->size(), text.size());
  const auto too_big = ReadTextFile(dir / "file", 99999);
  ASSERT_FALSE(too_big);
  EXPECT_EQ(too_big.error().kind, ErrorKind::kLimit);
  test::WriteBytes(dir / "empty", "");
  EXPECT_EQ(ReadTextFile(dir / "empty", 0).value(), "");
}

TEST(ReadFile, NamesPathAndReason) {
  const TempDir dir;
  const auto absent = ReadFile(dir / "absent", 1);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().kind, ErrorKind::kIo);
  EXPECT_EQ(absent.error().message, "cannot open " + (dir / "absent").string() + ": No such file or directory");
  const auto directory = ReadFile(dir.path(), 1 << 20);
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().kind, ErrorKind::kIo);
}

TEST(ReadFile, ReadsPipes) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const Fd in(ends[0]);
  Fd out(ends[1]);
  ASSERT_EQ(write(out.get(), "piped", 5), 5);
  out.Reset();
  EXPECT_EQ(ReadTextFile("/proc/self/fd/" + std::to_string(in.get()), 100).value(), "piped");
}

TEST(WriteFileAtomically, ReplacesTheWholeFile) {
  const TempDir dir;
  ASSERT_TRUE(WriteFileAtomically(dir / "file", Bytes("first, longer")));
  ASSERT_TRUE(WriteFileAtomically(dir / "file", Bytes("second")));
  EXPECT_EQ(test::ReadBytes(dir / "file"), "second");
  EXPECT_EQ(test::CountFiles(dir.path()), 1u);
}

TEST(WriteFileAtomically, LeavesNothingBehindWhereTheDiskIsFull) {
  const TempDir dir;
  test::WriteBytes(dir / "file", "old");
  const pid_t child = fork();
  if (child == 0) {
    // The kernel answers EFBIG as a full disk answers ENOSPC: in the middle of the write.
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {1000, 1000};
    setrlimit(RLIMIT_FSIZE, &limit);
    const auto written = WriteFileAtomically(dir / "file", Bytes(std::string(2000, 'x')));
    _exit(!written && written.error().kind == ErrorKind::kIo ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(test::ReadBytes(dir / "file"), "old");
  EXPECT_EQ(test::CountFiles(dir.path()), 1u);
}

TEST(WriteNewFile, NeverWritesOverAFileAndIsNeverWritableByOthers) {
  const TempDir dir;
  const mode_t old = umask(0);
  ASSERT_TRUE(WriteNewFile(dir / "file", Bytes("x"), 0666));
  umask(old);
  struct stat st;
  ASSERT_EQ(stat((dir / "file").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0644u);
  EXPECT_FALSE(WriteNewFile(dir / "file", Bytes("y")));
}

TEST(CreateDirectories, CreatesAllAndAcceptsExisting) {
  const TempDir dir;
  ASSERT_TRUE(CreateDirectories(dir / "a/b/c"));
  ASSERT_TRUE(CreateDirectories(dir / "a/b/c"));
  test::WriteBytes(dir / "file", "x");
  const auto blocked = CreateDirectories(dir / "file/b");
  ASSERT_FALSE(blocked);
  EXPECT_EQ(blocked.error().kind, ErrorKind::kIo);
}

TEST(CheckNotWritableByOthers, RefusesOtherOwnersAndWriters) {
  struct stat st = {};
  st.st_uid = geteuid();
  st.st_mode = S_IFREG | 0644;
  EXPECT_TRUE(CheckNotWritableByOthers(st, "/x"));
  st.st_uid = 0;
  EXPECT_TRUE(CheckNotWritableByOthers(st, "/x"));
  for (const mode_t mode : {0664, 0646, 0666, 01777}) {
    st.st_mode = S_IFDIR | mode;
    const auto checked = CheckNotWritableByOthers(st, "/x");
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().kind, ErrorKind::kUntrusted);
  }
  st.st_mode = S_IFREG | 0644;
  st.st_uid = geteuid() + 12345;
  const auto checked = CheckNotWritableByOthers(st, "/x");
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().kind, ErrorKind::kUntrusted);
}

TEST(FileLock, ExcludesThreadsOfOneProcess) {
  const TempDir dir;
  auto held = FileLock::Acquire(dir / "lock");
  ASSERT_TRUE(held);
  EXPECT_FALSE(FileLock::TryAcquire(dir / "lock")->has_value());
  std::atomic<bool> got = false;
  std::jthread waiter([&] {
    const auto lock = FileLock::Acquire(dir / "lock");
    got = lock.has_value();
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(got);
  held->Release();
  waiter.join();
  EXPECT_TRUE(got);
  EXPECT_EQ(test::CountFiles(dir.path()), 0u);
}

TEST(FileLock, DiesWithItsHolder) {
  const TempDir dir;
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto lock = FileLock::Acquire(dir / "lock");
    if (write(ready[1], "x", 1) != 1) _exit(1);
    pause();
    _exit(0);
  }
  char byte;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  EXPECT_FALSE(FileLock::TryAcquire(dir / "lock")->has_value());
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(FileLock::TryAcquire(dir / "lock")->has_value());
  close(ready[0]);
  close(ready[1]);
}

TEST(ListDirectory, IsSorted) {
  const TempDir dir;
  for (const char* name : {"c", "a", "b"}) test::WriteBytes(dir / name, "");
  EXPECT_EQ(ListDirectory(dir.path()).value(), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_FALSE(ListDirectory(dir / "absent"));
}

}  // namespace
}  // namespace guardc
