// What a generated module declares. All of it is valid; faults come in when it is written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "guardc/types.h"
#include "tests/fuzz/validity/random.h"

namespace guardc::validity {

struct ElemItem {
  enum class Kind : uint8_t { kFunc, kNull, kGlobal } kind = Kind::kNull;
  uint32_t index = 0;
};

struct ElemPlan {
  uint32_t flags = 0;  // of the binary format
  ValType type = ValType::kFuncRef;
  uint32_t table = 0;
  std::vector<ElemItem> items;
};

struct DataPlan {
  uint32_t flags = 0;
  uint32_t memory = 0;
  uint32_t size = 0;
};

struct ExportPlan {
  std::string name;
  ExternKind kind = ExternKind::kFunc;
  uint32_t index = 0;
};

// Index spaces with imports first.
struct Plan {
  std::vector<FuncType> types;
  std::vector<ExternKind> imports;
  uint32_t imported_funcs = 0, imported_tables = 0, imported_memories = 0, imported_globals = 0;
  std::vector<uint32_t> funcs;  // type indices
  std::vector<TableType> tables;
  std::vector<MemoryType> memories;
  std::vector<GlobalType> globals;
  std::vector<ElemPlan> elems;
  std::vector<DataPlan> datas;
  std::vector<ExportPlan> exports;
  std::optional<uint32_t> start;
  bool has_data_count = false;
  // Functions that ref.func may name in code; grows while globals are written.
  std::vector<uint32_t> declared;
  uint32_t visible_globals = 0;  // those that constant expressions may name; grows while globals are written

  const FuncType& TypeOf(uint32_t func) const { return types[funcs[func]]; }
};

inline constexpr ValType kAllTypes[] = {ValType::kI32,  ValType::kI64,     ValType::kF32,      ValType::kF64,
                                        ValType::kV128, ValType::kFuncRef, ValType::kExternRef};

Plan DrawPlan(Rng& rng);

}  // namespace guardc::validity
