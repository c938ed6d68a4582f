// The rules of docs/guard-abi.md, 4, from labels to a decision. No I/O, no state, no JSON.
#include <algorithm>

#include "guardc/flow.h"

namespace guardc {
namespace {

// In a sentence that people read, a guest's million tags are cut; Decision::tags has them all.
std::string Name(const TagSet& tags) {
  constexpr size_t kShown = 20;
  if (tags.size() <= kShown) return tags.ToString();
  std::vector<std::string> first(tags.tags().begin(), tags.tags().begin() + kShown);
  std::string text = TagSet::From(std::move(first)).ToString();
  text.pop_back();
  return text + " and " + std::to_string(tags.size() - kShown) + " more]";
}

Decision Allow() {
  Decision decision;
  decision.allowed = true;
  decision.cause = DenialCause::kNone;
  return decision;
}

Decision Deny(DenialCause cause, Operation half, TagSet tags) {
  Decision decision;
  decision.cause = cause;
  decision.half = half;
  std::string names = Name(tags);
  if (half == Operation::kRead) {
    decision.reason = cause == DenialCause::kIntegrity
                          ? "read denied by integrity: the resource lacks " + names + ", which the agent requires"
                          : "read denied by secrecy: the resource carries " + names + ", which the agent may not see";
  } else {
    decision.reason = cause == DenialCause::kIntegrity
                          ? "write denied by integrity: the agent lacks " + names + ", which the resource requires"
                          : "write denied by secrecy: the agent carries " + names + ", which the resource may not get";
  }
  decision.tags = std::move(tags);
  return decision;
}

// `below` must be within `above`.
bool Check(const TagSet& below, const TagSet& above, DenialCause cause, Operation half, Decision& decision) {
  if (below.IsSubsetOf(above)) return true;
  decision = Deny(cause, half, below.Missing(above));
  return false;
}

bool CheckRead(const Labels& agent, const Labels& resource, Decision& decision) {
  return Check(agent.integrity, resource.integrity, DenialCause::kIntegrity, Operation::kRead, decision) &&
         Check(resource.secrecy, agent.secrecy, DenialCause::kSecrecy, Operation::kRead, decision);
}

bool CheckWrite(const Labels& agent, const Labels& resource, Decision& decision) {
  return Check(resource.integrity, agent.integrity, DenialCause::kIntegrity, Operation::kWrite, decision) &&
         Check(agent.secrecy, resource.secrecy, DenialCause::kSecrecy, Operation::kWrite, decision);
}

}  // namespace

std::string_view OperationName(Operation operation) {
  switch (operation) {
    case Operation::kRead:
      return "read";
    case Operation::kWrite:
      return "write";
    case Operation::kReadWrite:
      break;
  }
  return "read-write";
}

Operation OperationFrom(std::string_view name) {
  if (name == "read") return Operation::kRead;
  if (name == "write") return Operation::kWrite;
  return Operation::kReadWrite;
}

std::string_view ModeName(Mode mode) {
  switch (mode) {
    case Mode::kFilter:
      return "filter";
    case Mode::kPropagate:
      return "propagate";
    case Mode::kStrict:
      break;
  }
  return "strict";
}

std::optional<Mode> ModeFrom(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  for (Mode mode : {Mode::kStrict, Mode::kFilter, Mode::kPropagate}) {
    if (lower == ModeName(mode)) return mode;
  }
  return std::nullopt;
}

std::string_view DenialCauseName(DenialCause cause) {
  switch (cause) {
    case DenialCause::kIntegrity:
      return "integrity";
    case DenialCause::kSecrecy:
      return "secrecy";
    case DenialCause::kError:
      return "error";
    case DenialCause::kNone:
      break;
  }
  return "";
}

Decision CheckFlow(const Labels& agent, const Labels& resource, Operation operation) {
  Decision decision = Allow();
  bool reads = operation != Operation::kWrite;
  bool writes = operation != Operation::kRead;
  if (reads && !CheckRead(agent, resource, decision)) return decision;
  if (writes && !CheckWrite(agent, resource, decision)) return decision;
  return decision;
}

Decision CheckFlow(const Labels& agent, const Labels& resource, Operation operation, Mode mode) {
  if (mode != Mode::kPropagate || operation == Operation::kWrite) return CheckFlow(agent, resource, operation);
  Decision decision = Allow();
  if (operation == Operation::kReadWrite && !CheckWrite(agent, resource, decision)) return decision;
  decision.secrecy_gained = resource.secrecy.Minus(agent.secrecy);
  decision.integrity_lost = agent.integrity.Minus(resource.integrity);
  return decision;
}

Labels AfterReading(const Labels& agent, const Labels& source) {
  return {agent.secrecy.Union(source.secrecy), agent.integrity.Intersection(source.integrity)};
}

Decision DecideOrDeny(Result<Decision> decision) {
  if (decision) return std::move(*decision);
  Decision denied;
  denied.reason = decision.error().message;
  denied.error = std::move(decision.error());
  return denied;
}

}  // namespace guardc
