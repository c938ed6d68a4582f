// The artifact's facts (abi.h, ArtifactHeader and its lists) as bytes, with holes where code addresses go.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "compiler/codegen/memory_image.h"
#include "compiler/frontend/wasm_module.h"
#include "compiler/lower/context_layout.h"
#include "compiler/lower/lower.h"

namespace guardc::compiler {

// A 32-bit hole: the distance of `symbol` from the header.
struct FactsReference {
  uint32_t position;  // bytes from the header
  std::string symbol;
};

struct ModuleFacts {
  std::vector<uint8_t> bytes;
  std::vector<FactsReference> references;  // ascending
};

// The symbol of the memory image (artifact_facts.h defines it).
inline constexpr const char kImageSymbol[] = "guardc.image";

// What the header refers to whatever the optimiser did: the roots of all code.
std::vector<std::string> FactsRoots(const Module& module, const ContextLayout& layout);

// `live`: the symbols that exist. A function that is not among them has a record without code. kLimit where the facts
// would pass 2 GiB.
Result<ModuleFacts> BuildFacts(const Module& module, const ContextLayout& layout, const LowerOptions& options,
                               const MemoryImage& image, const std::unordered_set<std::string>& live);

}  // namespace guardc::compiler
