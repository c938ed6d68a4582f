// What must hold of the facts that an artifact brings (abi.h), so that the runtime may follow every offset and index
// without looking. Works on the checked file, before it is mapped.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "artifact/abi.h"
#include "guardc/result.h"
#include "guardc/types.h"
#include "loader/elf_check.h"

namespace guardc::loader {

struct HeaderFacts {
  std::string name;  // from the name section, else ""
  std::vector<ImportType> imports;
  std::vector<ExportType> exports;
};

// `file` passed CheckElf, which gave `elf`. kIncompatibleArtifact for another ABI version, kCorruptArtifact for
// anything out of bounds; `name` is for messages.
Result<HeaderFacts> CheckHeader(std::span<const std::byte> file, const ElfFacts& elf, std::string_view name);

}  // namespace guardc::loader
