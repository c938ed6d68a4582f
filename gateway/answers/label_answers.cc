// label_agent and label_resource: the guard's input as text, its answer as values. label_response is next door.
#include <utility>

#include "gateway/answers/label_json.h"
#include "gateway/json/json_text.h"
#include "gateway/policy/policy_text.h"
#include "guardc/label.h"

namespace guardc {
namespace {

using gateway::AppendJsonString;
using gateway::BadResponse;
using gateway::JsonText;
using gateway::JsonType;
using gateway::JsonTypeName;
using gateway::JsonValue;
using gateway::KnownMembers;
using gateway::LabelForm;
using gateway::LabelReader;
using gateway::Place;
using gateway::ReadMembers;

// Owned by nobody: copies would count in one place for all calls of the process.
const std::shared_ptr<const JsonText>& NullText() {
  static const std::shared_ptr<const JsonText> kOwner = JsonText::Parse("null", "null").value();
  static const std::shared_ptr<const JsonText> kNull(std::shared_ptr<const JsonText>(), kOwner.get());
  return kNull;
}

Result<void> CheckToolName(std::string_view tool) {
  if (gateway::IsUtf8(tool)) return {};
  return Fail(ErrorKind::kInvalidArgument, "the tool's name is not UTF-8: " + gateway::Printable(tool));
}

std::string_view TextOf(const std::optional<JsonDocument>& capabilities) {
  if (!capabilities || capabilities->parsed().root().Is(JsonType::kNull)) return "{}";
  return capabilities->text();
}

// The text of a member that must be a string where it is there.
Result<std::optional<std::string>> StringMember(const KnownMembers& members, LabelFunction function,
                                                std::string_view key) {
  auto value = members.FindNotNull(key);
  if (!value) return std::nullopt;
  if (!value->Is(JsonType::kString)) {
    return BadResponse(function, std::string(key),
                       "is " + std::string(JsonTypeName(value->type())) + "; expected a string");
  }
  auto text = value->String();
  if (!text) return BadResponse(function, std::string(key), text.error().message);
  return std::optional(std::move(*text));
}

// success:false, ok:false, or an error of more than white space. Other types in these three mean nothing.
Result<void> CheckNotRejected(const KnownMembers& members) {
  auto is = [&](std::string_view key, JsonType type) {
    auto value = members.Find(key);
    return value && value->Is(type);
  };
  std::string message;
  if (is("error", JsonType::kString)) {
    auto text = members.Find("error")->String();
    if (!text) return BadResponse(LabelFunction::kAgent, "error", text.error().message);
    message = std::move(*text);
  }
  bool has_error = !gateway::Trim(message).empty();
  if (!has_error && !is("success", JsonType::kFalse) && !is("ok", JsonType::kFalse)) return {};
  return Fail(ErrorKind::kRejected, "the guard rejected the policy" +
                                        (has_error ? ": " + gateway::Printable(message, 2000) : " without saying why"));
}

}  // namespace

JsonDocument::JsonDocument() : parsed_(NullText()) {}

Result<JsonDocument> JsonDocument::Parse(std::string text, std::string_view what) {
  GUARDC_TRY(auto parsed, JsonText::Parse(std::move(text), what));
  return JsonDocument(std::move(parsed));
}

std::string_view JsonDocument::text() const { return parsed_->text(); }

std::string JsonDocument::TakeText() && { return JsonText::Take(std::exchange(parsed_, NullText())); }

Result<std::string> LabelResourceInput(std::string_view tool, const JsonDocument& args,
                                       const std::optional<JsonDocument>& capabilities) {
  GUARDC_CHECK(CheckToolName(tool));
  std::string_view capability_text = TextOf(capabilities);
  std::string out;
  out.reserve(tool.size() + args.text().size() + capability_text.size() + 64);
  out += "{\"tool_name\":";
  AppendJsonString(out, tool);
  out += ",\"tool_args\":";
  out += args.text();
  out += ",\"capabilities\":";
  out += capability_text;
  out += '}';
  return out;
}

Result<std::string> LabelResponseInput(std::string_view tool, const JsonDocument& args, const JsonDocument& result,
                                       const std::optional<JsonDocument>& capabilities) {
  GUARDC_CHECK(CheckToolName(tool));
  std::string_view capability_text = TextOf(capabilities);
  std::string out;
  out.reserve(tool.size() + args.text().size() + result.text().size() + capability_text.size() + 80);
  out += "{\"tool_name\":";
  AppendJsonString(out, tool);
  out += ",\"tool_args\":";
  out += args.text();
  out += ",\"tool_result\":";
  out += result.text();
  out += ",\"capabilities\":";
  out += capability_text;
  out += '}';
  return out;
}

Result<AgentAnswer> ParseAgentAnswer(std::string answer) {
  constexpr auto kAgent = LabelFunction::kAgent;
  if (answer.empty()) return BadResponse(kAgent, "", "nothing at all; expected an object with \"difc_mode\"");
  GUARDC_TRY(auto parsed, gateway::ParseAnswer(kAgent, std::move(answer)));
  GUARDC_TRY(auto members, ReadMembers(kAgent, parsed->root(),
                                       {"success", "ok", "error", "difc_mode", "agent", "normalized_policy"}));
  GUARDC_CHECK(CheckNotRejected(members));

  AgentAnswer out;
  GUARDC_TRY(auto mode, StringMember(members, kAgent, "difc_mode"));
  constexpr std::string_view kModes = "expected \"strict\", \"filter\" or \"propagate\"";
  if (!mode || mode->empty()) return BadResponse(kAgent, "difc_mode", "is missing; " + std::string(kModes));
  auto known = ModeFrom(*mode);
  if (!known) {
    return BadResponse(kAgent, "difc_mode", "is \"" + gateway::Printable(*mode) + "\"; " + std::string(kModes));
  }
  out.mode = *known;
  if (auto agent = members.FindNotNull("agent")) {
    if (!agent->Is(JsonType::kObject)) {
      return BadResponse(kAgent, "agent", "is " + std::string(JsonTypeName(agent->type())) + "; expected an object");
    }
    const Place at("agent");
    GUARDC_TRY(auto labels, ReadMembers(kAgent, *agent, {"secrecy", "integrity"}, &at));
    LabelReader reader(kAgent);
    GUARDC_TRY(out.labels.secrecy, reader.ReadTags(labels, "secrecy", LabelForm::kTyped, at, true));
    GUARDC_TRY(out.labels.integrity, reader.ReadTags(labels, "integrity", LabelForm::kTyped, at, true));
  }
  if (auto policy = members.FindNotNull("normalized_policy")) {
    if (!policy->Is(JsonType::kObject)) {
      return BadResponse(kAgent, "normalized_policy",
                         "is " + std::string(JsonTypeName(policy->type())) + "; expected an object");
    }
    out.normalized_policy = std::string(policy->raw());
  }
  return out;
}

Result<ResourceAnswer> ParseResourceAnswer(std::string answer) {
  constexpr auto kResource = LabelFunction::kResource;
  if (answer.empty()) return BadResponse(kResource, "", "nothing at all; expected an object with \"resource\"");
  GUARDC_TRY(auto parsed, gateway::ParseAnswer(kResource, std::move(answer)));
  GUARDC_TRY(auto members, ReadMembers(kResource, parsed->root(), {"resource", "operation"}));
  auto resource = members.Find("resource");
  if (!resource) return BadResponse(kResource, "resource", "is missing; expected an object");
  LabelReader reader(kResource);
  GUARDC_TRY(auto labels, reader.ReadLabels(*resource, LabelForm::kUntyped, Place("resource")));

  ResourceAnswer out;
  out.description = std::move(labels.description);
  out.labels = std::move(labels.labels);
  // Whatever is not exactly one of the three stays a read-write, a number too.
  if (auto operation = members.Find("operation"); operation && operation->Is(JsonType::kString)) {
    if (auto name = operation->String()) out.operation = OperationFrom(*name);
  }
  return out;
}

}  // namespace guardc
