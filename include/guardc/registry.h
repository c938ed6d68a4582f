// Which guard labels for which server, and where guards lie on disk (docs/guard-abi.md, 4 and 5).
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guardc/label.h"
#include "guardc/result.h"

namespace guardc {

struct RegisteredGuard {
  std::string server_id;
  std::string name;
  std::string kind;  // LabelSource::kind
  bool healthy = true;
};

// Thread-safe. Owns its guards together with whoever got one.
class GuardRegistry {
 public:
  // Answers the guard that was there before (the caller closes it), or null. kInvalidArgument for an empty id or a null
  // guard; kClosed after CloseAll.
  Result<std::shared_ptr<LabelSource>> Register(std::string server_id, std::shared_ptr<LabelSource> guard);
  // Never null: noop where no guard is registered, and after CloseAll one whose every call fails (kClosed). Takes the
  // registry's lock: who calls one guard from many threads keeps what it got. Agents are introduced by the same id:
  // CallRequest::server.
  std::shared_ptr<LabelSource> Get(std::string_view server_id) const;
  bool Has(std::string_view server_id) const;
  // The guard that was removed (the caller closes it), or null.
  std::shared_ptr<LabelSource> Remove(std::string_view server_id);
  std::vector<std::string> List() const;      // server ids, sorted
  std::vector<RegisteredGuard> Info() const;  // sorted by server id
  std::optional<RegisteredGuard> Info(std::string_view server_id) const;
  // Closes every guard (waiting for its running call) and forgets it. Errors are joined: the first one's kind, all of
  // their messages, the first as cause. May be called twice.
  Result<void> CloseAll();

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<LabelSource>, std::less<>> guards_;
  const std::shared_ptr<LabelSource> noop_ = MakeNoopSource();
  bool closed_ = false;
};

struct DiscoveryOptions {
  // $MCP_GATEWAY_WASM_GUARDS_DIR; nullopt where it is not set, which is not the same as empty.
  std::optional<std::string> guards_dir;
  // The guard that is baked into an image, for the server `github`.
  std::filesystem::path baked_guard = "/guards/github/00-github-guard.wasm";

  static DiscoveryOptions FromEnvironment();
};

// The guard of a server: for `github` the baked one unless guards_dir is set and empty, then the first *.wasm (any
// case) in name order in guards_dir/<server id>; nullopt where there is none. kInvalidArgument for an id that is no
// plain name, kIo.
[[nodiscard]] Result<std::optional<std::filesystem::path>> FindGuardFile(std::string_view server_id,
                                                                         const DiscoveryOptions& options);

// Every server that has a guard on disk, sorted by id.
struct DiscoveredGuard {
  std::string server_id;
  std::filesystem::path path;
};
[[nodiscard]] Result<std::vector<DiscoveredGuard>> FindGuardFiles(const DiscoveryOptions& options);

}  // namespace guardc
