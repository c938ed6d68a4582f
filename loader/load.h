// An opened entry -> checked code in memory. The steps, in this order: manifest against this build and machine, object
// copied into a sealed memory file while it is hashed, ELF headers, the artifact's own header, and only then dlopen.
#pragma once

#include <memory>
#include <string>

#include "artifact/cache_store.h"
#include "base/file.h"
#include "guardc/module.h"
#include "guardc/result.h"
#include "loader/loaded_artifact.h"

namespace guardc::loader {

// Whether an artifact of this manifest is for this version of guardc and for this machine; kIncompatibleArtifact says
// what is not.
Result<void> CheckCompatible(const artifact::Manifest& manifest, const std::filesystem::path& entry);

// Takes over the entry, whose lock lives as long as the artifact.
class ArtifactLoader {
 public:
  static Result<std::unique_ptr<LoadedArtifact>> Load(artifact::OpenedEntry entry, const LoadOptions& options);
};

}  // namespace guardc::loader
