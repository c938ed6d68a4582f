// libFuzzer: any bytes as a manifest, and as a description. What parses must print and parse to the same manifest.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "artifact/description.h"
#include "artifact/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  if (const auto manifest = guardc::artifact::ParseManifest(json, "fuzz")) {
    const auto again = guardc::artifact::ParseManifest(guardc::artifact::PrintManifest(*manifest), "fuzz");
    if (!again || !(*again == *manifest)) std::abort();
  }
  if (const auto description = guardc::artifact::ParseDescription(json, "fuzz")) {
    const auto again = guardc::artifact::ParseDescription(guardc::artifact::PrintDescription(*description), "fuzz");
    if (!again || !(*again == *description)) std::abort();
  }
  return 0;
}
