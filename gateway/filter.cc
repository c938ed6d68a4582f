#include "gateway/filter.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "gateway/json/json_text.h"

namespace guardc::gateway {
namespace {

using SharedLabels = std::shared_ptr<const ItemLabels>;

std::string_view PolicyName(DenialCause cause) {
  switch (cause) {
    case DenialCause::kSecrecy:
      return "secrecy policy";
    case DenialCause::kIntegrity:
      return "integrity policy";
    default:
      return "access policy";
  }
}

bool IsUnlabelled(const SharedLabels& own) { return own == nullptr || own->are_missing; }

// The labels that an item is held to.
SharedLabels Effective(const SharedLabels& own, const LabelledCall& call) {
  if (!IsUnlabelled(own)) return own;
  const TagSet& secrecy = call.resource.labels.secrecy;
  if (own == nullptr) return std::make_shared<const ItemLabels>(ItemLabels{"unlabeled", {secrecy, {}}, true});
  return std::make_shared<const ItemLabels>(ItemLabels{"", {own->labels.secrecy.Union(secrecy), {}}, true});
}

Decision Decide(const SharedLabels& own, const ItemLabels& effective, const LabelledCall& call) {
  const Operation operation = call.resource.operation;
  Decision decision = CheckFlow(call.agent, effective.labels, operation, call.mode);
  if (own == nullptr || !own->are_missing) return decision;
  // Reading is covered by the union; the write half of a read-write is not.
  for (const Labels& meant : {own->labels, Labels()}) {
    if (decision.allowed && operation != Operation::kRead) {
      Decision other = CheckFlow(call.agent, meant, operation, call.mode);
      if (!other.allowed) return other;
    }
  }
  return decision;
}

}  // namespace

Result<ItemsReport> FilterItems(const LabelledCall& call) {
  const std::vector<LabelledItem>& items = call.data.items();
  ItemsReport report;
  report.total = items.size();
  struct Judged {
    SharedLabels labels;
    std::shared_ptr<const Decision> decision;
  };
  std::unordered_map<const ItemLabels*, Judged> judged;
  size_t tags = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    const SharedLabels& own = items[i].own;
    auto [found, is_new] = judged.try_emplace(own.get());
    Judged& verdict = found->second;
    if (is_new) {
      verdict.labels = Effective(own, call);
      verdict.decision = std::make_shared<const Decision>(Decide(own, *verdict.labels, call));
      const Decision& decision = *verdict.decision;
      tags += decision.tags.size() + decision.secrecy_gained.size() + decision.integrity_lost.size();
      if (tags > kMaxTagsPerAnswer) {
        ErrorDetails details;
        details.limit = kMaxTagsPerAnswer;
        return Fail(ErrorKind::kLimit,
                    "the reasons for the result's items name more than " + std::to_string(kMaxTagsPerAnswer) + " tags",
                    std::move(details));
      }
    }
    (verdict.decision->allowed ? report.kept : report.left_out).push_back({i, verdict.labels, verdict.decision});
  }
  return report;
}

namespace {

// By its description; by its place where it has none, and by both where another one that is left out has the same, such
// as the default one.
std::string NameOfItem(const ItemVerdict& item, const std::vector<ItemVerdict>& all) {
  const std::string place = "item " + std::to_string(item.index);
  const ItemLabels& own = *item.own;
  if (own.are_missing || own.description.empty()) return place;
  const auto is_called_so = [&](const ItemVerdict& other) { return other.own->description == own.description; };
  const bool is_alone = std::ranges::count_if(all, is_called_so) == 1;
  return Printable(own.description, 120) + (is_alone ? "" : " (" + place + ")");
}

}  // namespace

std::string LeftOutNotice(const ItemsReport& report) {
  constexpr size_t kNamed = 5;
  const auto& items = report.left_out;
  const DenialCause cause = items.front().decision->cause;
  const bool is_one_cause =
      std::all_of(items.begin(), items.end(), [&](const ItemVerdict& v) { return v.decision->cause == cause; });
  std::string out =
      items.size() == 1 ? "1 item was left out by " : std::to_string(items.size()) + " items were left out by ";
  out += PolicyName(is_one_cause ? cause : DenialCause::kNone);
  out += ": ";
  for (size_t i = 0; i < std::min(items.size(), kNamed); ++i) {
    if (i > 0) out += ", ";
    out += NameOfItem(items[i], items);
  }
  if (items.size() > kNamed) out += ", and " + std::to_string(items.size() - kNamed) + " more";
  return out;
}

std::string AnswerLeftOutNotice(const Decision& why, std::string_view description) {
  std::string out = "the answer was left out by " + std::string(PolicyName(why.cause));
  if (!description.empty()) out += ": " + Printable(description, 120);
  return out;
}

std::optional<Labels> OverallLabels(const std::vector<ItemVerdict>& items) {
  if (items.empty()) return std::nullopt;
  // Each set once, and all secrecy at the end: a union per item would be quadratic in what a guest sends.
  std::vector<std::string> secrecy;
  std::unordered_set<const void*> seen;
  Labels out{{}, items.front().own->labels.integrity};
  for (const ItemVerdict& item : items) {
    if (!seen.insert(item.own.get()).second) continue;
    const auto tags = item.own->labels.secrecy.tags();
    if (seen.insert(tags.data()).second) secrecy.insert(secrecy.end(), tags.begin(), tags.end());
    out.integrity = out.integrity.Intersection(item.own->labels.integrity);
  }
  out.secrecy = TagSet::From(std::move(secrecy));
  return out;
}

}  // namespace guardc::gateway
