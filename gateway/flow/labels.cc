// Tag sets: sorted vectors behind a shared pointer. The sets of real guards have one to five tags, so that merging
// sorted runs beats hashing, and an empty set costs nothing.
#include <algorithm>
#include <iterator>

#include "guardc/flow.h"

namespace guardc {

TagSet::TagSet(std::initializer_list<std::string_view> tags)
    : TagSet(From(std::vector<std::string>(tags.begin(), tags.end()))) {}

TagSet TagSet::From(std::vector<std::string> tags) {
  TagSet set;
  if (tags.empty()) return set;
  std::sort(tags.begin(), tags.end());
  tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
  set.tags_ = std::make_shared<const std::vector<std::string>>(std::move(tags));
  return set;
}

std::span<const std::string> TagSet::tags() const {
  return tags_ ? std::span<const std::string>(*tags_) : std::span<const std::string>();
}

bool TagSet::Contains(std::string_view tag) const {
  auto all = tags();
  auto found = std::lower_bound(all.begin(), all.end(), tag);
  return found != all.end() && *found == tag;
}

// One side may be a guest's ten thousand tags and the other a single one, over and over: the cost follows the small
// side.
bool TagSet::IsSubsetOf(const TagSet& superset) const {
  if (tags_ == superset.tags_ || empty() || superset.HasWildcard()) return true;
  auto mine = tags();
  return mine.size() <= superset.size() &&
         std::all_of(mine.begin(), mine.end(), [&](const std::string& tag) { return superset.Contains(tag); });
}

TagSet TagSet::Missing(const TagSet& superset) const { return superset.HasWildcard() ? TagSet() : Minus(superset); }

TagSet TagSet::Union(const TagSet& other) const {
  if (tags_ == other.tags_ || other.empty()) return *this;
  if (empty()) return other;
  std::vector<std::string> out;
  std::set_union(tags_->begin(), tags_->end(), other.tags_->begin(), other.tags_->end(), std::back_inserter(out));
  if (out.size() == size()) return *this;
  return From(std::move(out));
}

TagSet TagSet::Intersection(const TagSet& other) const {
  if (tags_ == other.tags_) return *this;
  if (size() > other.size()) return other.Intersection(*this);
  std::vector<std::string> out;
  for (const std::string& tag : tags()) {
    if (other.Contains(tag)) out.push_back(tag);
  }
  return out.size() == size() ? *this : From(std::move(out));
}

TagSet TagSet::Minus(const TagSet& other) const {
  if (empty() || tags_ == other.tags_) return {};
  if (other.empty()) return *this;
  std::vector<std::string> out;
  for (const std::string& tag : tags()) {
    if (!other.Contains(tag)) out.push_back(tag);
  }
  return out.size() == size() ? *this : From(std::move(out));
}

bool TagSet::operator==(const TagSet& other) const {
  return tags_ == other.tags_ || (tags_ && other.tags_ && *tags_ == *other.tags_);
}

std::string TagSet::ToString() const {
  std::string out = "[";
  for (const std::string& tag : tags()) {
    if (&tag != &tags().front()) out += ", ";
    out += tag;
  }
  return out + "]";
}

}  // namespace guardc
