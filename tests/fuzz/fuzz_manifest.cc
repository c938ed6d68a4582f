// libFuzzer: any bytes as a manifest. What parses must print and parse to the same manifest.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "artifact/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  const auto manifest = guardc::artifact::ParseManifest(json, "fuzz");
  if (!manifest) return 0;
  const auto again = guardc::artifact::ParseManifest(guardc::artifact::PrintManifest(*manifest), "fuzz");
  if (!again || !(*again == *manifest)) std::abort();
  return 0;
}
