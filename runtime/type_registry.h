// Process-wide ids of structural function types: what an indirect call compares. Thread-safe; types are never dropped.
#pragma once

#include <cstdint>

#include "guardc/types.h"

namespace guardc {

// Never 0.
uint32_t InternType(const FuncType& type);

// The type behind an id that InternType gave.
const FuncType& TypeOf(uint32_t id);

}  // namespace guardc
