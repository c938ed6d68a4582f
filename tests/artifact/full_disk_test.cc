// A disk that runs full in the middle of an entry. Needs the right to mount; the same by a limit on the size of files
// is in tests/unit/artifact.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "artifact/cache_store.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_artifact.h"

namespace guardc::artifact {
namespace {

TEST(FullDisk, IsAnErrorAndLeavesNothing) {
  const test::TempDir dir;
  if (mount("guardc-test", dir.path().c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=256k,mode=755") != 0) {
    GTEST_SKIP() << "cannot mount a small file system: " << strerror(errno);
  }
  {
    const CacheStore store = CacheStore::OpenForWriting(dir / "cache").value();
    const auto compile = [&](const Identity& identity, size_t size) {
      return store.GetOrCompile(identity, false, [&]() -> Result<Payload> {
        return test::TestPayload(identity, std::vector(size, std::byte{1}));
      });
    };
    ASSERT_TRUE(compile(test::TestIdentity("small"), 1000));
    const auto full = compile(test::TestIdentity("large"), 1000000);
    EXPECT_FALSE(full);
    if (!full) {
      EXPECT_EQ(full.error().kind, ErrorKind::kIo);
      EXPECT_NE(full.error().message.find("No space left on device"), std::string::npos) << full.error().message;
    }
    EXPECT_EQ(test::CountFiles(dir.path()), 3u);
    EXPECT_FALSE(std::filesystem::exists(store.EntryPath(test::TestIdentity("large").wasm_sha256, "x").parent_path()));
    // What fits still goes in.
    EXPECT_TRUE(compile(test::TestIdentity("small too"), 1000));
  }
  EXPECT_EQ(umount(dir.path().c_str()), 0);
}

}  // namespace
}  // namespace guardc::artifact
