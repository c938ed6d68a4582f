#include "artifact/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "artifact/cache_layout.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_artifact.h"

namespace guardc::artifact {
namespace {

using test::TempDir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class NamesTest : public testing::Test {
 protected:
  std::filesystem::path Add(std::string_view wasm, std::string source = "") {
    const Identity identity = test::TestIdentity(wasm);
    const auto entry = store_.GetOrCompile(identity, false, [&]() -> Result<Payload> {
      Payload payload = test::TestPayload(identity, std::vector(1000, std::byte{3}));
      payload.source = std::move(source);
      return payload;
    });
    EXPECT_TRUE(entry);
    return entry->directory;
  }
  Result<void> Name(std::string name, const std::filesystem::path& entry) {
    return SetName(store_, {std::move(name), entry.parent_path().filename(), entry.filename()});
  }
  std::vector<std::string> Known() {
    std::vector<std::string> out;
    const auto names = ListNames(store_).value();
    for (const EntryName& name : names) out.push_back(name.name);
    return out;
  }
  ErrorKind KindOf(std::string_view name) {
    const auto found = EntryOfName(store_, name);
    return found ? ErrorKind::kInternal : found.error().kind;
  }

  TempDir dir_;
  CacheStore store_ = CacheStore::OpenForWriting(dir_ / "cache").value();
  std::filesystem::path names_ = dir_ / "cache/v1/names";
};

TEST(Names, NoNameIsTheStartOfAKey) {
  for (const char* text : {"abcd", "0000", "deadbeef"}) {
    EXPECT_TRUE(IsKeyPrefix(text)) << text;
    EXPECT_FALSE(CheckName(text)) << text;
  }
  EXPECT_TRUE(IsKeyPrefix(std::string(64, 'a')));
  EXPECT_FALSE(CheckName(std::string(64, 'a')));
  for (const char* text : {"abc", "abcg", "a", "dead-beef", "name.wasm", "_"}) {
    EXPECT_FALSE(IsKeyPrefix(text)) << text;
    EXPECT_TRUE(CheckName(text)) << text;
  }
  for (const char* text : {"", "ABCD", ".", "..", ".a", "-a", "a/b", "../a", "a b", "a\n", "\xc3\xa9"}) {
    EXPECT_FALSE(IsKeyPrefix(text)) << text;
    EXPECT_FALSE(CheckName(text)) << text;
  }
  EXPECT_FALSE(CheckName(std::string_view("a\0b", 3)));
  EXPECT_FALSE(CheckName(std::string(65, 'x')));
}

TEST_F(NamesTest, TheLastEntryHasTheName) {
  const auto a = Add("a"), b = Add("b");
  ASSERT_TRUE(Name("x", a));
  EXPECT_EQ(EntryOfName(store_, "x").value(), a);
  ASSERT_TRUE(Name("x", b));
  ASSERT_TRUE(Name("y", b));
  EXPECT_EQ(EntryOfName(store_, "x").value(), b);
  EXPECT_THAT(Known(), ElementsAre("x", "y"));
  EXPECT_EQ(test::CountFiles(dir_.path()), 8u);  // no lock, no temporary file
}

TEST_F(NamesTest, TheSameNameIsNotWrittenAgain) {
  const auto a = Add("a");
  ASSERT_TRUE(Name("x", a));
  const auto before = std::filesystem::last_write_time(names_);
  ASSERT_TRUE(Name("x", a));
  EXPECT_EQ(std::filesystem::last_write_time(names_), before);
}

TEST_F(NamesTest, WhatIsGoneGetsNoName) {
  const auto a = Add("a");
  ASSERT_TRUE(Name("x", a));
  const auto removed = store_.Remove(a);
  ASSERT_TRUE(removed);
  EXPECT_TRUE(removed->is_gone);
  EXPECT_THAT(removed->names, ElementsAre("x"));
  EXPECT_THAT(removed->failed, IsEmpty());
  const auto named = Name("x", a);
  ASSERT_FALSE(named);
  EXPECT_EQ(named.error().kind, ErrorKind::kNotCached);
  EXPECT_THAT(Known(), IsEmpty());
}

TEST_F(NamesTest, RemovingAnEntryLeavesTheNamesOfOthers) {
  const auto a = Add("a"), b = Add("b");
  ASSERT_TRUE(Name("x", a));
  ASSERT_TRUE(Name("y", b));
  ASSERT_TRUE(Name("z", a));
  EXPECT_THAT(store_.Remove(a)->names, ElementsAre("x", "z"));
  EXPECT_EQ(EntryOfName(store_, "y").value(), b);
  {
    const auto opened = OpenEntry(b);
    const auto used = store_.Remove(b);
    ASSERT_TRUE(opened && used);
    EXPECT_FALSE(used->is_gone);
  }
  EXPECT_THAT(Known(), ElementsAre("y"));
}

TEST_F(NamesTest, GcLeavesTheNameOfAnEntryThatIsBeingMade) {
  const auto a = Add("a");
  ASSERT_TRUE(Name("x", a));
  std::filesystem::remove_all(a);
  {
    // As where a file system cannot exchange directories: for a moment there is none.
    const auto lock = FileLock::Acquire(layout::LockPath(store_.root(), a.filename().string()));
    ASSERT_TRUE(lock);
    EXPECT_THAT(store_.Gc({})->removed_names, IsEmpty());
    EXPECT_EQ(KindOf("x"), ErrorKind::kNotCached);
  }
  EXPECT_THAT(store_.Gc({.dry_run = true})->removed_names, ElementsAre("x"));
  EXPECT_THAT(Known(), ElementsAre("x"));
  EXPECT_THAT(store_.Gc({})->removed_names, ElementsAre("x"));
  EXPECT_THAT(Known(), IsEmpty());
}

TEST_F(NamesTest, GcTellsWhatItCouldNotLookAt) {
  const auto a = Add("a");
  ASSERT_TRUE(Name("x", a));
  std::filesystem::permissions(names_, std::filesystem::perms::all);
  const auto report = store_.Gc({.max_size = 0});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->removed, std::vector{a});
  ASSERT_EQ(report->failed.size(), 1u);
  EXPECT_EQ(report->failed[0].path, names_);
  EXPECT_EQ(report->failed[0].error.kind, ErrorKind::kUntrusted);
  EXPECT_EQ(KindOf("x"), ErrorKind::kUntrusted);
  EXPECT_EQ(ListNames(store_).error().kind, ErrorKind::kUntrusted);
}

TEST_F(NamesTest, AnAbsentOrDamagedName) {
  const auto a = Add("a");
  EXPECT_EQ(KindOf("x"), ErrorKind::kNotCached);
  EXPECT_EQ(KindOf("../x"), ErrorKind::kInvalidArgument);
  ASSERT_TRUE(Name("x", a));
  EXPECT_THAT(EntryOfName(store_, "y").error().message, HasSubstr("its names are x"));
  test::WriteBytes(names_ / "x", "{");
  EXPECT_EQ(KindOf("x"), ErrorKind::kCorruptArtifact);
  EXPECT_TRUE(RemoveName(store_, "x").value());
  EXPECT_FALSE(RemoveName(store_, "x").value());
  EXPECT_FALSE(RemoveName(store_, "../x"));
}

TEST_F(NamesTest, ThreadsThatNameAndRemoveLeaveNoNameWithoutItsEntry) {
  std::vector<std::jthread> threads;
  for (const char* wasm : {"a", "b", "c"}) {
    threads.emplace_back([this, wasm] {
      for (int i = 0; i < 50; ++i) {
        const auto named = Name("x", Add(wasm));
        EXPECT_TRUE(named || named.error().kind == ErrorKind::kNotCached) << named.error().message;
      }
    });
  }
  for (int i = 0; i < 50; ++i) {
    const auto report = store_.Gc({.max_size = 0});
    ASSERT_TRUE(report);
    EXPECT_THAT(report->failed, IsEmpty());
  }
  threads.clear();
  for (const std::string& name : Known()) EXPECT_TRUE(EntryOfName(store_, name));
  ASSERT_TRUE(store_.Gc({.max_size = 0}));
  EXPECT_EQ(test::CountFiles(dir_.path()), 0u);
}

TEST_F(NamesTest, TheSourceIsOfTheEntry) {
  const auto a = Add("a", "a.wasm"), b = Add("b");
  EXPECT_EQ(test::ReadBytes(a / kSourceFile), "a.wasm");
  EXPECT_FALSE(std::filesystem::exists(b / kSourceFile));
  const auto entries = store_.List().value();
  for (const EntryInfo& entry : entries) EXPECT_EQ(entry.source, entry.path == a ? "a.wasm" : "");
  EXPECT_TRUE(VerifyEntry(a));
}

}  // namespace
}  // namespace guardc::artifact
