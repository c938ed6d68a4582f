// Which items of a labelled result pass the rules, and the words about what does not.
#pragma once

#include <string>

#include "guardc/pipeline.h"

namespace guardc::gateway {

// In propagate mode every read passes; the items of a read-write must be writable in every mode. An item that nobody
// labelled has the resource's secrecy and no integrity. kLimit where the reasons would not fit into memory.
Result<ItemsReport> FilterItems(const LabelledCall& call);

// "3 items were left out by integrity policy: issue #1, item 4, an issue (item 5)": five names, then a count.
std::string LeftOutNotice(const ItemsReport& report);

// "the answer was left out by secrecy policy: the vault". `why` is the denial.
std::string AnswerLeftOutNotice(const Decision& why, std::string_view description);

// The union of the items' secrecy and the intersection of their integrity; nullopt where there is no item.
std::optional<Labels> OverallLabels(const std::vector<ItemVerdict>& items);

}  // namespace guardc::gateway
