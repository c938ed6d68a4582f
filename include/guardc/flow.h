// Labels and the rules of flow (docs/guard-abi.md, 4): who may read or write what. Pure values; nothing here calls a
// guard.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "guardc/result.h"

namespace guardc {

// On the superset side of a check this tag stands for every tag. In unions and intersections it is a tag like others.
inline constexpr std::string_view kWildcardTag = "*";

// An immutable set of tags, sorted by bytes. Copies share the tags; equal sets that come from one copy compare by
// pointer. Any thread.
class TagSet {
 public:
  TagSet() = default;
  TagSet(std::initializer_list<std::string_view> tags);
  // Sorts, and drops what is there twice.
  static TagSet From(std::vector<std::string> tags);

  std::span<const std::string> tags() const;
  bool empty() const { return tags_ == nullptr; }
  size_t size() const { return tags().size(); }
  bool Contains(std::string_view tag) const;
  bool HasWildcard() const { return Contains(kWildcardTag); }

  // Every tag is in `superset`, or `superset` has the wildcard.
  bool IsSubsetOf(const TagSet& superset) const;
  // The tags that keep IsSubsetOf from being true.
  TagSet Missing(const TagSet& superset) const;

  TagSet Union(const TagSet& other) const;
  TagSet Intersection(const TagSet& other) const;
  TagSet Minus(const TagSet& other) const;  // literally, without the wildcard's meaning

  bool operator==(const TagSet& other) const;
  // "[a, b]"
  std::string ToString() const;

 private:
  std::shared_ptr<const std::vector<std::string>> tags_;  // null: empty
};

struct Labels {
  TagSet secrecy;
  TagSet integrity;
  bool operator==(const Labels&) const = default;
};

enum class Operation : uint8_t { kReadWrite, kRead, kWrite };  // kReadWrite first: what is not known has to pass both
enum class Mode : uint8_t { kStrict, kFilter, kPropagate };

std::string_view OperationName(Operation operation);  // "read", "write", "read-write"
std::string_view ModeName(Mode mode);                 // "strict", "filter", "propagate"
// Exactly as OperationName has it; anything else is kReadWrite, which has to pass both rules.
Operation OperationFrom(std::string_view name);
// In any case of letters; nullopt for what is no mode.
std::optional<Mode> ModeFrom(std::string_view name);

enum class DenialCause : uint8_t {
  kNone,       // allowed
  kIntegrity,  // `tags` are the integrity tags that are missing
  kSecrecy,    // `tags` are the secrecy tags that must not flow
  kError,      // no decision could be made: `error` says why
};

// "secrecy", "integrity", "error", "".
std::string_view DenialCauseName(DenialCause cause);

// Whether something may flow, and why not. A default-constructed decision denies.
struct Decision {
  bool allowed = false;
  DenialCause cause = DenialCause::kError;
  Operation half = Operation::kRead;  // which rule denied: kRead or kWrite
  TagSet tags;                        // in the way
  std::string reason;                 // one sentence; empty where nothing is to be said
  // In propagate mode, for an allowed read: what the agent takes on, and what it gives up.
  TagSet secrecy_gained;
  TagSet integrity_lost;
  std::optional<Error> error;
};

// The rules alone, in every mode the same: integrity before secrecy, read before write. `cause` is kNone where
// `operation` may flow.
[[nodiscard]] Decision CheckFlow(const Labels& agent, const Labels& resource, Operation operation);

// The rules in a mode. Strict and filter deny alike (filtering what is inside a denied read is the pipeline's work);
// propagate allows every read and tells what it changes in the agent, and still enforces writes.
[[nodiscard]] Decision CheckFlow(const Labels& agent, const Labels& resource, Operation operation, Mode mode);

// The agent after it has read `source`: secrecy is the union, integrity the intersection.
[[nodiscard]] Labels AfterReading(const Labels& agent, const Labels& source);

// The one place where something that failed becomes a decision: it denies. Whoever holds a Result<Decision> and must
// act on it goes through here.
[[nodiscard]] Decision DecideOrDeny(Result<Decision> decision);

}  // namespace guardc
