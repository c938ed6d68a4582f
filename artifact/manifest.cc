// Manifest -> JSON text. The other direction is manifest_parse.cc; the fields are those of docs/artifact-format.md.
#include "artifact/manifest.h"

#include <nlohmann/json.hpp>

namespace guardc::artifact {

namespace {

using Json = nlohmann::ordered_json;

Json LimitsJson(const Limits& limits) {
  return {{"min", limits.min},
          {"max", limits.max ? Json(*limits.max) : Json(nullptr)},
          {"is_64", limits.is_64},
          {"is_shared", limits.is_shared}};
}

Json TableJson(const ManifestTable& table) {
  Json json = {{"element", ValTypeName(table.element)}};
  json.update(LimitsJson(table.limits));
  return json;
}

}  // namespace

std::vector<ManifestImport> DescribeImports(std::span<const ImportType> imports) {
  std::vector<ManifestImport> result;
  result.reserve(imports.size());
  for (const ImportType& import : imports) {
    result.push_back({import.module, import.name, import.type.kind, ToString(import.type)});
  }
  return result;
}

std::vector<ManifestExport> DescribeExports(std::span<const ExportType> exports) {
  std::vector<ManifestExport> result;
  result.reserve(exports.size());
  for (const ExportType& item : exports) result.push_back({item.name, item.type.kind, ToString(item.type)});
  return result;
}

std::string_view ProfileName(Profile profile) { return profile == Profile::kWasi ? "wasi" : "guard"; }

std::string PrintManifest(const Manifest& manifest) {
  const Identity& identity = manifest.identity;
  Json imports = Json::array();
  for (const ManifestImport& import : manifest.imports) {
    imports.push_back({{"module", import.module},
                       {"name", import.name},
                       {"kind", ExternKindName(import.kind)},
                       {"type", import.type}});
  }
  Json exports = Json::array();
  for (const ManifestExport& item : manifest.exports) {
    exports.push_back({{"name", item.name}, {"kind", ExternKindName(item.kind)}, {"type", item.type}});
  }
  Json memories = Json::array();
  for (const Limits& limits : manifest.memories) memories.push_back(LimitsJson(limits));
  Json tables = Json::array();
  for (const ManifestTable& table : manifest.tables) tables.push_back(TableJson(table));

  const Json json = {
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
       {{"triple", identity.target.triple},
        {"cpu", identity.target.cpu},
        {"features", Json(identity.target.features)}}},
      {"options",
       {{"opt_level", identity.options.opt_level},
        {"profile", ProfileName(identity.options.profile)},
        {"bounds_checks", identity.options.bounds_checks},
        {"strict_traps", identity.options.strict_traps},
        {"canonical_nans", identity.options.canonical_nans}}},
      {"imports", std::move(imports)},
      {"exports", std::move(exports)},
      {"memories", std::move(memories)},
      {"tables", std::move(tables)},
      {"counts",
       {{"types", manifest.counts.types},
        {"functions", manifest.counts.functions},
        {"imported_functions", manifest.counts.imported_functions},
        {"tables", manifest.counts.tables},
        {"memories", manifest.counts.memories},
        {"globals", manifest.counts.globals},
        {"elem_segments", manifest.counts.elem_segments},
        {"data_segments", manifest.counts.data_segments},
        {"code_bytes", manifest.counts.code_bytes}}},
  };
  // WebAssembly's names are UTF-8; should one not be, a replacement character beats an exception.
  return json.dump(2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
}

}  // namespace guardc::artifact
