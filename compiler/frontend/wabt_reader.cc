#include "compiler/frontend/wabt_reader.h"

#include <wabt/binary-reader.h>

#include <exception>

#include "base/format.h"
#include "compiler/frontend/module_builder.h"
#include "compiler/frontend/sections.h"
#include "compiler/validate/validate.h"

namespace guardc::compiler {

// Op is wabt's list; a count that differs would mean another opcode.def.
static_assert(static_cast<uint32_t>(Op::kUnreachable) == wabt::Opcode::Unreachable);
static_assert(static_cast<uint32_t>(Op::kI32Add) == wabt::Opcode::I32Add);
static_assert(static_cast<uint32_t>(Op::kMemoryCopy) == wabt::Opcode::MemoryCopy);

Result<Module> ReadModule(std::span<const std::byte> wasm, const FeatureSet& features, FirstValidator first) try {
  const std::span bytes(reinterpret_cast<const uint8_t*>(wasm.data()), wasm.size());
  GUARDC_TRY(const ScannedModule scan, ScanSections(bytes));
  ModuleBuilder builder(bytes, scan, features, first);
  wabt::ReadBinaryOptions options;
  options.features = ModuleBuilder::WabtFeatures(features);
  const wabt::Result result = wabt::ReadBinary(scan.bytes.data(), scan.bytes.size(), &builder, options);
  GUARDC_TRY(Module module, builder.Finish(wabt::Succeeded(result)));
  GUARDC_CHECK(ValidateModule(module, features));
  return module;
} catch (const std::exception& e) {
  return Fail(ErrorKind::kOutOfMemory, Format("reading the module failed: {}", e.what()));
}

}  // namespace guardc::compiler
