// What the manifest says of a compiled module.
#pragma once

#include <cstddef>
#include <span>

#include "artifact/manifest.h"
#include "compiler/frontend/wasm_module.h"

namespace guardc::compiler {

std::vector<ImportType> ImportTypes(const Module& module);
std::vector<ExportType> ExportTypes(const Module& module);
artifact::Counts CountsOf(const Module& module);

artifact::Manifest DescribeArtifact(const Module& module, artifact::Identity identity, uint64_t wasm_size,
                                    std::span<const std::byte> object);

}  // namespace guardc::compiler
