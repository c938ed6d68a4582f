#include "runtime/label/guard_abi.h"

#include <algorithm>
#include <string>

namespace guardc {
namespace {

constexpr ValType kI32 = ValType::kI32;

const ExportType* FindExport(const Module& module, std::string_view name) {
  const auto it = std::ranges::find(module.exports(), name, &ExportType::name);
  return it == module.exports().end() ? nullptr : &*it;
}

std::string Quoted(std::string_view name) { return "\"" + std::string(name) + "\""; }

Result<void> CheckMemory(const Module& module) {
  const ExportType* memory = FindExport(module, kMemoryExport);
  if (memory == nullptr) {
    return Fail(ErrorKind::kGuardAbi, "the module has no memory: a guard must export one as " + Quoted(kMemoryExport));
  }
  if (memory->type.kind != ExternKind::kMemory || memory->type.memory.limits.is_64) {
    return Fail(ErrorKind::kGuardAbi, "export " + Quoted(kMemoryExport) + " is " + ToString(memory->type) +
                                          ", expected a memory with 32-bit addresses");
  }
  return {};
}

Result<void> CheckFunction(const Module& module, std::string_view name, const FuncType& expected) {
  const ExportType* found = FindExport(module, name);
  if (found == nullptr) {
    return Fail(ErrorKind::kGuardAbi,
                "the module does not export the function " + Quoted(name) + " of type " + ToString(expected));
  }
  if (found->type.kind != ExternKind::kFunc || found->type.func != expected) {
    const bool is_func = found->type.kind == ExternKind::kFunc;
    return Fail(ErrorKind::kGuardAbi, "export " + Quoted(name) + " has type " +
                                          (is_func ? ToString(found->type.func) : ToString(found->type)) +
                                          ", expected a function of type " + ToString(expected));
  }
  return {};
}

}  // namespace

std::string_view LabelFunctionName(LabelFunction function) {
  switch (function) {
    case LabelFunction::kAgent:
      return "label_agent";
    case LabelFunction::kResource:
      return "label_resource";
    case LabelFunction::kResponse:
      return "label_response";
  }
  return "";
}

const FuncType& LabelFunctionType() {
  static const FuncType kType = {{kI32, kI32, kI32, kI32}, {kI32}};
  return kType;
}

const FuncType& AllocType() {
  static const FuncType kType = {{kI32}, {kI32}};
  return kType;
}

const FuncType& DeallocType() {
  static const FuncType kType = {{kI32, kI32}, {}};
  return kType;
}

const FuncType& InitializeType() {
  static const FuncType kType = {{}, {}};
  return kType;
}

const FuncType* FindFunctionExport(const Module& module, std::string_view name) {
  const ExportType* found = FindExport(module, name);
  return found != nullptr && found->type.kind == ExternKind::kFunc ? &found->type.func : nullptr;
}

bool HasAllocator(const Module& module) {
  return FindFunctionExport(module, kAllocExport) != nullptr && FindFunctionExport(module, kDeallocExport) != nullptr;
}

Result<void> CheckGuardAbi(const Module& module) {
  constexpr LabelFunction kAll[] = {LabelFunction::kAgent, LabelFunction::kResource, LabelFunction::kResponse};
  const bool has_any =
      std::ranges::any_of(kAll, [&](LabelFunction f) { return FindExport(module, LabelFunctionName(f)) != nullptr; });
  if (!has_any && FindExport(module, "_start") != nullptr) {
    return Fail(
        ErrorKind::kGuardAbi,
        "the module exports \"_start\" and no label functions: it was probably built as a command (standard Go, "
        "or a main program); build the guard as a reactor (TinyGo, -mexec-model=reactor, a Rust cdylib)");
  }
  for (const LabelFunction function : kAll) {
    GUARDC_CHECK(CheckFunction(module, LabelFunctionName(function), LabelFunctionType()));
  }
  GUARDC_CHECK(CheckMemory(module));
  if (HasAllocator(module)) {
    GUARDC_CHECK(CheckFunction(module, kAllocExport, AllocType()));
    GUARDC_CHECK(CheckFunction(module, kDeallocExport, DeallocType()));
  }
  if (FindFunctionExport(module, kInitializeExport) != nullptr) {
    GUARDC_CHECK(CheckFunction(module, kInitializeExport, InitializeType()));
  }
  return {};
}

}  // namespace guardc
