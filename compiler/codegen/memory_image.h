// The initial contents of linear memory as pages of the artifact's file, to be mapped copy-on-write instead of being
// copied at each instantiation.
#pragma once

#include <cstdint>
#include <vector>

#include "artifact/abi.h"
#include "compiler/frontend/wasm_module.h"

namespace guardc::compiler {

struct MemoryImage {
  std::vector<bool> in_image;           // per data segment; the others are init's work
  std::vector<abi::ImageRange> ranges;  // by memory and offset
  std::vector<uint8_t> bytes;           // of all ranges, one after the other
};

// `page_size`: the target's largest page.
MemoryImage BuildMemoryImage(const Module& module, uint32_t page_size);

}  // namespace guardc::compiler
