// compiler/codegen/memory_image.h: which segments become pages of the file.
#include "compiler/codegen/memory_image.h"

#include <gmock/gmock.h>

#include "compiler/frontend/wabt_reader.h"
#include "tests/unit/compiler/wat.h"

namespace guardc::compiler {
namespace {

constexpr uint32_t kPage = 4096;

MemoryImage Image(std::string_view fields) {
  const auto module = ReadModule(test::Wat("(module " + std::string(fields) + ")"), {});
  EXPECT_TRUE(module.has_value()) << module.error().message;
  return BuildMemoryImage(*module, kPage);
}

TEST(MemoryImage, OnePage) {
  const MemoryImage image = Image("(memory 1) (data (i32.const 5000) \"abc\")");
  ASSERT_EQ(image.ranges.size(), 1u);
  EXPECT_EQ(image.ranges[0].memory_offset, 4096u);
  EXPECT_EQ(image.ranges[0].size, 4096u);
  ASSERT_EQ(image.bytes.size(), 4096u);
  EXPECT_EQ(image.bytes[5000 - 4096], 'a');
  EXPECT_EQ(image.in_image, std::vector<bool>{true});
}

TEST(MemoryImage, LaterSegmentsOverwriteEarlierOnes) {
  const MemoryImage image = Image("(memory 1) (data (i32.const 1) \"aaaa\") (data (i32.const 2) \"b\")");
  EXPECT_EQ(std::string(image.bytes.begin(), image.bytes.begin() + 5), std::string("\0abaa", 5));
}

TEST(MemoryImage, FarRangesAreMappedApart) {
  const MemoryImage image = Image(
      "(memory 16) (data (i32.const 0) \"a\") (data (i32.const 8192) \"b\") "
      "(data (i32.const 800000) \"c\")");
  ASSERT_EQ(image.ranges.size(), 2u);
  EXPECT_EQ(image.ranges[0].size, 3u * kPage);
  EXPECT_EQ(image.ranges[1].memory_offset, 800000 / kPage * kPage);
  EXPECT_EQ(image.ranges[1].image_offset, 3u * kPage);
}

TEST(MemoryImage, ZerosNeedNoPages) {
  const MemoryImage image = Image("(memory 1) (data (i32.const 100) \"\\00\\00\\00\")");
  EXPECT_TRUE(image.ranges.empty());
  EXPECT_TRUE(image.in_image[0]);
}

TEST(MemoryImage, StopsAtWhatInitMustDo) {
  // The second is out of bounds: instantiation traps there, after the first and before the third.
  const MemoryImage image = Image(
      "(memory 1) (data (i32.const 0) \"a\") (data (i32.const 65536) \"b\") "
      "(data (i32.const 1) \"c\") (data \"passive\")");
  EXPECT_EQ(image.in_image, (std::vector<bool>{true, false, false, false}));
  const MemoryImage late = Image(
      "(import \"m\" \"g\" (global i32)) (memory 1) (data (global.get 0) \"a\") "
      "(data (i32.const 0) \"b\")");
  EXPECT_EQ(late.in_image, (std::vector<bool>{false, false}));
}

TEST(MemoryImage, ImportedMemoriesAreInitsWork) {
  const MemoryImage image = Image("(import \"m\" \"m\" (memory 1)) (data (i32.const 0) \"a\")");
  EXPECT_TRUE(image.ranges.empty());
  EXPECT_FALSE(image.in_image[0]);
}

TEST(MemoryImage, ScatteredBytesAreCopiedInstead) {
  std::string fields = "(memory 2000)";
  for (int i = 0; i < 1000; ++i) fields += "(data (i32.const " + std::to_string(i * 131072) + ") \"x\")";
  const MemoryImage image = Image(fields);
  EXPECT_TRUE(image.ranges.empty());
  EXPECT_FALSE(image.in_image[0]);
}

}  // namespace
}  // namespace guardc::compiler
