// The module "spectest" that the specification's scripts import from.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "guardc/instance.h"

namespace guardc::spec {

// Made in a store when first asked for, so that a script only needs of the host what it imports.
class SpectestModule {
 public:
  explicit SpectestModule(Store& store) : store_(store) {}

  // Empty where the module has no such export, or the store refused to make it.
  std::optional<Extern> Export(std::string_view name);

 private:
  std::optional<Extern> Make(std::string_view name);

  Store& store_;
  std::map<std::string, Extern, std::less<>> made_;
};

}  // namespace guardc::spec
