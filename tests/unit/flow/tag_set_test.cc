// Tag sets against std::set.
#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "guardc/flow.h"

namespace guardc {
namespace {

using testing::ElementsAre;

std::set<std::string> Model(const TagSet& set) { return {set.tags().begin(), set.tags().end()}; }

std::vector<TagSet> AllSets() {
  const std::vector<std::string> tags = {"*", "a", "b", "c"};
  std::vector<TagSet> out;
  for (unsigned bits = 0; bits < 16; ++bits) {
    std::vector<std::string> chosen;
    for (size_t i = 0; i < tags.size(); ++i) {
      if (bits >> i & 1) chosen.push_back(tags[i]);
    }
    out.push_back(TagSet::From(std::move(chosen)));
  }
  return out;
}

TEST(TagSetTest, IsSortedAndHoldsATagOnce) {
  TagSet set = TagSet::From({"b", "a", "b", "", "a"});
  EXPECT_THAT(set.tags(), ElementsAre("", "a", "b"));
  EXPECT_EQ(set.ToString(), "[, a, b]");
  EXPECT_TRUE(TagSet::From({}).empty());
  EXPECT_EQ(TagSet().ToString(), "[]");
}

TEST(TagSetTest, CopiesShareTheirTags) {
  TagSet set{"x", "y"};
  TagSet copy = set;
  EXPECT_EQ(copy.tags().data(), set.tags().data());
  EXPECT_EQ(set.Union({}).tags().data(), set.tags().data());
  EXPECT_EQ(set.Intersection({"x", "y", "z"}).tags().data(), set.tags().data());
}

TEST(TagSetTest, OperationsAreThoseOfSets) {
  for (const TagSet& a : AllSets()) {
    for (const TagSet& b : AllSets()) {
      std::set<std::string> want_union, want_both, want_minus;
      auto ma = Model(a), mb = Model(b);
      std::set_union(ma.begin(), ma.end(), mb.begin(), mb.end(), std::inserter(want_union, want_union.end()));
      std::set_intersection(ma.begin(), ma.end(), mb.begin(), mb.end(), std::inserter(want_both, want_both.end()));
      std::set_difference(ma.begin(), ma.end(), mb.begin(), mb.end(), std::inserter(want_minus, want_minus.end()));
      EXPECT_EQ(Model(a.Union(b)), want_union);
      EXPECT_EQ(Model(a.Intersection(b)), want_both);
      EXPECT_EQ(Model(a.Minus(b)), want_minus);
      EXPECT_EQ(a == b, ma == mb);
      bool within = mb.contains("*") || std::includes(mb.begin(), mb.end(), ma.begin(), ma.end());
      EXPECT_EQ(a.IsSubsetOf(b), within) << a.ToString() << b.ToString();
      EXPECT_EQ(a.Missing(b).empty(), within);
      if (!within) {
        EXPECT_EQ(Model(a.Missing(b)), want_minus);
      }
    }
  }
}

}  // namespace
}  // namespace guardc
