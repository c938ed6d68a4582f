// description.json: what the module of an artifact is, for people and their tools: `inspect` shows it. It lies beside
// the manifest, which has its hash, so that no load has to read it; what a load needs to know is in the object itself.
// The page is docs/artifact-format.md; a change there or here raises kManifestVersion.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "guardc/result.h"
#include "guardc/types.h"

namespace guardc::artifact {

inline constexpr std::string_view kDescriptionFile = "description.json";

struct DescribedImport {
  std::string module;
  std::string name;
  ExternKind kind = ExternKind::kFunc;
  std::string type;  // ToString(ExternType)
  bool operator==(const DescribedImport&) const = default;
};

struct DescribedExport {
  std::string name;
  ExternKind kind = ExternKind::kFunc;
  std::string type;
  bool operator==(const DescribedExport&) const = default;
};

struct DescribedTable {
  ValType element = ValType::kFuncRef;
  Limits limits;  // elements
  bool operator==(const DescribedTable&) const = default;
};

// Sizes of the module's sections, imports included where the index space holds them.
struct Counts {
  uint64_t types = 0;
  uint64_t functions = 0;
  uint64_t imported_functions = 0;
  uint64_t tables = 0;
  uint64_t memories = 0;
  uint64_t globals = 0;
  uint64_t elem_segments = 0;
  uint64_t data_segments = 0;
  uint64_t code_bytes = 0;  // of the module's code section
  bool operator==(const Counts&) const = default;
};

struct Description {
  std::vector<DescribedImport> imports;
  std::vector<DescribedExport> exports;
  std::vector<Limits> memories;        // pages; imported ones first
  std::vector<DescribedTable> tables;  // imported ones first
  Counts counts;
  bool operator==(const Description&) const = default;
};

std::vector<DescribedImport> DescribeImports(std::span<const ImportType> imports);
std::vector<DescribedExport> DescribeExports(std::span<const ExportType> exports);

// Deterministic JSON text, with a newline at its end. Fields are those of docs/artifact-format.md, in that order.
std::string PrintDescription(const Description& description);

// Strict: kCorruptArtifact names the field that is missing, unknown, of the wrong type or out of range. `path` is for
// messages.
Result<Description> ParseDescription(std::string_view json, std::string_view path);

}  // namespace guardc::artifact
