#include "compiler/manifest.h"

#include "artifact/cache_key.h"
#include "base/checksum.h"
#include "base/hash.h"

namespace guardc::compiler {

std::vector<ImportType> ImportTypes(const Module& module) {
  std::vector<ImportType> imports;
  for (const Import& import : module.imports) imports.push_back({import.module, import.name, import.type});
  return imports;
}

std::vector<ExportType> ExportTypes(const Module& module) {
  std::vector<ExportType> exports;
  for (const Export& exported : module.exports) {
    ExternType type;
    type.kind = exported.kind;
    switch (exported.kind) {
      case ExternKind::kFunc:
        type.func = module.TypeOfFunc(exported.index);
        break;
      case ExternKind::kTable:
        type.table = module.table_types[exported.index];
        break;
      case ExternKind::kMemory:
        type.memory = module.memory_types[exported.index];
        break;
      case ExternKind::kGlobal:
        type.global = module.global_types[exported.index];
        break;
    }
    exports.push_back({exported.name, std::move(type)});
  }
  return exports;
}

artifact::Counts CountsOf(const Module& module) {
  return {.types = module.types.size(),
          .functions = module.func_types.size(),
          .imported_functions = module.num_imported_funcs,
          .tables = module.table_types.size(),
          .memories = module.memory_types.size(),
          .globals = module.global_types.size(),
          .elem_segments = module.elem_segments.size(),
          .data_segments = module.data_segments.size(),
          .code_bytes = module.code_section_size};
}

artifact::Manifest DescribeArtifact(const Module& module, artifact::Identity identity, uint64_t wasm_size,
                                    std::span<const std::byte> object) {
  artifact::Manifest manifest;
  manifest.key = artifact::CacheKey(identity);
  manifest.identity = std::move(identity);
  manifest.module_name = module.name;
  manifest.wasm_size = wasm_size;
  manifest.object_sha256 = Sha256Of(object).Hex();
  manifest.object_xxh3_128 = Xxh3Of(object).Hex();
  manifest.object_size = object.size();
  manifest.imports = artifact::DescribeImports(ImportTypes(module));
  manifest.exports = artifact::DescribeExports(ExportTypes(module));
  for (const MemoryType& memory : module.memory_types) manifest.memories.push_back(memory.limits);
  for (const TableType& table : module.table_types) manifest.tables.push_back({table.element, table.limits});
  manifest.counts = CountsOf(module);
  return manifest;
}

}  // namespace guardc::compiler
