#include "base/similar.h"

#include <algorithm>
#include <vector>

namespace guardc {
namespace {

constexpr size_t kLongestName = 64;  // what is longer is like nothing

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool Same(char a, char b) { return Lower(a) == Lower(b); }

// Damerau's distance, where no part is edited twice.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = Same(a[i - 1], b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && Same(a[i - 1], b[j - 2]) && Same(a[i - 2], b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

bool Begins(std::string_view name, std::string_view given) {
  return given.size() < name.size() && std::equal(given.begin(), given.end(), name.begin(), Same);
}

// Without the hyphens of an option.
size_t LetterCount(std::string_view name) { return name.size() - std::min(name.find_first_not_of('-'), name.size()); }

}  // namespace

std::optional<std::string_view> Nearest(std::string_view given, std::span<const std::string_view> known) {
  constexpr size_t kShortestBeginning = 3;
  if (given.empty() || given.size() > kLongestName) return std::nullopt;
  std::optional<std::string_view> best;
  size_t best_distance = std::max<size_t>(given.size() / 3, 1) + 1;
  for (const std::string_view name : known) {
    if (name.size() > kLongestName) continue;
    // What a beginning lacks counts as one slip.
    const bool begins = (LetterCount(given) >= kShortestBeginning && Begins(name, given)) ||
                        (LetterCount(name) >= kShortestBeginning && Begins(given, name));
    const size_t distance = begins ? 1 : Distance(given, name);
    if (distance >= best_distance || distance >= name.size()) continue;
    best = name;
    best_distance = distance;
  }
  return best;
}

std::string DidYouMean(std::string_view given, std::span<const std::string_view> known) {
  const auto near = Nearest(given, known);
  return near ? "; did you mean '" + std::string(*near) + "'?" : "";
}

std::string NoSuchName(std::string_view given, std::span<const std::string_view> known) {
  std::string out = "there is no '" + std::string(given) + "', expected one of ";
  for (const std::string_view name : known) out += (name == known.front() ? "" : ", ") + std::string(name);
  return out + DidYouMean(given, known);
}

}  // namespace guardc
