// See cache_key.h. The encoding is unambiguous: every field is preceded by its length, lists by their count, so that no
// two identities give the same bytes. docs/artifact-format.md, "The key".
#include "artifact/cache_key.h"

#include "base/hash.h"

namespace guardc::artifact {

namespace {

// Fields in a fixed order, each with its length in front.
class Encoder {
 public:
  void Number(uint64_t value) {
    uint8_t bytes[8];
    for (int i = 0; i < 8; ++i) bytes[i] = static_cast<uint8_t>(value >> (8 * i));
    hash_.Update(std::as_bytes(std::span(bytes)));
  }
  void Text(std::string_view text) {
    Number(text.size());
    hash_.Update(text);
  }
  std::string Finish() { return hash_.Finish().Hex(); }

 private:
  Sha256 hash_;
};

}  // namespace

std::string CacheKey(const Identity& identity) {
  Encoder encoder;
  // Raised with the encoding or with the layout of the cache.
  encoder.Text("guardc artifact key 1");
  encoder.Number(kManifestVersion);
  encoder.Text(identity.wasm_sha256);
  encoder.Text(identity.guardc_version);
  encoder.Text(identity.llvm_version);
  encoder.Number(identity.abi_version);
  encoder.Text(identity.target.triple);
  encoder.Text(identity.target.cpu);
  encoder.Number(identity.target.features.size());
  for (const std::string& feature : identity.target.features) encoder.Text(feature);
  encoder.Number(static_cast<uint64_t>(identity.options.opt_level));
  encoder.Text(ProfileName(identity.options.profile));
  encoder.Number(identity.options.bounds_checks);
  encoder.Number(identity.options.strict_traps);
  encoder.Number(identity.options.canonical_nans);
  return encoder.Finish();
}

}  // namespace guardc::artifact
