#include "base/checksum.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/bytes.h"

namespace guardc {
namespace {

using test::Bytes;

// As xxHash's own `xxh128sum` prints them.
TEST(Xxh3, KnownAnswers) {
  EXPECT_EQ(Xxh3Of({}).Hex(), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(Xxh3Of(Bytes("abc")).Hex(), "06b05ab6733a618578af5f94892f3950");
}

TEST(Xxh3, PiecesGiveTheSameAsTheWhole) {
  // Longer than the library's inner buffer and its block.
  std::vector<std::byte> bytes(5000);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = std::byte(i * i / 7);
  for (const size_t cut : {0, 1, 63, 64, 255, 256, 257, 1024, 4999, 5000}) {
    Xxh3 hash;
    hash.Update(std::span(bytes).first(cut));
    hash.Update(std::span(bytes).subspan(cut));
    EXPECT_EQ(hash.Finish(), Xxh3Of(bytes)) << cut;
  }
}

TEST(Xxh3, AnyChangedBitIsSeen) {
  std::vector<std::byte> bytes(300);
  const Xxh3Digest whole = Xxh3Of(bytes);
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_NE(Xxh3Of(bytes), whole) << bit;
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
  }
}

TEST(Xxh3, HexIsRecognised) {
  EXPECT_TRUE(IsXxh3Hex(Xxh3Of({}).Hex()));
  EXPECT_FALSE(IsXxh3Hex(""));
  EXPECT_FALSE(IsXxh3Hex(std::string(31, '0')));
  EXPECT_FALSE(IsXxh3Hex(std::string(64, '0')));
  EXPECT_FALSE(IsXxh3Hex(std::string(32, 'A')));
}

}  // namespace
}  // namespace guardc
