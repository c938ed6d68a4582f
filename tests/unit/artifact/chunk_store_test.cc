// artifact/chunk_store.h: what is kept comes back unchanged or not at all, and no more than the limit stays.
#include "artifact/chunk_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "base/hash.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_artifact.h"

namespace guardc::artifact {
namespace {

using test::TempDir;

class ChunkStoreTest : public testing::Test {
 protected:
  static std::string Key(int n) { return Sha256Of("chunk " + std::to_string(n)).Hex(); }
  static std::vector<std::byte> Bytes(int n, size_t size = 1000) {
    return std::vector<std::byte>(size, static_cast<std::byte>(n));
  }
  std::filesystem::path PathOf(int n) const { return cache_.root() / "v1/chunks" / Key(n); }
  void SetAge(int n, std::chrono::seconds age) const {
    const timespec then = {.tv_sec = time(nullptr) - age.count(), .tv_nsec = 0};
    const timespec times[2] = {then, then};
    ASSERT_EQ(utimensat(AT_FDCWD, PathOf(n).c_str(), times, 0), 0);
  }

  TempDir dir_;
  CacheStore cache_ = CacheStore::OpenForWriting(dir_ / "cache").value();
  ChunkStore store_ = ChunkStore::OpenForWriting(cache_).value();
};

TEST_F(ChunkStoreTest, KeepsAndFinds) {
  EXPECT_FALSE(store_.Find(Key(1)));
  store_.Put(Key(1), Bytes(1));
  store_.Put(Key(2), {});
  EXPECT_EQ(store_.Find(Key(1)), Bytes(1));
  EXPECT_EQ(store_.Find(Key(2)), std::vector<std::byte>{});
  store_.Put(Key(1), Bytes(7));
  EXPECT_EQ(store_.Find(Key(1)), Bytes(7));
  EXPECT_EQ(ListChunks(cache_).size(), 2u);
}

TEST_F(ChunkStoreTest, DamageIsAbsence) {
  store_.Put(Key(1), Bytes(1));
  store_.Put(Key(2), Bytes(2));
  std::filesystem::rename(PathOf(1), PathOf(3));  // whole, but another's
  EXPECT_FALSE(store_.Find(Key(3)));
  EXPECT_FALSE(VerifyChunk(PathOf(3)));
  EXPECT_TRUE(VerifyChunk(PathOf(2)));
  std::filesystem::resize_file(PathOf(2), 31);
  EXPECT_FALSE(store_.Find(Key(2)));
  std::filesystem::resize_file(PathOf(2), 0);
  EXPECT_FALSE(store_.Find(Key(2)));
  std::filesystem::remove(PathOf(2));
  std::filesystem::create_symlink(PathOf(3), PathOf(2));
  EXPECT_FALSE(store_.Find(Key(2)));
  std::filesystem::remove(PathOf(2));
  std::filesystem::create_directory(PathOf(2));
  EXPECT_FALSE(store_.Find(Key(2)));
}

TEST_F(ChunkStoreTest, TheLeastRecentlyUsedGo) {
  for (int n = 0; n < 4; ++n) {
    store_.Put(Key(n), Bytes(n));
    SetAge(n, std::chrono::hours(10 - n));
  }
  EXPECT_TRUE(store_.Find(Key(0)));  // a use
  store_.Trim(2500);
  EXPECT_TRUE(store_.Find(Key(0)));
  EXPECT_FALSE(store_.Find(Key(1)));
  EXPECT_FALSE(store_.Find(Key(2)));
  EXPECT_TRUE(store_.Find(Key(3)));
}

TEST_F(ChunkStoreTest, WhatDeadWritersLeftGoes) {
  const auto old = cache_.root() / "v1/chunks/.tmp-1-0-x", fresh = cache_.root() / "v1/chunks/.tmp-1-1-x";
  for (const auto& path : {old, fresh}) test::WriteBytes(path, "x");
  const timespec then = {.tv_sec = time(nullptr) - 7200, .tv_nsec = 0};
  const timespec times[2] = {then, then};
  ASSERT_EQ(utimensat(AT_FDCWD, old.c_str(), times, 0), 0);
  store_.Trim();
  EXPECT_FALSE(std::filesystem::exists(old));
  EXPECT_TRUE(std::filesystem::exists(fresh));
  EXPECT_TRUE(ListChunks(cache_).empty());
}

TEST_F(ChunkStoreTest, GcTakesThemFirstAndByAge) {
  for (int n = 0; n < 2; ++n) store_.Put(Key(n), Bytes(n));
  SetAge(0, std::chrono::hours(48));
  const auto by_age = cache_.Gc({.max_age = std::chrono::hours(24)});
  ASSERT_TRUE(by_age);
  EXPECT_EQ(by_age->removed_chunks, 1u);
  EXPECT_FALSE(store_.Find(Key(0)));
  EXPECT_EQ(cache_.Gc({.max_size = 0, .dry_run = true})->removed_chunks, 1u);
  EXPECT_TRUE(store_.Find(Key(1)));
  EXPECT_EQ(cache_.Gc({.max_size = 0})->removed_chunks, 1u);
  EXPECT_EQ(test::CountFiles(dir_.path()), 0u);
}

TEST_F(ChunkStoreTest, NotWhereOthersMayWrite) {
  store_.Put(Key(1), Bytes(1));
  ASSERT_EQ(chmod(PathOf(1).c_str(), 0666), 0);
  EXPECT_FALSE(store_.Find(Key(1)));
  ASSERT_EQ(chmod(PathOf(1).parent_path().c_str(), 0777), 0);
  EXPECT_EQ(ChunkStore::OpenForWriting(cache_).error().kind, ErrorKind::kUntrusted);
}

}  // namespace
}  // namespace guardc::artifact
