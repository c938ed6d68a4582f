// SHA-256 by libcrypto's low-level functions, which run on the CPU's SHA instructions and need no set-up: the EVP
// interface fetches algorithms from a provider at its first use (0.8 ms), and the shared library brings a start-up of
// its own (0.65 ms). The table is in docs/artifact-format.md, "The hash".
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/hash.h"

#include <openssl/sha.h>

#include <memory>
#include <new>

#include "base/hex.h"

namespace guardc {

namespace {

SHA256_CTX* Context(std::array<std::byte, 112>& state) {
  // The constructor has made the object in these bytes.
  return std::launder(reinterpret_cast<SHA256_CTX*>(state.data()));
}

}  // namespace

std::string Sha256Digest::Hex() const { return HexOf(bytes); }

bool IsSha256Hex(std::string_view text) { return IsHexOf(text, sizeof(Sha256Digest::bytes)); }

Sha256::Sha256() {
  static_assert(sizeof(SHA256_CTX) == sizeof(state_) && alignof(SHA256_CTX) <= alignof(Sha256));
  SHA256_Init(new (state_.data()) SHA256_CTX);
}

void Sha256::Update(std::span<const std::byte> bytes) { SHA256_Update(Context(state_), bytes.data(), bytes.size()); }

void Sha256::Update(std::string_view text) { SHA256_Update(Context(state_), text.data(), text.size()); }

Sha256Digest Sha256::Finish() {
  Sha256Digest digest;
  SHA256_Final(digest.bytes.data(), Context(state_));
  return digest;
}

Sha256Digest Sha256Of(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.Update(bytes);
  return hash.Finish();
}

Sha256Digest Sha256Of(std::string_view text) {
  return Sha256Of(std::as_bytes(std::span<const char>(text.data(), text.size())));
}

}  // namespace guardc
