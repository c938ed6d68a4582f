// Process-wide ids of structural function types: what an indirect call compares. Thread-safe; types are never dropped.
#pragma once

#include <cstdint>
#include <span>

#include "guardc/types.h"
#include "loader/loaded_artifact.h"

namespace guardc {

// Never 0.
uint32_t InternType(const FuncType& type);

// The type behind an id that InternType gave.
const FuncType& TypeOf(uint32_t id);

// The ids of an artifact's types, by their index. Worked out once per artifact; as long-lived as that.
std::span<const uint32_t> TypeIdsOf(const loader::LoadedArtifact& artifact);

}  // namespace guardc
