// What should be known of a guard that is none the less valid: `guardc compile` and `guardc inspect` tell it, processes
// that label do not.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "artifact/description.h"

namespace guardc::artifact {

inline constexpr uint64_t kDefaultMemoryCap = 512;  // pages of 64 KiB: GuardOptions::memory_cap_pages

// Of a module that passed as a guard; a sentence each, about "it".
std::vector<std::string> GuardNotes(const Description& description);

}  // namespace guardc::artifact
