// One guarded tool call, phases 0 to 6 of guard-abi 4, around a backend. A gateway that wants only parts of it takes
// LabelSource (label.h), CheckFlow (flow.h), FilterItems and FilteredText.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guardc/call.h"
#include "guardc/flow.h"
#include "guardc/guard.h"
#include "guardc/label.h"
#include "guardc/result.h"

namespace guardc {

// What is known of an agent between its calls: its labels, and which guards it has been introduced to. Thread-safe.
class Agent {
 public:
  explicit Agent(Labels labels = {}) : labels_(std::move(labels)) {}
  Labels labels() const;
  // label_agent's tags are added to those that the agent has.
  void Add(const Labels& labels);
  // What was read leaves its mark (propagate mode).
  void Read(const Labels& source);

  // The mode that `guard` answered for this agent under this policy; nullopt until it has.
  std::optional<Mode> IntroducedTo(const LabelSource& guard, std::string_view policy_json) const;
  void Introduce(const LabelSource& guard, std::string_view policy_json, Mode mode);

 private:
  mutable std::mutex mutex_;
  Labels labels_;
  struct Introduction {
    std::string policy;
    Mode mode;
  };
  std::map<uint64_t, Introduction> introductions_;  // by LabelSource::id
};

struct CallRequest {
  std::string_view tool;
  std::string_view args_json = {};          // JSON; "" for no arguments
  std::string_view capabilities_json = {};  // JSON; "" for none
  // For label_agent, in every call; "" and null for none, an error with a compiled guard, and so is another one than
  // before.
  std::string_view policy_json = {};
  std::optional<Mode> configured_mode = {};  // counts only without a policy: with one, the guard's own mode holds
  CallOptions call = {};
};

// The decision about one item of a result. Items with the same labels share both pointers; neither is null.
struct ItemVerdict {
  size_t index = 0;
  std::shared_ptr<const ItemLabels> own;
  std::shared_ptr<const Decision> decision;
};

struct ItemsReport {
  size_t total = 0;
  std::vector<ItemVerdict> kept;
  std::vector<ItemVerdict> left_out;
};

// Which items pass the rules for `operation`, that of the call: those of a read-write must be writable too. In
// propagate mode every read passes. kLimit where the reasons would not fit into memory.
[[nodiscard]] Result<ItemsReport> FilterItems(const Labels& agent, const LabelledData& data, Operation operation,
                                              Mode mode);

// The MCP result that an agent gets when only `report.kept` may be seen: one text part with the array of the kept
// items, byte for byte, and nothing of what was around them.
[[nodiscard]] std::string FilteredText(const LabelledData& data, const ItemsReport& report);

// "3 items were left out by integrity policy: issue #1, issue #2, issue #3": five names, then a count. "" for none.
std::string LeftOutNotice(const ItemsReport& report);

// Tools that answer collections are list_... and search_...; every other is a singular read.
bool IsSingularRead(std::string_view tool);

enum class OutcomeKind : uint8_t { kError, kDenied, kFiltered, kAllowed };

// "error", "denied", "filtered", "allowed".
std::string_view OutcomeKindName(OutcomeKind kind);

// What came of a call. `result` is set only where the kind is kFiltered or kAllowed.
struct Outcome {
  OutcomeKind kind = OutcomeKind::kError;
  int phase = 0;               // where it ended; 5 for what was filtered, 6 for what was allowed
  std::optional<Error> error;  // kError
  std::string reason;          // kDenied, kFiltered, kError; one sentence that names the tags in the way
  DenialCause cause = DenialCause::kNone;
  std::optional<Mode> mode;                // once the agent is known
  std::optional<ResourceAnswer> resource;  // once it is labelled
  Labels agent_before;                     // what was decided with: label_agent's tags are in it
  Labels agent_after;
  std::optional<ItemsReport> items;   // where the result's items were looked at
  std::string notice;                 // LeftOutNotice, for the gateway to pass on
  std::optional<std::string> result;  // JSON text, as the agent may see it
};

// Never throws, and nothing that failed is ever allowed. Blocks as long as the guard and the backend do; `request.call`
// bounds the guard and is handed to the backend. Thread-safe.
[[nodiscard]] Outcome GuardedCall(LabelSource& guard, Agent& agent, const CallRequest& request, const Backend& backend);

}  // namespace guardc
