// Hostile answers of a guard and a backend, through the whole pipeline. The input is the texts of label_agent,
// label_resource, label_response, the tool's result and the policy, one behind the other, with 0xff between them (no
// JSON has one). What must hold: no crash, no hang, a result only where the outcome says so, and what goes out is JSON.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/json_check.h"
#include "guardc/pipeline.h"
#include "guardc/policy.h"

namespace {

using namespace guardc;

void Check(bool holds) {
  if (!holds) std::abort();
}

constexpr std::string_view kPolicy = R"({"allow-only":{"repos":"all","min-integrity":"none"}})";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::array<std::string, 5> texts;
  size_t at = 0;
  for (size_t i = 0; i < size; ++i) {
    if (data[i] == 0xff && at + 1 < texts.size()) {
      ++at;
    } else {
      texts[at] += static_cast<char>(data[i]);
    }
  }
  for (const std::string& text : texts) {
    Check(JsonDocument::Parse(text).has_value() == CheckJson(text, "it").has_value());
  }
  if (auto policy = ParsePolicy(texts[4])) {
    auto again = ParsePolicy(policy->normalized_json);
    Check(again && again->normalized_json == policy->normalized_json && ParsePolicy(policy->guard_json));
  }
  LabelTransport transport;
  transport.call = [&](LabelFunction function, std::string_view, const CallOptions&) -> Result<std::string> {
    return texts[static_cast<size_t>(function)];
  };
  auto guard = MakeCompiledSource(std::move(transport));
  const Labels labels{{"a"}, {"i"}};
  for (std::string_view tool : {"list_things", "get_thing"}) {
    Agent agent(labels);
    CallRequest request{.tool = tool, .policy_json = kPolicy};
    Outcome out = GuardedCall(*guard, agent, request, [&](std::string_view, std::string_view, const CallOptions&) {
      return Result<std::string>(texts[3]);
    });
    bool shows = out.kind == OutcomeKind::kAllowed || out.kind == OutcomeKind::kFiltered;
    Check(out.result.has_value() == shows);
    Check(out.error.has_value() == (out.kind == OutcomeKind::kError));
    if (shows) Check(JsonDocument::Parse(*out.result).has_value());
    const bool is_part = shows && out.result->starts_with(R"({"content":[{"type":"text","text":")");
    const bool by_rule =
        out.resource && CheckFlow(out.agent_before, out.resource->labels, out.resource->operation).allowed;
    // The whole, only who may have all of it.
    if (shows) Check(is_part || (*out.result == texts[3] && (by_rule || *out.mode == Mode::kPropagate)));
    if (out.kind == OutcomeKind::kFiltered) {
      // In propagate mode only what the agent must not write to.
      bool may_filter = *out.mode == Mode::kFilter ||
                        (*out.mode == Mode::kPropagate && out.resource->operation == Operation::kReadWrite);
      Check(!out.notice.empty() && may_filter && (out.items ? !out.items->left_out.empty() : !by_rule));
    }
    // Only propagation changes an agent, and never towards more trust or less secrecy.
    Check(out.agent_before.secrecy.Minus(out.agent_after.secrecy).empty());
    Check(out.agent_after.integrity.Minus(out.agent_before.integrity).empty());
    if (!out.mode || *out.mode != Mode::kPropagate) Check(out.agent_after == out.agent_before);
  }
  return 0;
}
