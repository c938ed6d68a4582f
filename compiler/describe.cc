#include "compiler/describe.h"

namespace guardc::compiler {

namespace {

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

}  // namespace

artifact::Description Describe(const Module& module) {
  artifact::Description description{.imports = artifact::DescribeImports(ImportTypes(module)),
                                    .exports = artifact::DescribeExports(ExportTypes(module)),
                                    .counts = CountsOf(module)};
  for (const MemoryType& memory : module.memory_types) description.memories.push_back(memory.limits);
  for (const TableType& table : module.table_types) description.tables.push_back({table.element, table.limits});
  return description;
}

}  // namespace guardc::compiler
