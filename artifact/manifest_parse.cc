// JSON text -> Manifest, trusting nothing: every field must be there, of its type and in its range, and no other may.
#include "artifact/cache_key.h"
#include "artifact/description.h"
#include "artifact/json_fields.h"
#include "artifact/manifest.h"

namespace guardc::artifact {

namespace {

void ReadTarget(JsonFields& fields, Target& target) {
  fields.Get("triple", target.triple);
  fields.Get("cpu", target.cpu);
  fields.Get("features", target.features);
}

void ReadOptions(JsonFields& fields, BuildOptions& options) {
  uint32_t opt_level = 0;
  fields.Get("opt_level", opt_level, uint32_t{3});
  options.opt_level = static_cast<int>(opt_level);
  fields.GetName("profile", options.profile, {Profile::kGuard, Profile::kWasi}, ProfileName);
  fields.Get("bounds_checks", options.bounds_checks);
  fields.Get("strict_traps", options.strict_traps);
  fields.Get("canonical_nans", options.canonical_nans);
}

void ReadManifest(JsonFields& top, Manifest& manifest) {
  Identity& identity = manifest.identity;
  uint32_t version = 0;
  top.Get("manifest_version", version);  // checked by the caller
  top.Get("guardc_version", identity.guardc_version);
  top.Get("llvm_version", identity.llvm_version);
  top.Get("abi_version", identity.abi_version);
  top.GetSha256("key", manifest.key);
  top.Get("name", manifest.module_name);
  top.GetObject("wasm", [&](JsonFields& wasm) {
    wasm.GetSha256("sha256", identity.wasm_sha256);
    wasm.Get("size", manifest.wasm_size);
  });
  top.GetObject("object", [&](JsonFields& object) {
    object.Expect("file", kObjectFile);
    object.GetSha256("sha256", manifest.object_sha256);
    object.GetXxh3("xxh3_128", manifest.object_xxh3_128);
    object.Get("size", manifest.object_size);
  });
  top.GetObject("target", [&](JsonFields& target) { ReadTarget(target, identity.target); });
  top.GetObject("options", [&](JsonFields& options) { ReadOptions(options, identity.options); });
  top.GetObject("description", [&](JsonFields& description) {
    description.Expect("file", kDescriptionFile);
    description.GetSha256("sha256", manifest.description_sha256);
  });
}

}  // namespace

Result<Manifest> ParseManifest(std::string_view text, std::string_view path) {
  const std::string name(path);
  const Result<JsonIndex> index = JsonIndex::Of(text, name);
  if (!index) return Fail(ErrorKind::kCorruptArtifact, index.error().message + ": compile the module again");
  const JsonValue json = index->root();

  // Before everything else: another version may have other fields.
  if (json.Is(JsonType::kObject)) {
    const auto member = FindMember(json, "manifest_version");
    const auto version = member ? UnsignedNumber(*member) : std::nullopt;
    if (version && *version != kManifestVersion) {
      return Fail(ErrorKind::kIncompatibleArtifact, name + ": manifest_version is " + std::to_string(*version) +
                                                        ", expected " + std::to_string(kManifestVersion) +
                                                        ": compile the module again with this version of guardc");
    }
  }
  Manifest manifest;
  std::string problem;
  {
    const JsonPlace place;
    JsonFields fields(json, place, problem);
    ReadManifest(fields, manifest);
  }
  if (!problem.empty()) return Fail(ErrorKind::kCorruptArtifact, name + ": " + problem + ": compile the module again");
  if (const std::string key = CacheKey(manifest.identity); key != manifest.key) {
    return Fail(ErrorKind::kCorruptArtifact, name + ": key is " + manifest.key + ", expected " + key +
                                                 " from the other fields: compile the module again");
  }
  return manifest;
}

}  // namespace guardc::artifact
