#include "compiler/frontend/guard_profile.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "artifact/host_imports.h"
#include "base/format.h"
#include "base/similar.h"
#include "compiler/frontend/sections.h"

namespace guardc::compiler {
namespace {

constexpr std::array<std::string_view, 3> kLabelFunctions = {"label_agent", "label_resource", "label_response"};

FuncType I32Type(size_t params, size_t results) {
  return {std::vector<ValType>(params, ValType::kI32), std::vector<ValType>(results, ValType::kI32)};
}

const Export* FindExport(const Module& module, std::string_view name) {
  const auto it = std::ranges::find(module.exports, name, &Export::name);
  return it == module.exports.end() ? nullptr : &*it;
}

std::string Describe(const Module& module, const Export& exported) {
  if (exported.kind == ExternKind::kFunc) return ToString(module.TypeOfFunc(exported.index));
  return Format("a {}", ExternKindName(exported.kind));
}

Result<void> CheckFunction(const Module& module, std::string_view name, const FuncType& expected) {
  const Export* exported = FindExport(module, name);
  if (exported == nullptr) {
    return Fail(ErrorKind::kGuardAbi,
                Format("the module does not export the function {}, expected with type {}", name, ToString(expected)));
  }
  if (exported->kind != ExternKind::kFunc || module.TypeOfFunc(exported->index) != expected) {
    return Fail(ErrorKind::kGuardAbi, Format("the export {} is {}, expected a function of type {}", name,
                                             Describe(module, *exported), ToString(expected)));
  }
  return {};
}

// Standard Go, and anything else linked as a program: the linker dropped or never had the label functions.
Result<void> CheckNotACommand(const Module& module) {
  const bool has_label =
      std::ranges::any_of(kLabelFunctions, [&](std::string_view name) { return FindExport(module, name) != nullptr; });
  if (has_label || FindExport(module, "_start") == nullptr) return {};
  return Fail(ErrorKind::kGuardAbi,
              "the module exports _start and no label function: it was probably built as a command (as standard Go "
              "does); a guard needs a reactor build that exports label_agent, label_resource and label_response "
              "(Rust: crate-type cdylib; C: -mexec-model=reactor; Go and TinyGo: -buildmode=c-shared)");
}

// What AssemblyScript imports where a program does not say what to use instead, and what made the program need it.
struct AssemblyScriptImport {
  std::string_view name;
  std::string_view hint;
};
constexpr AssemblyScriptImport kAssemblyScript[] = {
    {"abort", "; in AssemblyScript, compile with --use abort="},
    {"seed",
     "; in AssemblyScript that is Math.random: compile with --use seed=YOUR_FUNCTION (it gives an f64), or use "
     "@assemblyscript/wasi-shim"},
    {"trace", "; in AssemblyScript, compile with --use trace=YOUR_FUNCTION, or call no trace"},
    {"Date.now", "; in AssemblyScript, ask WASI's clock_time_get for the time (@assemblyscript/wasi-shim)"},
};

std::string ImportHint(const Import& import) {
  if (import.module == "wasi_unstable") return "; build for wasi_snapshot_preview1 (wasm32-wasip1)";
  if (import.module.starts_with("wasi:")) return "; build for wasm32-wasip1, not for wasip2 or the component model";
  if (import.module == "go" || import.module == "gojs") {
    return "; build for wasip1 (GOOS=wasip1 GOARCH=wasm, -buildmode=c-shared), not for a browser";
  }
  if (import.module.starts_with("wbg") || import.module.starts_with("__wbindgen")) {
    return "; build for wasm32-wasip1, without wasm-bindgen";
  }
  if (import.type.kind == ExternKind::kMemory)
    return "; export the memory instead of importing it (no --import-memory)";
  if (import.type.kind != ExternKind::kFunc) return "";
  if (import.module == "env") {
    const auto known = std::ranges::find(kAssemblyScript, import.name, &AssemblyScriptImport::name);
    if (known != std::end(kAssemblyScript)) return std::string(known->hint);
    if (import.name.starts_with("__cxa_")) return "; build without C++ exceptions (-fno-exceptions)";
  }
  std::vector<std::string_view> names;
  for (const HostImport& host : HostImports()) {
    if (host.module == import.module) names.push_back(host.name);
  }
  const std::string near = DidYouMean(import.name, names);
  if (near.empty() && import.module == "env") {
    return "; env is where linkers look for what nobody defines (--allow-undefined): define it in the guard";
  }
  return near;
}

Result<void> CheckImport(const Import& import) {
  const HostImport* known = FindHostImport(import.module, import.name);
  if (known == nullptr) {
    return FailAt(ErrorKind::kUnknownImport, import.offset,
                  Format("unknown import {}.{} of type {}: a guard may import env.call_backend, env.host_log and "
                         "the functions of wasi_snapshot_preview1{}",
                         import.module, import.name, ToString(import.type), ImportHint(import)));
  }
  if (import.type.kind != ExternKind::kFunc || import.type.func != known->type()) {
    return FailAt(ErrorKind::kUnknownImport, import.offset,
                  Format("the import {}.{} is of type {}, the host gives a function of type {}", import.module,
                         import.name, ToString(import.type), ToString(known->type())));
  }
  return {};
}

Result<void> CheckMemory(const Module& module) {
  const Export* memory = FindExport(module, "memory");
  if (memory == nullptr || memory->kind != ExternKind::kMemory) {
    return Fail(ErrorKind::kGuardAbi, Format("no memory: the module exports {} under the name \"memory\", "
                                             "expected its linear memory",
                                             memory == nullptr ? "nothing" : Describe(module, *memory)));
  }
  const Limits& limits = module.memory_types[memory->index].limits;
  if (limits.is_64) {
    return Fail(ErrorKind::kGuardAbi,
                "the exported memory is 64-bit, expected a 32-bit memory: the label functions "
                "take 32-bit pointers");
  }
  return {};
}

// Optional exports count only where they are complete; then their types must be right.
Result<void> CheckOptionalFunctions(const Module& module) {
  if (FindExport(module, "alloc") != nullptr && FindExport(module, "dealloc") != nullptr) {
    GUARDC_CHECK(CheckFunction(module, "alloc", I32Type(1, 1)));
    GUARDC_CHECK(CheckFunction(module, "dealloc", I32Type(2, 0)));
  }
  if (FindExport(module, "_initialize") != nullptr) {
    GUARDC_CHECK(CheckFunction(module, "_initialize", I32Type(0, 0)));
  }
  return {};
}

}  // namespace

Result<void> CheckGuardProfile(const Module& module) {
  GUARDC_CHECK(CheckNotACommand(module));
  for (const Import& import : module.imports) GUARDC_CHECK(CheckImport(import));
  GUARDC_CHECK(CheckMemory(module));
  for (const std::string_view name : kLabelFunctions) GUARDC_CHECK(CheckFunction(module, name, I32Type(4, 1)));
  return CheckOptionalFunctions(module);
}

}  // namespace guardc::compiler
