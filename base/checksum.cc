// See checksum.h. The library's header holds all of its code, so that no process maps one library more.
#include "base/checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <new>

#include "base/hex.h"

namespace guardc {

namespace {

XXH3_state_t* State(std::array<std::byte, 576>& bytes) {
  // The constructor has made the object in these bytes.
  return std::launder(reinterpret_cast<XXH3_state_t*>(bytes.data()));
}

Xxh3Digest Canonical(XXH128_hash_t hash) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  Xxh3Digest digest;
  static_assert(sizeof(canonical.digest) == sizeof(digest.bytes));
  std::copy(std::begin(canonical.digest), std::end(canonical.digest), digest.bytes.begin());
  return digest;
}

}  // namespace

std::string Xxh3Digest::Hex() const { return HexOf(bytes); }

bool IsXxh3Hex(std::string_view text) { return IsHexOf(text, sizeof(Xxh3Digest::bytes)); }

Xxh3::Xxh3() {
  static_assert(sizeof(XXH3_state_t) == sizeof(state_) && alignof(XXH3_state_t) <= alignof(Xxh3));
  XXH3_128bits_reset(new (state_.data()) XXH3_state_t);
}

void Xxh3::Update(std::span<const std::byte> bytes) { XXH3_128bits_update(State(state_), bytes.data(), bytes.size()); }

Xxh3Digest Xxh3::Finish() { return Canonical(XXH3_128bits_digest(State(state_))); }

Xxh3Digest Xxh3Of(std::span<const std::byte> bytes) { return Canonical(XXH3_128bits(bytes.data(), bytes.size())); }

}  // namespace guardc
