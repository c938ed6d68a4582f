// Phase 5: which items an agent may see, the text that is left, and the words about what is not.
#include <algorithm>
#include <unordered_map>

#include "guardc/pipeline.h"
#include "runtime/gateway/json_text.h"
#include "runtime/gateway/mcp_result.h"

namespace guardc {

Result<ItemsReport> FilterItems(const Labels& agent, const LabelledData& data, Operation operation, Mode mode) {
  ItemsReport report;
  report.total = data.items().size();
  std::unordered_map<const ItemLabels*, std::shared_ptr<const Decision>> decided;
  size_t tags = 0;
  for (size_t i = 0; i < data.items().size(); ++i) {
    const auto& own = data.items()[i].own;
    auto [found, is_new] = decided.try_emplace(own.get());
    if (is_new) {
      found->second = std::make_shared<const Decision>(CheckFlow(agent, own->labels, operation, mode));
      const Decision& decision = *found->second;
      tags += decision.tags.size() + decision.secrecy_gained.size() + decision.integrity_lost.size();
      if (tags > kMaxTagsPerAnswer) {
        ErrorDetails details;
        details.limit = kMaxTagsPerAnswer;
        return Fail(ErrorKind::kLimit,
                    "the reasons for the result's items name more than " + std::to_string(kMaxTagsPerAnswer) + " tags",
                    std::move(details));
      }
    }
    (found->second->allowed ? report.kept : report.left_out).push_back({i, own, found->second});
  }
  return report;
}

std::string FilteredText(const LabelledData& data, const ItemsReport& report) {
  std::vector<std::string_view> kept;
  kept.reserve(report.kept.size());
  for (const ItemVerdict& verdict : report.kept) kept.push_back(data.items()[verdict.index].json);
  return gateway::FilteredResult(kept);
}

std::string LeftOutNotice(const ItemsReport& report) {
  constexpr size_t kNamed = 5;
  const auto& items = report.left_out;
  if (items.empty()) return "";
  auto all = [&](DenialCause cause) {
    return std::all_of(items.begin(), items.end(), [&](const ItemVerdict& v) { return v.decision->cause == cause; });
  };
  std::string why = all(DenialCause::kSecrecy)     ? "secrecy policy"
                    : all(DenialCause::kIntegrity) ? "integrity policy"
                                                   : "access policy";
  std::string out =
      items.size() == 1 ? "1 item was left out by " : std::to_string(items.size()) + " items were left out by ";
  out += why + ": ";
  for (size_t i = 0; i < std::min(items.size(), kNamed); ++i) {
    if (i > 0) out += ", ";
    const std::string& description = items[i].own->description;
    out += description.empty() ? "item " + std::to_string(items[i].index) : gateway::Printable(description, 120);
  }
  if (items.size() > kNamed) out += ", and " + std::to_string(items.size() - kNamed) + " more";
  return out;
}

bool IsSingularRead(std::string_view tool) { return !tool.starts_with("list_") && !tool.starts_with("search_"); }

}  // namespace guardc
