// Policies for the gateway's own needs: more trusted names in a guard's policy, and the policy of a write sink.
#include <algorithm>
#include <vector>

#include "gateway/json/json_text.h"
#include "gateway/policy/policy_text.h"
#include "guardc/policy.h"

namespace guardc {
namespace {

using gateway::AppendJsonString;
using gateway::JsonType;
using gateway::JsonTypeName;
using gateway::JsonValue;
using gateway::KnownMembers;
using gateway::PolicyError;
using gateway::Printable;
using gateway::Trim;

struct Insertion {
  size_t offset;
  std::string text;
};

// Where and what to insert so that list `key` of `object` holds `names` too; nullopt where it does already.
Result<std::optional<Insertion>> AddNames(JsonValue root, JsonValue object, std::optional<JsonValue> list,
                                          const std::string& key, std::span<const std::string> names) {
  std::vector<std::string> known;
  if (list) {
    if (!list->Is(JsonType::kArray)) {
      return PolicyError(key, "is " + std::string(JsonTypeName(list->type())) + "; expected an array of strings");
    }
    for (JsonValue element : *list) {
      auto name = element.Is(JsonType::kString) ? element.String() : Result<std::string>(std::string());
      if (!name || name->empty()) {
        return PolicyError(key + "[" + std::to_string(known.size()) + "]", "is not a string that is not empty");
      }
      known.push_back(std::move(*name));
    }
  }
  std::string added;
  for (const std::string& name : names) {
    if (Trim(name).empty()) return PolicyError(key, "would get an empty name; expected names that are not empty");
    if (!gateway::IsUtf8(name)) return PolicyError(key, "would get a name that is not UTF-8: " + Printable(name));
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    if (!added.empty()) added += ',';
    AppendJsonString(added, name);
  }
  if (added.empty()) return std::nullopt;
  JsonValue into = list ? *list : object;
  if (!list) {
    std::string member;
    AppendJsonString(member, std::string_view(key).substr(key.rfind('.') + 1));
    added = member + ":[" + added + "]";
  }
  if (into.size() > 0) added = "," + added;
  size_t offset = static_cast<size_t>(into.raw().data() + into.raw().size() - root.raw().data()) - 1;
  return Insertion{offset, std::move(added)};
}

}  // namespace

Result<std::string> MergeTrusted(std::string_view policy, std::span<const std::string> trusted_bots,
                                 std::span<const std::string> trusted_users) {
  GUARDC_TRY(auto parsed, gateway::ParsePolicyText(policy));
  JsonValue root = parsed->root();
  GUARDC_TRY(auto top,
             KnownMembers::Read(root, {"allow-only", "allowonly", "trusted-bots"}, ErrorKind::kPolicy, "policy"));
  std::vector<Insertion> insertions;
  GUARDC_TRY(auto bots, AddNames(root, root, top.Find("trusted-bots"), "trusted-bots", trusted_bots));
  if (bots) insertions.push_back(std::move(*bots));
  if (!trusted_users.empty()) {
    auto current = top.Find("allow-only");
    auto legacy = top.Find("allowonly");
    if (current && legacy) {
      return PolicyError("allowonly", "stands beside \"allow-only\", of which it is the legacy spelling");
    }
    std::string at = legacy ? "allowonly" : "allow-only";
    auto allow_only = legacy ? legacy : current;
    if (!allow_only || !allow_only->Is(JsonType::kObject)) {
      return PolicyError(at, "is not there as an object; trusted users belong into it");
    }
    GUARDC_TRY(auto inner, KnownMembers::Read(*allow_only, {"trusted-users"}, ErrorKind::kPolicy, "policy"));
    GUARDC_TRY(auto users,
               AddNames(root, *allow_only, inner.Find("trusted-users"), at + ".trusted-users", trusted_users));
    if (users) insertions.push_back(std::move(*users));
  }
  std::string out(root.raw());
  std::sort(insertions.begin(), insertions.end(),
            [](const Insertion& a, const Insertion& b) { return a.offset > b.offset; });
  for (const Insertion& insertion : insertions) out.insert(insertion.offset, insertion.text);
  return out;
}

Result<WriteSinkPolicy> ParseWriteSinkPolicy(std::string_view text, std::string_view server_id) {
  GUARDC_TRY(auto parsed, gateway::ParsePolicyText(text));
  GUARDC_TRY(auto top, gateway::ReadPolicyObject(parsed->root(), "", {"write-sink"}));
  auto sink = top.Find("write-sink");
  if (!sink) return PolicyError("write-sink", "is missing; expected an object with \"accept\"");
  if (!sink->Is(JsonType::kObject)) {
    return PolicyError("write-sink",
                       "is " + std::string(JsonTypeName(sink->type())) + "; expected an object with \"accept\"");
  }
  GUARDC_TRY(auto members, gateway::ReadPolicyObject(*sink, "write-sink", {"accept", "visibility", "sink-visibility"}));
  auto accept = members.Find("accept");
  if (!accept || !accept->Is(JsonType::kArray) || accept->size() == 0) {
    return PolicyError("write-sink.accept",
                       "is not there as an array of one tag or more; expected what the sink may "
                       "get, such as [\"private:owner/repo\"] or [\"*\"]");
  }
  std::vector<std::string> tags;
  for (JsonValue element : *accept) {
    auto tag = element.Is(JsonType::kString) ? element.String() : Result<std::string>(std::string());
    if (!tag || Trim(*tag).empty()) {
      return PolicyError("write-sink.accept[" + std::to_string(tags.size()) + "]", "is not a string that is not empty");
    }
    tags.push_back(std::move(*tag));
  }
  WriteSinkPolicy policy;
  policy.accept = TagSet::From(std::move(tags));
  policy.is_public = server_id != "safe-outputs" && server_id != "safeoutputs";
  auto visibility = members.Find("visibility");
  auto long_form = members.Find("sink-visibility");
  if (visibility && long_form) {
    return PolicyError("write-sink.sink-visibility", "stands beside \"visibility\"; expected one of them");
  }
  if (long_form) visibility = long_form;
  if (visibility) {
    auto given = visibility->Is(JsonType::kString) ? visibility->String() : Result<std::string>(std::string("?"));
    const std::string name = given ? gateway::LowerCase(Trim(*given)) : "?";
    if (!name.empty() && name != "public" && name != "private" && name != "internal") {
      return PolicyError(long_form ? "write-sink.sink-visibility" : "write-sink.visibility",
                         "is " + Printable(visibility->raw()) + "; expected \"public\", \"private\" or \"internal\"");
    }
    if (!name.empty()) policy.is_public = name == "public";
  }
  return policy;
}

}  // namespace guardc
