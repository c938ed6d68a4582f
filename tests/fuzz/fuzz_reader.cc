// libFuzzer: any bytes through the reader and the guard profile. Nothing may crash, hang or allocate without bound.
#include <cstddef>
#include <cstdint>
#include <span>

#include "compiler/frontend/wabt_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span wasm(reinterpret_cast<const std::byte*>(data), size);
  (void)guardc::compiler::ReadModule(wasm, {});
  return 0;
}
