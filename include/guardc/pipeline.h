// One guarded tool call, phases 0 to 6 of docs/guard-abi.md, 4, around a backend. A gateway that wants only parts of it
// takes LabelSource (label.h), CheckFlow (flow.h) and WhatLeaves.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "guardc/call.h"
#include "guardc/flow.h"
#include "guardc/guard.h"
#include "guardc/label.h"
#include "guardc/result.h"

namespace guardc {

// What is known of an agent between its calls: its labels, and what it has been introduced to. Thread-safe.
//
// It never gains by speaking again. label_agent's tags are added once for a server and a policy, however the policy is
// spelt (white space, order of keys, an object within a string) and whichever guard answers; and an integrity tag that
// reading took away is not given back by any introduction.
class Agent {
 public:
  explicit Agent(Labels labels = {}) : labels_(std::move(labels)) {}
  Labels labels() const;

  // What a call is decided with: the guard's mode, and the labels of one moment.
  struct Introduced {
    Mode mode = Mode::kStrict;
    Labels labels;
  };
  // nullopt until `guard` has answered label_agent for this agent, server and policy: a guard that took another's place
  // has to be taught. Without a server's id the guard stands for its server.
  std::optional<Introduced> IntroducedTo(const LabelSource& guard, std::string_view server,
                                         std::string_view policy_json) const;
  // What `guard` answered. Of several that answer at once for one server and policy, the first one's tags are added.
  Introduced Introduce(const LabelSource& guard, std::string_view server, std::string_view policy_json,
                       const AgentAnswer& answer);

  // What was read leaves its mark (propagate mode). Answers the labels afterwards.
  Labels Read(const Labels& source);

 private:
  // A server's id; without one, LabelSource::id.
  using ServerKey = std::pair<uint64_t, std::string>;
  struct Teaching {
    uint64_t guard = 0;
    std::string policy_json;  // as it was spelt
    std::string policy;       // in its one spelling
    Mode mode = Mode::kStrict;
  };
  static ServerKey KeyOf(const LabelSource& guard, std::string_view server);

  mutable std::mutex mutex_;
  Labels labels_;
  TagSet lost_integrity_;                                   // by reading, for good
  std::map<ServerKey, Teaching> teachings_;                 // the last of each server
  std::set<std::pair<ServerKey, std::string>> introduced_;  // server, policy
};

struct CallRequest {
  std::string_view tool;
  // The server's id, by which the agent is introduced; "" where each server has one guard object for good.
  std::string_view server = {};
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
  std::shared_ptr<const ItemLabels> own;  // what it was held to: for an item without labels, those that it has here
  std::shared_ptr<const Decision> decision;
};

struct ItemsReport {
  size_t total = 0;
  std::vector<ItemVerdict> kept;
  std::vector<ItemVerdict> left_out;
  bool is_the_whole = false;  // there is no list: the one item is all of the answer
};

// Tools that answer collections are list_... and search_...; every other is a singular read.
bool IsSingularRead(std::string_view tool);

// Not for a write, nor for a read-write in strict mode: what these answer leaves as it came, once they are allowed.
bool AsksForResponseLabels(Operation operation, Mode mode);

// All that decides what leaves of a call's result. The references must outlive WhatLeaves.
struct LabelledCall {
  std::string_view tool;
  Mode mode;
  const Labels& agent;  // as it was before the call
  const ResourceAnswer& resource;
  const LabelledData& data;    // label_response's answer; without labels where it is not asked
  const JsonDocument& result;  // the tool's, as it came
};

struct Leaving {
  // Where it denies, nothing leaves. Where it allows and has a cause, something was left out, for that cause.
  Decision decision;
  // Of what leaves: the result as it came, or this part of it, an MCP result with one part of text.
  bool is_whole = false;
  std::string part;
  std::optional<ItemsReport> items;  // where the result's items were looked at
  // "3 items were left out by integrity policy: issue #1, issue #2, issue #3": five names, then a count. "" for none.
  std::string notice;
  std::optional<Labels> taken_on;  // in propagate mode: the labels of what leaves, for Agent::Read
};

// What of a result reaches the agent, and in which shape; docs/guard-abi.md has the rule. Pure.
[[nodiscard]] Result<Leaving> WhatLeaves(const LabelledCall& call);

enum class OutcomeKind : uint8_t { kError, kDenied, kFiltered, kAllowed };

// "error", "denied", "filtered", "allowed".
std::string_view OutcomeKindName(OutcomeKind kind);

// What came of a call. `result` is set only where the kind is kFiltered or kAllowed.
struct Outcome {
  OutcomeKind kind = OutcomeKind::kError;
  int phase = 0;               // where it ended; 5 for what was filtered, 6 for what was allowed
  // kError. For logs: its message may quote what the agent may not read.
  std::optional<Error> error;
  // kDenied, kFiltered, kError; one sentence for the agent, that names the tags in the way, or the error where the agent
  // may read the resource.
  std::string reason;
  DenialCause cause = DenialCause::kNone;
  std::optional<Mode> mode;                // once the agent is known
  std::optional<ResourceAnswer> resource;  // once it is labelled
  Labels agent_before;                     // what was decided with: label_agent's tags are in it
  Labels agent_after;
  std::optional<ItemsReport> items;   // where the result's items were looked at
  std::string notice;                 // Leaving::notice, for the gateway to pass on
  std::optional<std::string> result;  // JSON text, as the agent may see it
};

// Never throws, and nothing that failed is ever allowed. Blocks as long as the guard and the backend do; `request.call`
// bounds the guard and is handed to the backend. Thread-safe.
[[nodiscard]] Outcome GuardedCall(LabelSource& guard, Agent& agent, const CallRequest& request, const Backend& backend);

}  // namespace guardc
