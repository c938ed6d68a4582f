// An outcome as JSON and as text.
#include <nlohmann/json.hpp>

#include "gateway/json/json_text.h"
#include "tools/decide_case.h"
#include "tools/output.h"

namespace guardc::cli {
namespace {

using gateway::AppendJsonString;
using gateway::OnOneLine;
using gateway::Printable;
using nlohmann::ordered_json;

ordered_json ToJson(const TagSet& set) {
  ordered_json out = ordered_json::array();
  for (const std::string& tag : set.tags()) out.push_back(tag);
  return out;
}

ordered_json ToJson(const Labels& labels) {
  return {{"secrecy", ToJson(labels.secrecy)}, {"integrity", ToJson(labels.integrity)}};
}

ordered_json ToJson(const std::vector<ItemVerdict>& items) {
  ordered_json out = ordered_json::array();
  for (const ItemVerdict& item : items) {
    out.push_back({{"index", item.index},
                   {"description", item.own->description},
                   {"labels", ToJson(item.own->labels)},
                   {"reason", item.decision->reason}});
  }
  return out;
}

ordered_json ToJson(const DecideOutcome& decided) {
  const Outcome& outcome = decided.outcome;
  ordered_json out = {{"outcome", OutcomeKindName(outcome.kind)}, {"phase", outcome.phase}};
  out["error"] = outcome.error ? ErrorToJson(*outcome.error, decided.hint) : ordered_json();
  out["reason"] = outcome.reason;
  out["denied_by"] = DenialCauseName(outcome.cause);
  out["operation"] = outcome.resource ? ordered_json(OperationName(outcome.resource->operation)) : ordered_json();
  out["mode"] = outcome.mode ? ordered_json(ModeName(*outcome.mode)) : ordered_json();
  out["resource"] = nullptr;
  if (outcome.resource) {
    out["resource"] = ToJson(outcome.resource->labels);
    out["resource"]["description"] = outcome.resource->description;
  }
  out["agent_before"] = ToJson(outcome.agent_before);
  out["agent_after"] = ToJson(outcome.agent_after);
  out["items"] = nullptr;
  if (outcome.items) {
    out["items"] = {{"total", outcome.items->total},
                    {"kept", ToJson(outcome.items->kept)},
                    {"left_out", ToJson(outcome.items->left_out)}};
  }
  out["notice"] = outcome.notice;
  return out;
}

std::string Show(const Labels& labels) {
  return "secrecy " + Printable(labels.secrecy.ToString(), 500) + ", integrity " +
         Printable(labels.integrity.ToString(), 500);
}

// Where it stands, and what it is called; by its place alone where nobody called it anything.
std::string Show(const ItemVerdict& item) {
  const ItemLabels& own = *item.own;
  const bool has_name = !own.are_missing && !own.description.empty();
  return "  [" + std::to_string(item.index) + "] " + (has_name ? Printable(own.description, 120) + ": " : "") +
         Printable(item.decision->reason, 500) + "\n";
}

std::string Show(const ItemsReport& items) {
  if (items.is_the_whole) {
    return std::string("answer     no list, ") + (items.left_out.empty() ? "kept" : "left out") + " as a whole\n";
  }
  std::string out = "items      " + std::to_string(items.total) + ": " + std::to_string(items.kept.size()) + " kept, " +
                    std::to_string(items.left_out.size()) + " left out\n";
  for (const ItemVerdict& item : items.left_out) out += Show(item);
  return out;
}

}  // namespace

std::string OutcomeToJson(const DecideOutcome& decided) {
  std::string out = "{";
  if (decided.id) out += "\"id\":" + OnOneLine(*decided.id) + ",";
  const std::string members = ToJson(decided).dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  out.append(members, 1, members.size() - 2);
  // Past the DOM: what was written as 1.0 stays 1.0.
  out += ",\"result\":" + (decided.outcome.result ? OnOneLine(*decided.outcome.result) : std::string("null"));
  out += ",\"guard_inputs\":[";
  for (const auto& [function, input] : decided.guard_inputs) {
    if (out.back() != '[') out += ',';
    out += "{\"function\":\"" + std::string(LabelFunctionName(function)) + "\",\"input\":" + input + "}";
  }
  out += "],\"backend_calls\":[";
  for (const BackendCall& call : decided.backend_calls) {
    if (out.back() != '[') out += ',';
    out += "{\"caller\":\"" + std::string(call.by_guard ? "guard" : "gateway") + "\",\"tool\":";
    AppendJsonString(out, call.tool);
    out += ",\"args\":" + OnOneLine(call.args) + "}";
  }
  return out + "]}";
}

std::string OutcomeToText(const DecideOutcome& decided) {
  const Outcome& outcome = decided.outcome;
  std::string out =
      "outcome    " + std::string(OutcomeKindName(outcome.kind)) + " (phase " + std::to_string(outcome.phase) + ")\n";
  // An error is told on stderr.
  const bool is_told = outcome.error && outcome.error->message == outcome.reason;
  if (!outcome.reason.empty() && !is_told) out += "reason     " + Printable(outcome.reason, 2000) + "\n";
  if (outcome.mode) out += "mode       " + std::string(ModeName(*outcome.mode)) + "\n";
  if (outcome.resource) {
    out += "operation  " + std::string(OperationName(outcome.resource->operation)) + "\n";
    out += "resource   " + Printable(outcome.resource->description, 200) +
           (outcome.resource->description.empty() ? "" : ": ") + Show(outcome.resource->labels) + "\n";
  }
  out += "agent      " + Show(outcome.agent_before) + "\n";
  if (outcome.agent_after != outcome.agent_before) out += "afterwards " + Show(outcome.agent_after) + "\n";
  if (outcome.items) out += Show(*outcome.items);
  if (outcome.result) out += "result     " + OnOneLine(*outcome.result) + "\n";
  return out;
}

}  // namespace guardc::cli
