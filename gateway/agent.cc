// An agent's labels and introductions. Check and change are one step under the lock, so that of two first calls at once
// one introduces, and what a call read meanwhile stays taken.
#include "gateway/policy/policy_text.h"
#include "guardc/pipeline.h"

namespace guardc {

namespace {

// What an introduction may give of `offered`. The wildcard stands for every tag: after a loss it would bring back what
// was lost, and who lost it lost them all.
TagSet NotLost(const TagSet& offered, const TagSet& lost) {
  if (lost.empty()) return offered;
  if (lost.HasWildcard()) return {};
  return offered.Minus(lost).Minus({kWildcardTag});
}

}  // namespace

Labels Agent::labels() const {
  std::lock_guard lock(mutex_);
  return labels_;
}

Agent::ServerKey Agent::KeyOf(const LabelSource& guard, std::string_view server) {
  return {server.empty() ? guard.id() : 0, std::string(server)};
}

std::optional<Agent::Introduced> Agent::IntroducedTo(const LabelSource& guard, std::string_view server,
                                                     std::string_view policy_json) const {
  const ServerKey key = KeyOf(guard, server);
  std::lock_guard lock(mutex_);
  const auto found = teachings_.find(key);
  if (found == teachings_.end()) return std::nullopt;
  const Teaching& taught = found->second;
  if (taught.guard != guard.id()) return std::nullopt;
  // Canonical text is made for another spelling only: most calls have the one that they began with.
  if (taught.policy_json != policy_json && taught.policy != gateway::CanonicalPolicy(policy_json)) return std::nullopt;
  return Introduced{taught.mode, labels_};
}

Agent::Introduced Agent::Introduce(const LabelSource& guard, std::string_view server, std::string_view policy_json,
                                   const AgentAnswer& answer) {
  const ServerKey key = KeyOf(guard, server);
  std::string policy = gateway::CanonicalPolicy(policy_json);
  std::lock_guard lock(mutex_);
  Labels gained = labels_;
  gained.secrecy = gained.secrecy.Union(answer.labels.secrecy);
  gained.integrity = gained.integrity.Union(NotLost(answer.labels.integrity, lost_integrity_));
  // Nothing throws between the two: an agent that counts as introduced has its tags.
  if (introduced_.emplace(key, policy).second) labels_ = std::move(gained);
  teachings_.insert_or_assign(key, Teaching{guard.id(), std::string(policy_json), std::move(policy), answer.mode});
  return {answer.mode, labels_};
}

Labels Agent::Read(const Labels& source) {
  std::lock_guard lock(mutex_);
  Labels after = AfterReading(labels_, source);
  lost_integrity_ = lost_integrity_.Union(labels_.integrity.Minus(after.integrity));
  labels_ = std::move(after);
  return labels_;
}

}  // namespace guardc
