#include "runtime/trap/inlines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace guardc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A record of a function whose code begins `distance` after the record's own `code` field.
std::vector<uint8_t> Record(int32_t distance, const std::vector<uint8_t>& rest) {
  const auto size = static_cast<uint32_t>(sizeof(distance) + rest.size());
  std::vector<uint8_t> bytes(sizeof(size) + size);
  std::memcpy(bytes.data(), &size, sizeof(size));
  std::memcpy(bytes.data() + sizeof(size), &distance, sizeof(distance));
  std::ranges::copy(rest, bytes.end() - static_cast<ptrdiff_t>(rest.size()));
  return bytes;
}

uintptr_t CodeOf(const std::vector<uint8_t>& table, size_t record, int32_t distance) {
  return reinterpret_cast<uintptr_t>(table.data()) + record + sizeof(uint32_t) + static_cast<uintptr_t>(distance);
}

// Function 200 inlined, function 7 inlined into that. Rows: 4 bytes in, scope 2; 12, scope 1; 28, none.
const std::vector<uint8_t> kRest = {2, 0xc8, 0x01, 0, 7, 1, 4, 2, 8, 1, 16, 0};

TEST(InlinesTest, FollowsScopesFromTheInside) {
  const std::vector<uint8_t> other = Record(1 << 20, {0});
  std::vector<uint8_t> table = other;
  const std::vector<uint8_t> record = Record(4096, kRest);
  table.insert(table.end(), record.begin(), record.end());
  const uintptr_t code = CodeOf(table, other.size(), 4096);
  EXPECT_THAT(InlinedAt(table, code, code), IsEmpty());
  EXPECT_THAT(InlinedAt(table, code, code + 3), IsEmpty());
  EXPECT_THAT(InlinedAt(table, code, code + 4), ElementsAre(7, 200));
  EXPECT_THAT(InlinedAt(table, code, code + 11), ElementsAre(7, 200));
  EXPECT_THAT(InlinedAt(table, code, code + 12), ElementsAre(200));
  EXPECT_THAT(InlinedAt(table, code, code + 28), IsEmpty());
  EXPECT_THAT(InlinedAt(table, code + 1, code + 5), IsEmpty());
  EXPECT_THAT(InlinedAt({}, code, code), IsEmpty());
}

TEST(InlinesTest, ReadsNoByteBeyondTheTable) {
  const std::vector<uint8_t> whole = Record(4096, kRest);
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::vector<uint8_t> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    const uintptr_t code = CodeOf(cut, 0, 4096);
    InlinedAt(cut, code, code + 40);
  }
}

TEST(InlinesTest, EndsOnScopesThatLeadNowhere) {
  for (const std::vector<uint8_t>& rest :
       {std::vector<uint8_t>{1, 7, 1, 4, 1}, {1, 7, 9, 4, 1}, {1, 7, 0, 4, 9}, {0xff, 0xff, 0xff, 0xff, 0x0f, 7, 0}}) {
    const std::vector<uint8_t> table = Record(4096, rest);
    const uintptr_t code = CodeOf(table, 0, 4096);
    EXPECT_THAT(InlinedAt(table, code, code + 40), IsEmpty());
  }
}

}  // namespace
}  // namespace guardc
