// What an artifact's description says of its module.
#pragma once

#include "artifact/description.h"
#include "compiler/frontend/wasm_module.h"

namespace guardc::compiler {

artifact::Description Describe(const Module& module);

}  // namespace guardc::compiler
