#include "runtime/memory/reservation_cache.h"

#include <sys/resource.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "runtime/memory/address_space.h"

namespace guardc::spare_spaces {

namespace {

// Where address space is short, others need it.
bool IsAddressSpaceLimited() {
  rlimit limit;
  return getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY;
}

}  // namespace

Mapping Take(const loader::LoadedArtifact& artifact, uint64_t size, uint64_t stack_size) {
  auto& shared = artifact.for_runtime();
  const std::lock_guard lock(shared.spaces_mutex);
  const auto found = std::ranges::find_if(
      shared.spaces, [&](const auto& s) { return s.mapping.size() == size && s.stack_size == stack_size; });
  if (found == shared.spaces.end()) return {};
  Mapping out = std::move(found->mapping);
  shared.spaces.erase(found);
  return out;
}

void Keep(const loader::LoadedArtifact& artifact, Mapping space, uint64_t stack_size, uint64_t initial_size,
          uint64_t size_now) {
  if (size_now < initial_size || size_now > space.size() || IsAddressSpaceLimited()) return;
  auto& shared = artifact.for_runtime();
  // What takes time is done without the lock, so more may be cleaned than are kept in the end.
  const auto is_full = [&] {
    const std::lock_guard lock(shared.spaces_mutex);
    return shared.spaces.size() >= kMost;
  };
  if (is_full()) return;
  if (!Decommit(space.begin() + initial_size, size_now - initial_size) || !Discard(space.begin(), initial_size)) return;
  const std::lock_guard lock(shared.spaces_mutex);
  if (shared.spaces.size() < kMost) shared.spaces.push_back({stack_size, std::move(space)});
}

}  // namespace guardc::spare_spaces
