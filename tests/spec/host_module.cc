#include "tests/spec/host_module.h"

#include <bit>

namespace guardc::spec {
namespace {

struct PrintFunction {
  std::string_view name;
  std::vector<ValType> params;
};

const std::vector<PrintFunction>& PrintFunctions() {
  static const std::vector<PrintFunction> kFunctions = {
      {"print", {}},
      {"print_i32", {ValType::kI32}},
      {"print_i64", {ValType::kI64}},
      {"print_f32", {ValType::kF32}},
      {"print_f64", {ValType::kF64}},
      {"print_i32_f32", {ValType::kI32, ValType::kF32}},
      {"print_f64_f64", {ValType::kF64, ValType::kF64}},
  };
  return kFunctions;
}

template <class T>
std::optional<Extern> ToExtern(Result<T> made) {
  if (!made) return std::nullopt;
  return Extern(*std::move(made));
}

}  // namespace

std::optional<Extern> SpectestModule::Export(std::string_view name) {
  if (const auto found = made_.find(name); found != made_.end()) return found->second;
  std::optional<Extern> made = Make(name);
  if (made) made_.emplace(name, *made);
  return made;
}

std::optional<Extern> SpectestModule::Make(std::string_view name) {
  for (const PrintFunction& function : PrintFunctions()) {
    if (function.name != name) continue;
    return Extern(
        store_.NewFunc({function.params, {}}, [](std::span<const Val>, std::span<Val>) -> Result<void> { return {}; }));
  }
  if (name == "global_i32") return ToExtern(store_.NewGlobal({ValType::kI32, false}, Val::I32(666)));
  if (name == "global_i64") return ToExtern(store_.NewGlobal({ValType::kI64, false}, Val::I64(666)));
  if (name == "global_f32") {
    return ToExtern(store_.NewGlobal({ValType::kF32, false}, Val::F32Bits(std::bit_cast<uint32_t>(666.6F))));
  }
  if (name == "global_f64") {
    return ToExtern(store_.NewGlobal({ValType::kF64, false}, Val::F64Bits(std::bit_cast<uint64_t>(666.6))));
  }
  if (name == "table" || name == "table64") {
    const Limits limits{.min = 10, .max = 20, .is_64 = name == "table64"};
    return ToExtern(store_.NewTable({ValType::kFuncRef, limits}, Val::Ref(ValType::kFuncRef, nullptr)));
  }
  if (name == "memory") return ToExtern(store_.NewMemory({Limits{.min = 1, .max = 2}}));
  return std::nullopt;
}

}  // namespace guardc::spec
