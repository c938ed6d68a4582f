// Manifest -> JSON text. The other direction is manifest_parse.cc; the fields are those of docs/artifact-format.md.
#include "artifact/manifest.h"

#include <nlohmann/json.hpp>

#include "artifact/description.h"
#include "artifact/json_fields.h"

namespace guardc::artifact {

std::string_view ProfileName(Profile profile) { return profile == Profile::kWasi ? "wasi" : "guard"; }

std::string PrintManifest(const Manifest& manifest) {
  const Identity& identity = manifest.identity;
  const nlohmann::ordered_json json = {
      {"manifest_version", kManifestVersion},
      {"guardc_version", identity.guardc_version},
      {"llvm_version", identity.llvm_version},
      {"abi_version", identity.abi_version},
      {"key", manifest.key},
      {"name", manifest.module_name},
      {"wasm", {{"sha256", identity.wasm_sha256}, {"size", manifest.wasm_size}}},
      {"object",
       {{"file", kObjectFile},
        {"sha256", manifest.object_sha256},
        {"xxh3_128", manifest.object_xxh3_128},
        {"size", manifest.object_size}}},
      {"target",
       {{"triple", identity.target.triple}, {"cpu", identity.target.cpu}, {"features", identity.target.features}}},
      {"options",
       {{"opt_level", identity.options.opt_level},
        {"profile", ProfileName(identity.options.profile)},
        {"bounds_checks", identity.options.bounds_checks},
        {"strict_traps", identity.options.strict_traps},
        {"canonical_nans", identity.options.canonical_nans}}},
      {"description", {{"file", kDescriptionFile}, {"sha256", manifest.description_sha256}}},
  };
  return PrintJson(json);
}

}  // namespace guardc::artifact
