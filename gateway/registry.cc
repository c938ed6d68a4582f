#include "guardc/registry.h"

#include <utility>

#include "base/log.h"

namespace guardc {
namespace {

// What a closed registry hands out: noop would allow everything.
class ClosedSource : public LabelSource {
 public:
  std::string_view name() const override { return "closed"; }
  std::string_view kind() const override { return "closed"; }
  bool healthy() const override { return false; }
  Result<AgentAnswer> LabelAgent(std::string_view, const CallOptions&) override { return Closed(); }
  Result<ResourceAnswer> LabelResource(const LabelQuery&, const CallOptions&) override { return Closed(); }
  Result<LabelledData> LabelResponse(const LabelQuery&, const JsonDocument&, const CallOptions&) override {
    return Closed();
  }

 private:
  static std::unexpected<Error> Closed() { return Fail(ErrorKind::kClosed, "the registry of guards was closed"); }
};

log::Logger& RegistryLog() {
  static log::Logger& log = log::Logger::Make("guard:registry");
  return log;
}

RegisteredGuard Describe(const std::string& server_id, const LabelSource& guard) {
  return {server_id, std::string(guard.name()), std::string(guard.kind()), guard.healthy()};
}

}  // namespace

Result<std::shared_ptr<LabelSource>> GuardRegistry::Register(std::string server_id,
                                                             std::shared_ptr<LabelSource> guard) {
  if (server_id.empty())
    return Fail(ErrorKind::kInvalidArgument, "a guard cannot be registered for an empty server id");
  if (!guard) return Fail(ErrorKind::kInvalidArgument, "there is no guard to register for \"" + server_id + "\"");
  std::lock_guard lock(mutex_);
  if (closed_) return Fail(ErrorKind::kClosed, "the registry of guards was closed");
  RegistryLog().Write(log::Level::kInfo, "server " + server_id + ": registered " + std::string(guard->kind()) +
                                             " guard " + std::string(guard->name()));
  auto& place = guards_[std::move(server_id)];
  place.swap(guard);
  return guard;
}

std::shared_ptr<LabelSource> GuardRegistry::Get(std::string_view server_id) const {
  static const std::shared_ptr<LabelSource> kClosed = std::make_shared<ClosedSource>();
  std::lock_guard lock(mutex_);
  if (closed_) return kClosed;
  auto found = guards_.find(server_id);
  return found == guards_.end() ? noop_ : found->second;
}

bool GuardRegistry::Has(std::string_view server_id) const {
  std::lock_guard lock(mutex_);
  return guards_.contains(server_id);
}

std::shared_ptr<LabelSource> GuardRegistry::Remove(std::string_view server_id) {
  std::lock_guard lock(mutex_);
  auto found = guards_.find(server_id);
  if (found == guards_.end()) return nullptr;
  RegistryLog().Write(log::Level::kInfo, "server " + found->first + ": removed its guard");
  auto guard = std::move(found->second);
  guards_.erase(found);
  return guard;
}

std::vector<std::string> GuardRegistry::List() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [server_id, guard] : guards_) out.push_back(server_id);
  return out;
}

std::vector<RegisteredGuard> GuardRegistry::Info() const {
  std::lock_guard lock(mutex_);
  std::vector<RegisteredGuard> out;
  for (const auto& [server_id, guard] : guards_) out.push_back(Describe(server_id, *guard));
  return out;
}

std::optional<RegisteredGuard> GuardRegistry::Info(std::string_view server_id) const {
  std::lock_guard lock(mutex_);
  auto found = guards_.find(server_id);
  if (found == guards_.end()) return std::nullopt;
  return Describe(found->first, *found->second);
}

Result<void> GuardRegistry::CloseAll() {
  std::map<std::string, std::shared_ptr<LabelSource>, std::less<>> guards;
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    guards.swap(guards_);
  }
  // Outside the lock: closing waits for running calls, and those may ask the registry.
  std::optional<Error> first;
  std::string all;
  for (const auto& [server_id, guard] : guards) {
    Result<void> closed = guard->Close();
    if (closed) continue;
    RegistryLog().Write(log::Level::kWarn,
                        "server " + server_id + ": its guard did not close: " + closed.error().message);
    all += (first ? "; " : "") + server_id + ": " + closed.error().message;
    if (!first) first = std::move(closed.error());
  }
  if (!first) return {};
  ErrorDetails details;
  details.cause = std::make_shared<const Error>(*first);
  return Fail(first->kind, "closing the guards failed: " + all, std::move(details));
}

}  // namespace guardc
