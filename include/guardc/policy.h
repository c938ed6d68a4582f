// Policies (docs/guard-abi.md, 3, label_agent): checked before a guard sees them, normalised for people. Text in, text
// out; the caller's text is never changed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "guardc/flow.h"
#include "guardc/result.h"

namespace guardc {

enum class IntegrityLevel : uint8_t { kNone, kUnapproved, kApproved, kMerged };

std::string_view IntegrityLevelName(IntegrityLevel level);

enum class RepoScope : uint8_t { kAll, kPublic, kListed };

// A policy for a compiled guard that keeps every rule.
struct Policy {
  RepoScope scope = RepoScope::kListed;
  std::vector<std::string> repos;  // where kListed: "owner/*", "owner/repo", "owner/prefix*"; trimmed
  IntegrityLevel min_integrity = IntegrityLevel::kMerged;
  // The optional members of `allow-only`; nullopt where the policy has none.
  std::optional<std::vector<std::string>> blocked_users;
  std::optional<std::vector<std::string>> refusal_labels;  // trimmed
  std::optional<std::vector<std::string>> approval_labels;
  std::optional<std::vector<std::string>> trusted_users;
  std::optional<std::vector<std::string>> endorsement_reactions;
  std::optional<std::vector<std::string>> disapproval_reactions;
  std::optional<IntegrityLevel> disapproval_integrity;
  std::optional<IntegrityLevel> endorser_min_integrity;
  std::optional<std::vector<std::string>> trusted_bots;  // beside `allow-only`

  // What label_agent gets: the policy as it was given, taken out of a string where it was in one; only
  // `refusal-labels` becomes a list of trimmed labels.
  std::string guard_json;
  // The same policy in one spelling: current keys, lower-case levels, trimmed labels.
  std::string normalized_json;
};

// `text` is JSON: an object, or a string that holds one. kPolicy with details().key, as in "allow-only.repos[1]";
// kLimit for what nests too deep.
[[nodiscard]] Result<Policy> ParsePolicy(std::string_view text);

// `policy` with more trusted bots (top level) and trusted users (in `allow-only`): appended in their order and
// spelling, without those that the policy has already. Everything else stays as it was written. Checks only what it
// touches (a name that is empty or blank is kPolicy); the result is for ParsePolicy.
[[nodiscard]] Result<std::string> MergeTrusted(std::string_view policy, std::span<const std::string> trusted_bots,
                                               std::span<const std::string> trusted_users);

// `{"write-sink": {"accept": [...], "visibility": "public"}}`, the policy of the guard that labels nothing.
struct WriteSinkPolicy {
  TagSet accept;
  bool is_public = true;
  // What an agent's secrecy must be within: nothing where the sink is public.
  TagSet ResourceSecrecy() const { return is_public ? TagSet() : accept; }
};

// Visibility, where the policy says none, is public except for the servers `safe-outputs` and `safeoutputs`.
[[nodiscard]] Result<WriteSinkPolicy> ParseWriteSinkPolicy(std::string_view text, std::string_view server_id);

}  // namespace guardc
