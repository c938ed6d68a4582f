// Description <-> JSON text; the fields are those of docs/artifact-format.md.
#include "artifact/description.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "artifact/json_fields.h"

namespace guardc::artifact {

namespace {

using Json = nlohmann::ordered_json;

Json LimitsJson(const Limits& limits) {
  return {{"min", limits.min},
          {"max", limits.max ? Json(*limits.max) : Json(nullptr)},
          {"is_64", limits.is_64},
          {"is_shared", limits.is_shared}};
}

Json TableJson(const DescribedTable& table) {
  Json json = {{"element", ValTypeName(table.element)}};
  json.update(LimitsJson(table.limits));
  return json;
}

void ReadKind(JsonFields& fields, ExternKind& kind) {
  fields.GetName("kind", kind, {ExternKind::kFunc, ExternKind::kTable, ExternKind::kMemory, ExternKind::kGlobal},
                 ExternKindName);
}

void ReadImport(JsonFields& fields, DescribedImport& import) {
  fields.Get("module", import.module);
  fields.Get("name", import.name);
  ReadKind(fields, import.kind);
  fields.Get("type", import.type);
}

void ReadExport(JsonFields& fields, DescribedExport& item) {
  fields.Get("name", item.name);
  ReadKind(fields, item.kind);
  fields.Get("type", item.type);
}

void ReadLimits(JsonFields& fields, Limits& limits) {
  fields.Get("min", limits.min);
  fields.GetOrNull("max", limits.max);
  fields.Get("is_64", limits.is_64);
  fields.Get("is_shared", limits.is_shared);
}

void ReadTable(JsonFields& fields, DescribedTable& table) {
  fields.GetName("element", table.element, {ValType::kFuncRef, ValType::kExternRef}, ValTypeName);
  ReadLimits(fields, table.limits);
}

void ReadCounts(JsonFields& fields, Counts& counts) {
  fields.Get("types", counts.types);
  fields.Get("functions", counts.functions);
  fields.Get("imported_functions", counts.imported_functions);
  fields.Get("tables", counts.tables);
  fields.Get("memories", counts.memories);
  fields.Get("globals", counts.globals);
  fields.Get("elem_segments", counts.elem_segments);
  fields.Get("data_segments", counts.data_segments);
  fields.Get("code_bytes", counts.code_bytes);
}

}  // namespace

std::vector<DescribedImport> DescribeImports(std::span<const ImportType> imports) {
  std::vector<DescribedImport> result;
  result.reserve(imports.size());
  for (const ImportType& import : imports) {
    result.push_back({import.module, import.name, import.type.kind, ToString(import.type)});
  }
  return result;
}

std::vector<DescribedExport> DescribeExports(std::span<const ExportType> exports) {
  std::vector<DescribedExport> result;
  result.reserve(exports.size());
  for (const ExportType& item : exports) result.push_back({item.name, item.type.kind, ToString(item.type)});
  return result;
}

std::string PrintDescription(const Description& description) {
  Json imports = Json::array();
  for (const DescribedImport& import : description.imports) {
    imports.push_back({{"module", import.module},
                       {"name", import.name},
                       {"kind", ExternKindName(import.kind)},
                       {"type", import.type}});
  }
  Json exports = Json::array();
  for (const DescribedExport& item : description.exports) {
    exports.push_back({{"name", item.name}, {"kind", ExternKindName(item.kind)}, {"type", item.type}});
  }
  Json memories = Json::array();
  for (const Limits& limits : description.memories) memories.push_back(LimitsJson(limits));
  Json tables = Json::array();
  for (const DescribedTable& table : description.tables) tables.push_back(TableJson(table));

  const Json json = {
      {"imports", std::move(imports)},
      {"exports", std::move(exports)},
      {"memories", std::move(memories)},
      {"tables", std::move(tables)},
      {"counts",
       {{"types", description.counts.types},
        {"functions", description.counts.functions},
        {"imported_functions", description.counts.imported_functions},
        {"tables", description.counts.tables},
        {"memories", description.counts.memories},
        {"globals", description.counts.globals},
        {"elem_segments", description.counts.elem_segments},
        {"data_segments", description.counts.data_segments},
        {"code_bytes", description.counts.code_bytes}}},
  };
  return PrintJson(json);
}

Result<Description> ParseDescription(std::string_view text, std::string_view path) {
  const auto bad = [](const std::string& why) {
    return Fail(ErrorKind::kCorruptArtifact, why + ": compile the module again");
  };
  const auto index = JsonIndex::Of(text, path);
  if (!index) return bad(index.error().message);
  Description description;
  std::string problem;
  {
    const JsonPlace place;
    JsonFields top(index->root(), place, problem);
    top.GetObjects("imports", description.imports, ReadImport);
    top.GetObjects("exports", description.exports, ReadExport);
    top.GetObjects("memories", description.memories, ReadLimits);
    top.GetObjects("tables", description.tables, ReadTable);
    top.GetObject("counts", [&](JsonFields& counts) { ReadCounts(counts, description.counts); });
  }
  if (!problem.empty()) return bad(std::string(path) + ": " + problem);
  return description;
}

}  // namespace guardc::artifact
