#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>

#include "artifact/cache_store.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_artifact.h"

namespace guardc::artifact {
namespace {

using namespace std::chrono_literals;
using test::TempDir;

class GcTest : public testing::Test {
 protected:
  // An entry that was last used so long ago.
  std::filesystem::path Add(std::string_view wasm, std::chrono::hours age, size_t size = 10000) {
    const Identity identity = test::TestIdentity(wasm);
    const auto entry = store_.GetOrCompile(identity, false, [&]() -> Result<Payload> {
      return test::TestPayload(identity, std::vector(size, std::byte{3}));
    });
    const timespec then = {.tv_sec = time(nullptr) - std::chrono::seconds(age).count(), .tv_nsec = 0};
    const timespec times[2] = {then, then};
    EXPECT_EQ(utimensat(AT_FDCWD, (entry->directory / "manifest.json").c_str(), times, 0), 0);
    return entry->directory;
  }

  TempDir dir_;
  CacheStore store_ = CacheStore::OpenForWriting(dir_ / "cache").value();
};

TEST_F(GcTest, ByAge) {
  const auto old = Add("old", 48h), fresh = Add("fresh", 1h);
  const auto report = store_.Gc({.max_age = 24h});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->removed, std::vector{old});
  EXPECT_FALSE(std::filesystem::exists(old.parent_path()));
  EXPECT_TRUE(VerifyEntry(fresh));
  EXPECT_GT(report->removed_bytes, 10000u);
  EXPECT_GT(report->kept_bytes, 10000u);
}

TEST_F(GcTest, BySizeTheLeastRecentlyUsedGoFirst) {
  const auto a = Add("a", 3h), b = Add("b", 1h), c = Add("c", 2h);
  const auto report = store_.Gc({.max_size = 25000});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->removed, std::vector{a});
  EXPECT_EQ(store_.Gc({.max_size = 15000})->removed, std::vector{c});
  EXPECT_EQ(store_.Gc({.max_size = 0})->removed, std::vector{b});
  EXPECT_EQ(test::CountFiles(dir_.path()), 0u);
}

TEST_F(GcTest, ALastUseInTheFutureIsNow) {
  // Both count as used now, and go in the order of their paths.
  const auto a = Add("a", -24h), b = Add("b", -48h);
  ASSERT_LT(b, a);
  EXPECT_TRUE(store_.Gc({.max_age = 24h})->removed.empty());
  EXPECT_EQ(store_.Gc({.max_size = 15000})->removed, std::vector{b});
}

TEST_F(GcTest, NeverWhatIsInUse) {
  const auto used = Add("used", 48h), unused = Add("unused", 47h);
  {
    const auto opened = OpenEntry(used);
    ASSERT_TRUE(opened);
    for (const bool dry_run : {true, false}) {
      const auto report = store_.Gc({.max_age = 1h, .max_size = 0, .dry_run = dry_run});
      ASSERT_TRUE(report);
      EXPECT_EQ(report->removed, std::vector{unused});
      EXPECT_EQ(report->in_use, std::vector{used});
      EXPECT_EQ(std::filesystem::exists(unused), dry_run);
    }
    EXPECT_TRUE(OpenObject(*opened));
  }
  // By size, since opening it was a use where the file system keeps times of access.
  EXPECT_EQ(store_.Gc({.max_size = 0})->removed, std::vector{used});
}

TEST_F(GcTest, ListShowsUseAgeAndDamage) {
  const auto a = Add("a", 48h), b = Add("b", 1h);
  test::WriteBytes(b / "manifest.json", "{");
  const auto opened = OpenEntry(a);
  const auto list = store_.List();
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 2u);
  for (const EntryInfo& entry : *list) {
    EXPECT_EQ(entry.in_use, entry.path == a);
    EXPECT_EQ(entry.manifest.has_value(), entry.path == a);
    EXPECT_GT(entry.size, 10000u);
  }
  EXPECT_TRUE(std::is_sorted(list->begin(), list->end(), [](auto& x, auto& y) { return x.path < y.path; }));
}

TEST_F(GcTest, ListingIsNoUse) {
  const auto entry = Add("a", 48h);
  ASSERT_TRUE(store_.List());
  EXPECT_EQ(store_.Gc({.max_age = 24h})->removed, std::vector{entry});
}

TEST_F(GcTest, SweepsWhatCrashedWritersLeft) {
  const auto entry = Add("a", 1h);
  const std::string key(64, 'a');
  std::filesystem::create_directories(entry.parent_path() / (".tmp-" + key + "-1-0"));
  test::WriteBytes(entry.parent_path() / (".tmp-" + key + "-1-0") / "guard.so", "half");
  test::WriteBytes(dir_ / "cache/v1/lock" / key, "");
  EXPECT_EQ(test::CountFiles(dir_.path()), 5u);
  ASSERT_TRUE(store_.Gc({.dry_run = true}));
  EXPECT_EQ(test::CountFiles(dir_.path()), 5u);
  ASSERT_TRUE(store_.Gc({}));
  EXPECT_EQ(test::CountFiles(dir_.path()), 3u);
  EXPECT_TRUE(VerifyEntry(entry));
}

TEST_F(GcTest, AnEmptyCacheIsFine) {
  EXPECT_TRUE(store_.List()->empty());
  EXPECT_TRUE(store_.Gc({.max_age = 1s, .max_size = 0})->removed.empty());
}

}  // namespace
}  // namespace guardc::artifact
