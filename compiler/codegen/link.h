// Objects -> the artifact, by LLD within this process.
#pragma once

#include <cstddef>
#include <vector>

#include "compiler/codegen/target.h"
#include "guardc/result.h"

namespace guardc::compiler {

using ObjectBytes = std::vector<char>;

// The shared object. The same objects in the same order give the same bytes. kCompile where LLD refuses (a symbol that
// nothing defines, above all: an artifact imports nothing), kIo.
Result<std::vector<std::byte>> LinkArtifact(const std::vector<ObjectBytes>& objects, const CompileTarget& target);

// One relocatable object of all.
Result<std::vector<std::byte>> LinkRelocatable(const std::vector<ObjectBytes>& objects, const CompileTarget& target);

}  // namespace guardc::compiler
