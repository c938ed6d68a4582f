// libFuzzer: any bytes as an artifact's ELF file. The check must reject or accept without touching anything outside
// them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "loader/elf_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span file(reinterpret_cast<const std::byte*>(data), size);
  const auto facts = guardc::loader::CheckElf(file, "fuzz");
  if (!facts) return 0;
  for (const auto& range : {facts->text, facts->rodata, facts->eh_frame_hdr}) {
    if (range.file_offset > size || range.size > size - range.file_offset) std::abort();
  }
  return 0;
}
