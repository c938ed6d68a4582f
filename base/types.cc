// The texts of WebAssembly types, as messages and manifests show them (guardc/types.h).
#include "guardc/types.h"

namespace guardc {

namespace {

std::string List(const std::vector<ValType>& types) {
  std::string text = "(";
  for (const ValType type : types) {
    if (text.size() > 1) text += ", ";
    text += ValTypeName(type);
  }
  return text + ")";
}

std::string ToString(const Limits& limits) {
  std::string text = std::to_string(limits.min) + ".." + (limits.max ? std::to_string(*limits.max) : "");
  if (limits.is_64) text += " i64";
  if (limits.is_shared) text += " shared";
  return text;
}

}  // namespace

std::string ToString(const FuncType& type) {
  std::string text = List(type.params) + " -> ";
  if (type.results.size() == 1) return text.append(ValTypeName(type.results[0]));
  return text + List(type.results);
}

std::string ToString(const ExternType& type) {
  switch (type.kind) {
    case ExternKind::kFunc:
      return "func " + ToString(type.func);
    case ExternKind::kTable:
      return "table " + ToString(type.table.limits) + " " + std::string(ValTypeName(type.table.element));
    case ExternKind::kMemory:
      return "memory " + ToString(type.memory.limits) + " pages";
    case ExternKind::kGlobal:
      return std::string(type.global.is_mutable ? "global mut " : "global ") +
             std::string(ValTypeName(type.global.type));
  }
  return "unknown";
}

}  // namespace guardc
