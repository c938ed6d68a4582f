// The cache between processes: one compile per key, locks that die with their holder, readers beside writers.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <thread>

#include "artifact/cache_key.h"
#include "artifact/cache_store.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_artifact.h"

namespace guardc::artifact {
namespace {

using test::TempDir;

const std::vector<std::byte> kObject(100000, std::byte{5});

// Runs `body` in `count` processes at once; its result is the exit code. Returns the sum.
int InProcesses(int count, const std::function<int(int)>& body) {
  std::vector<pid_t> children;
  for (int i = 0; i < count; ++i) {
    const pid_t child = fork();
    if (child == 0) _exit(body(i));
    children.push_back(child);
  }
  int sum = 0;
  for (const pid_t child : children) {
    int status = -1;
    waitpid(child, &status, 0);
    sum += WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
  }
  return sum;
}

TEST(CacheProcesses, EightCompileOnce) {
  const TempDir dir;
  const CacheStore store = CacheStore::OpenForWriting(dir / "cache").value();
  const Identity identity = test::TestIdentity();
  int compiles = 0;
  const int made = InProcesses(8, [&](int) {
    const auto entry = store.GetOrCompile(identity, false, [&]() -> Result<Payload> {
      ++compiles;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      return test::TestPayload(identity, kObject);
    });
    return entry && VerifyEntry(entry->directory) ? compiles : 100;
  });
  EXPECT_EQ(made, 1);
  EXPECT_EQ(test::CountFiles(dir.path()), 3u);
}

TEST(CacheProcesses, DifferentKeysOfOneModuleDoNotDisturbEachOther) {
  const TempDir dir;
  const CacheStore store = CacheStore::OpenForWriting(dir / "cache").value();
  const int failed = InProcesses(8, [&](int i) {
    for (int round = 0; round < 5; ++round) {
      Identity identity = test::TestIdentity();
      identity.options.opt_level = i % 4;
      identity.options.strict_traps = i >= 4;
      // Half of the compiles fail, which removes the module's directory where it is empty.
      const auto entry = store.GetOrCompile(identity, true, [&]() -> Result<Payload> {
        Payload payload = test::TestPayload(identity, kObject);
        if (i % 2 == 1) payload.manifest.key = "wrong";
        return payload;
      });
      if (entry.has_value() != (i % 2 == 0)) return 1;
    }
    return 0;
  });
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(test::CountFiles(dir.path()), 12u);
}

TEST(CacheProcesses, ACrashedWriterLeavesTheLockFreeAndItsFilesAreSwept) {
  const TempDir dir;
  const CacheStore store = CacheStore::OpenForWriting(dir / "cache").value();
  const Identity identity = test::TestIdentity();
  const auto module_directory = store.EntryPath(identity.wasm_sha256, "x").parent_path();
  // Dies in the middle of the compile, and leaves what a writer that dies a little later would.
  InProcesses(1, [&](int) {
    (void)store.GetOrCompile(identity, false, [&]() -> Result<Payload> {
      const auto half = module_directory / (".tmp-" + CacheKey(identity) + "-1-0");
      std::filesystem::create_directories(half);
      test::WriteBytes(half / "guard.so", "half");
      kill(getpid(), SIGKILL);
      return test::TestPayload(identity, kObject);
    });
    return 0;
  });
  const size_t left = test::CountFiles(dir.path());  // the lock's file and half an object
  EXPECT_EQ(left, 2u);
  const auto entry =
      store.GetOrCompile(identity, false, [&]() -> Result<Payload> { return test::TestPayload(identity, kObject); });
  ASSERT_TRUE(entry) << entry.error().message;
  EXPECT_EQ(test::CountFiles(dir.path()), 3u);
}

TEST(CacheProcesses, ReadersBesideWritersSeeWholeEntriesOrNone) {
  const TempDir dir;
  const CacheStore store = CacheStore::OpenForWriting(dir / "cache").value();
  const Identity identity = test::TestIdentity();
  const auto compile = [&]() -> Result<Payload> { return test::TestPayload(identity, kObject); };
  const auto entry = store.GetOrCompile(identity, false, compile);
  ASSERT_TRUE(entry);
  const int bad = InProcesses(4, [&](int i) {
    for (int round = 0; round < 50; ++round) {
      if (i == 0) {
        if (!store.GetOrCompile(identity, true, compile)) return 1;
      } else if (i == 1) {
        if (!store.Gc({.max_size = 0})) return 1;
      } else if (const auto manifest = VerifyEntry(entry->directory);
                 !manifest && manifest.error().kind != ErrorKind::kNotCached) {
        return 1;
      }
    }
    return 0;
  });
  EXPECT_EQ(bad, 0);
}

}  // namespace
}  // namespace guardc::artifact
