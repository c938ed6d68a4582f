// The name of an artifact: a hash of everything that decides what its code is, so that a new compiler, target or option
// gives a new key by construction.
#pragma once

#include <string>

#include "artifact/manifest.h"

namespace guardc::artifact {

// 64 lower-case hexadecimal digits.
std::string CacheKey(const Identity& identity);

}  // namespace guardc::artifact
