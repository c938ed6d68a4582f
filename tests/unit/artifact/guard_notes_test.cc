#include "artifact/guard_notes.h"

#include <gmock/gmock.h>

namespace guardc::artifact {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Description Of(std::initializer_list<const char*> functions, uint64_t pages = 1) {
  Description description;
  for (const char* name : functions) description.exports.push_back({name, ExternKind::kFunc, "() -> ()"});
  description.memories.push_back({.min = pages});
  return description;
}

TEST(GuardNotes, NothingToTell) {
  EXPECT_THAT(GuardNotes(Of({"alloc", "dealloc"})), IsEmpty());
  EXPECT_THAT(GuardNotes(Of({"alloc", "dealloc", "_initialize"}, kDefaultMemoryCap)), IsEmpty());
  EXPECT_THAT(GuardNotes(Of({"alloc", "dealloc", "_initialize", "_start"})), IsEmpty());
}

TEST(GuardNotes, OneOfAllocAndDeallocIsNone) {
  for (const char* only : {"alloc", "dealloc", "other"}) {
    EXPECT_THAT(GuardNotes(Of({only})), ElementsAre(HasSubstr("both alloc and dealloc")));
  }
  Description description = Of({"alloc"});
  description.exports.push_back({"dealloc", ExternKind::kGlobal, "i32"});
  EXPECT_THAT(GuardNotes(description), ElementsAre(HasSubstr("both alloc and dealloc")));
}

TEST(GuardNotes, CommandWithLabelFunctions) {
  EXPECT_THAT(GuardNotes(Of({"alloc", "dealloc", "_start"})), ElementsAre(HasSubstr("-buildmode=c-shared")));
}

TEST(GuardNotes, MemoryAboveTheDefaultCap) {
  EXPECT_THAT(GuardNotes(Of({"alloc", "dealloc"}, 513)), ElementsAre(HasSubstr("--memory-cap 513")));
}

}  // namespace
}  // namespace guardc::artifact
