// What must hold of an artifact's ELF file before dlopen may see it: dlopen runs code, follows links and trusts its
// input. The rules are listed in docs/artifact-format.md, "The object". Two readers for every change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "guardc/result.h"

namespace guardc::loader {

// A part of the file and where it will be mapped, relative to the load address.
struct ElfRange {
  uint64_t address = 0;
  uint64_t file_offset = 0;
  uint64_t size = 0;  // bytes
};

// Facts of a file that passed. Everything lies inside the file.
struct ElfFacts {
  ElfRange text;          // the one executable segment
  ElfRange rodata;        // the read-only segment that holds the artifact's header
  uint64_t header = 0;    // the header's address in it; all of an ArtifactHeader fits
  ElfRange eh_frame_hdr;  // empty where there is none
};

// `name` is for messages. kIncompatibleArtifact where the machine is another, else kCorruptArtifact.
Result<ElfFacts> CheckElf(std::span<const std::byte> file, std::string_view name);

}  // namespace guardc::loader
