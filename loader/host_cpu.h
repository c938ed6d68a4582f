// Whether this machine can run code for a target.
#pragma once

#include <string_view>

#include "artifact/manifest.h"
#include "guardc/result.h"

namespace guardc::loader {

// Whether the CPU has, and the kernel supports, a feature of cpu_features.h; false for names that are not there.
bool HasCpuFeature(std::string_view feature);

// kIncompatibleArtifact names the architecture, or the features that are missing. `name` is for messages.
Result<void> CheckTarget(const artifact::Target& target, std::string_view name);

}  // namespace guardc::loader
