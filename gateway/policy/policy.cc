// ParsePolicy: every rule of docs/guard-abi.md, 3, for a policy, each with its own error that names the key.
#include "guardc/policy.h"

#include <algorithm>
#include <initializer_list>
#include <set>

#include "gateway/json/json_text.h"
#include "gateway/policy/policy_text.h"

namespace guardc {
namespace {

using gateway::AppendJsonString;
using gateway::JsonText;
using gateway::JsonType;
using gateway::JsonTypeName;
using gateway::JsonValue;
using gateway::KnownMembers;
using gateway::LowerCase;
using gateway::PolicyError;
using gateway::Printable;
using gateway::Trim;

constexpr std::string_view kLevels = "\"none\", \"unapproved\", \"approved\" or \"merged\"";
constexpr std::string_view kScopes = "\"owner/*\", \"owner/repo\" or \"owner/prefix*\"";
constexpr size_t kMaxOwner = 39;
constexpr size_t kMaxRepo = 100;

std::string Path(std::string_view parent, std::string_view key) {
  return parent.empty() ? std::string(key) : std::string(parent) + "." + std::string(key);
}

std::string Found(JsonValue value) {
  return value.Is(JsonType::kString) ? Printable(value.raw()) : std::string(JsonTypeName(value.type()));
}

Result<std::string> String(JsonValue value, const std::string& key, std::string_view expected) {
  if (!value.Is(JsonType::kString)) {
    return PolicyError(key, "is " + Found(value) + "; expected " + std::string(expected));
  }
  auto text = value.String();
  if (!text) return PolicyError(key, text.error().message);
  return std::move(*text);
}

Result<IntegrityLevel> Level(JsonValue value, const std::string& key) {
  GUARDC_TRY(std::string text, String(value, key, kLevels));
  std::string name = LowerCase(Trim(text));
  for (auto level :
       {IntegrityLevel::kNone, IntegrityLevel::kUnapproved, IntegrityLevel::kApproved, IntegrityLevel::kMerged}) {
    if (name == IntegrityLevelName(level)) return level;
  }
  return PolicyError(key, "is " + Found(value) + "; expected " + std::string(kLevels));
}

Result<std::vector<std::string>> Strings(JsonValue value, const std::string& key) {
  if (!value.Is(JsonType::kArray)) {
    return PolicyError(key, "is " + Found(value) + "; expected an array of strings that are not empty");
  }
  std::vector<std::string> out;
  out.reserve(value.size());
  for (JsonValue element : value) {
    std::string element_key = key + "[" + std::to_string(out.size()) + "]";
    GUARDC_TRY(std::string text, String(element, element_key, "a string that is not empty"));
    if (Trim(text).empty()) return PolicyError(element_key, "is empty; expected a string that is not empty");
    out.push_back(std::move(text));
  }
  return out;
}

// A list, or one string separated by commas and newlines; entries are trimmed.
Result<std::vector<std::string>> RefusalLabels(JsonValue value, const std::string& key) {
  if (!value.Is(JsonType::kString)) {
    GUARDC_TRY(auto labels, Strings(value, key));
    for (std::string& label : labels) label = std::string(Trim(label));
    return labels;
  }
  GUARDC_TRY(std::string text, String(value, key, "a string"));
  std::vector<std::string> labels;
  std::string_view rest(text);
  while (true) {
    size_t end = rest.find_first_of(",\n");
    if (auto label = Trim(rest.substr(0, end)); !label.empty()) labels.emplace_back(label);
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  if (labels.empty()) {
    return PolicyError(key, "names no label; expected labels separated by commas or newlines, or an array of them");
  }
  return labels;
}

// Whether `value` is a list of just these strings.
bool IsListOf(JsonValue value, const std::vector<std::string>& strings) {
  if (!value.Is(JsonType::kArray)) return false;
  size_t i = 0;
  for (JsonValue element : value) {
    const auto text = element.String();
    if (!text || *text != strings[i++]) return false;
  }
  return true;
}

bool IsNamePart(std::string_view text, size_t limit) {
  return !text.empty() && text.size() <= limit && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

bool IsRepoScope(std::string_view scope) {
  size_t slash = scope.find('/');
  if (slash == std::string_view::npos || !IsNamePart(scope.substr(0, slash), kMaxOwner)) return false;
  std::string_view repo = scope.substr(slash + 1);
  if (repo == "*") return true;
  if (repo.ends_with('*')) repo.remove_suffix(1);
  return IsNamePart(repo, kMaxRepo);
}

Result<void> Repos(JsonValue value, const std::string& key, Policy& out) {
  if (value.Is(JsonType::kString)) {
    GUARDC_TRY(std::string text, String(value, key, "a string"));
    std::string name = LowerCase(Trim(text));
    if (name != "all" && name != "public") {
      return PolicyError(
          key, "is " + Found(value) + "; expected \"all\", \"public\" or an array of " + std::string(kScopes));
    }
    out.scope = name == "all" ? RepoScope::kAll : RepoScope::kPublic;
    return {};
  }
  if (!value.Is(JsonType::kArray)) {
    return PolicyError(key,
                       "is " + Found(value) + "; expected \"all\", \"public\" or an array of " + std::string(kScopes));
  }
  if (value.size() == 0) return PolicyError(key, "is an empty array; expected at least one of " + std::string(kScopes));
  out.scope = RepoScope::kListed;
  std::set<std::string, std::less<>> seen;
  for (JsonValue element : value) {
    std::string element_key = key + "[" + std::to_string(out.repos.size()) + "]";
    GUARDC_TRY(const std::string text, String(element, element_key, kScopes));
    std::string scope(Trim(text));
    if (!IsRepoScope(scope)) {
      return PolicyError(element_key, "is " + Found(element) + "; expected " + std::string(kScopes) +
                                          ", the owner of 1 to 39 and the repo of 1 to 100 characters a-z 0-9 _ -");
    }
    if (!seen.insert(scope).second) {
      return PolicyError(element_key, "is " + Found(element) + ", which is in the list already; expected it once");
    }
    out.repos.push_back(std::move(scope));
  }
  return {};
}

// The one value of a key with two spellings.
Result<std::optional<JsonValue>> OneSpelling(const KnownMembers& members, std::string_view current,
                                             std::string_view legacy, std::string_view parent) {
  auto value = members.Find(current);
  auto old = members.Find(legacy);
  if (value && old) {
    return PolicyError(Path(parent, legacy), "stands beside \"" + std::string(current) +
                                                 "\", of which it is the legacy spelling; expected one of them");
  }
  return value ? value : old;
}

// `refusal_at` is set where the guard gets another text for the value: a list of trimmed labels.
Result<void> AllowOnly(JsonValue value, const std::string& at, Policy& out, std::optional<JsonValue>& refusal_at) {
  if (!value.Is(JsonType::kObject)) {
    return PolicyError(at, "is " + Found(value) + "; expected an object with \"repos\" and \"min-integrity\"");
  }
  GUARDC_TRY(auto members,
             gateway::ReadPolicyObject(value, at,
                                       {"repos", "min-integrity", "integrity", "blocked-users", "refusal-labels",
                                        "approval-labels", "trusted-users", "endorsement-reactions",
                                        "disapproval-reactions", "disapproval-integrity", "endorser-min-integrity"}));
  auto repos = members.Find("repos");
  if (!repos) return PolicyError(Path(at, "repos"), "is missing; expected \"all\", \"public\" or an array");
  GUARDC_CHECK(Repos(*repos, Path(at, "repos"), out));

  GUARDC_TRY(auto integrity, OneSpelling(members, "min-integrity", "integrity", at));
  if (!integrity) {
    return PolicyError(Path(at, "min-integrity"), "is missing; expected " + std::string(kLevels));
  }
  std::string spelling = members.Find("integrity") ? "integrity" : "min-integrity";
  GUARDC_TRY(out.min_integrity, Level(*integrity, Path(at, spelling)));

  const std::pair<std::string_view, std::optional<std::vector<std::string>> Policy::*> lists[] = {
      {"blocked-users", &Policy::blocked_users},
      {"approval-labels", &Policy::approval_labels},
      {"trusted-users", &Policy::trusted_users},
      {"endorsement-reactions", &Policy::endorsement_reactions},
      {"disapproval-reactions", &Policy::disapproval_reactions}};
  for (const auto& [key, member] : lists) {
    if (auto list = members.Find(key)) {
      GUARDC_TRY(out.*member, Strings(*list, Path(at, key)));
    }
  }
  if (auto labels = members.Find("refusal-labels")) {
    GUARDC_TRY(out.refusal_labels, RefusalLabels(*labels, Path(at, "refusal-labels")));
    if (!IsListOf(*labels, *out.refusal_labels)) refusal_at = labels;
  }
  if (auto level = members.Find("disapproval-integrity")) {
    GUARDC_TRY(out.disapproval_integrity, Level(*level, Path(at, "disapproval-integrity")));
  }
  if (auto level = members.Find("endorser-min-integrity")) {
    GUARDC_TRY(out.endorser_min_integrity, Level(*level, Path(at, "endorser-min-integrity")));
  }
  return {};
}

void AppendStrings(std::string& out, const std::vector<std::string>& strings) {
  out += '[';
  for (size_t i = 0; i < strings.size(); ++i) {
    if (i > 0) out += ',';
    AppendJsonString(out, strings[i]);
  }
  out += ']';
}

std::string Normalized(const Policy& policy) {
  std::string out = "{\"allow-only\":{\"repos\":";
  if (policy.scope == RepoScope::kListed) {
    AppendStrings(out, policy.repos);
  } else {
    out += policy.scope == RepoScope::kAll ? "\"all\"" : "\"public\"";
  }
  auto level = [&out](std::string_view key, std::optional<IntegrityLevel> value) {
    if (!value) return;
    out += ",\"" + std::string(key) + "\":\"" + std::string(IntegrityLevelName(*value)) + "\"";
  };
  auto list = [&out](std::string_view key, const std::optional<std::vector<std::string>>& value) {
    if (!value) return;
    out += ",\"" + std::string(key) + "\":";
    AppendStrings(out, *value);
  };
  level("min-integrity", policy.min_integrity);
  list("blocked-users", policy.blocked_users);
  list("refusal-labels", policy.refusal_labels);
  list("approval-labels", policy.approval_labels);
  list("trusted-users", policy.trusted_users);
  list("endorsement-reactions", policy.endorsement_reactions);
  list("disapproval-reactions", policy.disapproval_reactions);
  level("disapproval-integrity", policy.disapproval_integrity);
  level("endorser-min-integrity", policy.endorser_min_integrity);
  out += '}';
  list("trusted-bots", policy.trusted_bots);
  return out + '}';
}

Result<void> RefuseKnownStrangers(JsonValue root) {
  GUARDC_TRY(auto members,
             KnownMembers::Read(root, {"policy", "write-sink", "tool-call-limits", "promotion-label", "demotion-label"},
                                ErrorKind::kPolicy, "policy"));
  if (members.Find("policy")) {
    return PolicyError("policy",
                       "is an envelope that an outdated adapter puts around a policy; expected the policy itself, with "
                       "\"allow-only\" at the top");
  }
  if (members.Find("write-sink")) {
    return PolicyError("write-sink", "is a policy for the write-sink guard; a compiled guard expects \"allow-only\"");
  }
  for (std::string_view key : {"tool-call-limits", "promotion-label", "demotion-label"}) {
    if (members.Find(key)) return PolicyError(std::string(key), "is refused in a policy for a compiled guard");
  }
  return {};
}

}  // namespace

std::string_view IntegrityLevelName(IntegrityLevel level) {
  switch (level) {
    case IntegrityLevel::kNone:
      return "none";
    case IntegrityLevel::kUnapproved:
      return "unapproved";
    case IntegrityLevel::kApproved:
      return "approved";
    case IntegrityLevel::kMerged:
      break;
  }
  return "merged";
}

Result<Policy> ParsePolicy(std::string_view text) {
  GUARDC_TRY(auto parsed, gateway::ParsePolicyText(text));
  JsonValue root = parsed->root();
  GUARDC_CHECK(RefuseKnownStrangers(root));
  GUARDC_TRY(auto members, gateway::ReadPolicyObject(root, "", {"allow-only", "allowonly", "trusted-bots"}));

  Policy policy;
  std::optional<JsonValue> refusal_at;
  GUARDC_TRY(auto allow_only, OneSpelling(members, "allow-only", "allowonly", ""));
  if (!allow_only) {
    return PolicyError("allow-only", "is missing; expected an object with \"repos\" and \"min-integrity\"");
  }
  std::string at = members.Find("allowonly") ? "allowonly" : "allow-only";
  GUARDC_CHECK(AllowOnly(*allow_only, at, policy, refusal_at));
  if (auto bots = members.Find("trusted-bots")) {
    GUARDC_TRY(policy.trusted_bots, Strings(*bots, "trusted-bots"));
    if (policy.trusted_bots->empty()) {
      return PolicyError("trusted-bots", "is an empty array; expected at least one name, or no such key");
    }
  }

  policy.guard_json = std::string(root.raw());
  if (refusal_at) {
    std::string list;
    AppendStrings(list, *policy.refusal_labels);
    size_t offset = static_cast<size_t>(refusal_at->raw().data() - root.raw().data());
    policy.guard_json.replace(offset, refusal_at->raw().size(), list);
  }
  policy.normalized_json = Normalized(policy);
  return policy;
}

}  // namespace guardc
