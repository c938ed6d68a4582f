#include "tests/fuzz/validity/plan.h"

#include <algorithm>

namespace guardc::validity {
namespace {

constexpr uint64_t kPages32 = uint64_t{1} << 16;
constexpr uint64_t kPages64 = uint64_t{1} << 48;

ValType DrawType(Rng& rng) {
  // Numbers twice as often as vectors and references.
  return kAllTypes[rng.OneIn(3) ? rng.Below(std::size(kAllTypes)) : rng.Below(4)];
}

std::vector<ValType> DrawTypes(Rng& rng, uint32_t most) {
  std::vector<ValType> types(rng.Small(most));
  for (ValType& type : types) type = DrawType(rng);
  return types;
}

TableType DrawTable(Rng& rng) {
  TableType table{.element = rng.Percent(65) ? ValType::kFuncRef : ValType::kExternRef, .limits = {}};
  table.limits.min = rng.Small(20);
  if (rng.OneIn(2)) table.limits.max = rng.OneIn(8) ? UINT32_MAX : table.limits.min + rng.Small(1000);
  return table;
}

MemoryType DrawMemory(Rng& rng) {
  MemoryType memory;
  Limits& limits = memory.limits;
  limits.is_64 = rng.Percent(30);
  limits.is_shared = rng.Percent(15);
  const uint64_t most = limits.is_64 ? kPages64 : kPages32;
  limits.min = rng.OneIn(10) ? most : rng.Small(40);
  if (limits.is_shared || rng.OneIn(2)) limits.max = rng.OneIn(5) ? most : std::min(most, limits.min + rng.Small(1000));
  return memory;
}

void DrawElems(Rng& rng, Plan& plan) {
  plan.elems.resize(rng.Small(4));
  for (ElemPlan& elem : plan.elems) {
    elem.flags = rng.Below(8);
    const bool active = (elem.flags & 1) == 0;
    const bool is_explicit = (elem.flags & 2) != 0;
    const bool expressions = (elem.flags & 4) != 0;
    if (active) {
      // A table of the right type for this form, else a passive segment.
      std::vector<uint32_t> tables;
      for (uint32_t i = 0; i < plan.tables.size(); ++i) {
        if (!is_explicit && i > 0) break;
        if (plan.tables[i].element == ValType::kFuncRef || (is_explicit && expressions)) tables.push_back(i);
      }
      if (tables.empty()) {
        elem.flags |= 1;
      } else {
        elem.table = rng.Pick(tables);
        elem.type = plan.tables[elem.table].element;
      }
    }
    if ((elem.flags & 1) != 0 && expressions && rng.OneIn(3)) elem.type = ValType::kExternRef;
    std::vector<uint32_t> globals;
    for (uint32_t i = 0; i < plan.imported_globals; ++i) {
      if (!plan.globals[i].is_mutable && plan.globals[i].type == elem.type) globals.push_back(i);
    }
    for (uint32_t left = rng.Small(6); left > 0; --left) {
      const bool can_func = elem.type == ValType::kFuncRef && !plan.funcs.empty();
      if (!expressions && !can_func) break;
      ElemItem& item = elem.items.emplace_back();
      if (!expressions || (can_func && rng.OneIn(2))) {
        item = {ElemItem::Kind::kFunc, rng.Below(plan.funcs.size())};
        plan.declared.push_back(item.index);
      } else if (!globals.empty() && rng.OneIn(2)) {
        item = {ElemItem::Kind::kGlobal, rng.Pick(globals)};
      }
    }
  }
}

void DrawDatas(Rng& rng, Plan& plan) {
  plan.datas.resize(rng.Small(4));
  for (DataPlan& data : plan.datas) {
    data.flags = rng.Below(3);
    if (data.flags != 1 && plan.memories.empty()) data.flags = 1;
    if (data.flags == 2) data.memory = rng.Below(plan.memories.size());
    data.size = rng.Small(8);
  }
  plan.has_data_count = rng.Percent(70);
}

void DrawExports(Rng& rng, Plan& plan) {
  for (uint32_t left = rng.Small(5); left > 0; --left) {
    const ExternKind kind = static_cast<ExternKind>(rng.Below(4));
    const size_t count = kind == ExternKind::kFunc     ? plan.funcs.size()
                         : kind == ExternKind::kTable  ? plan.tables.size()
                         : kind == ExternKind::kMemory ? plan.memories.size()
                                                       : plan.globals.size();
    if (count == 0) continue;
    const uint32_t index = rng.Below(count);
    plan.exports.push_back({std::string(1, static_cast<char>('a' + left)), kind, index});
    if (kind == ExternKind::kFunc) plan.declared.push_back(index);
  }
}

}  // namespace

Plan DrawPlan(Rng& rng) {
  Plan plan;
  if (rng.OneIn(2)) plan.types.emplace_back();
  const uint32_t most = rng.OneIn(10) ? 20 : 4;
  // From time to time many, whose indices take two bytes.
  for (uint32_t left = 1 + (rng.OneIn(60) ? 150 : rng.Small(6)); left > 0; --left) {
    FuncType& type = plan.types.emplace_back(DrawTypes(rng, most), DrawTypes(rng, rng.OneIn(10) ? 12 : 3));
    if (rng.OneIn(4)) {  // as many results: an `if` without `else` is nearly right
      type.results = type.params;
      if (!type.results.empty() && rng.OneIn(2)) rng.Pick(type.results) = DrawType(rng);
    }
  }
  const auto draw = [&](ExternKind kind) {
    switch (kind) {
      case ExternKind::kFunc:
        plan.funcs.push_back(rng.Below(plan.types.size()));
        break;
      case ExternKind::kTable:
        plan.tables.push_back(DrawTable(rng));
        break;
      case ExternKind::kMemory:
        plan.memories.push_back(DrawMemory(rng));
        break;
      case ExternKind::kGlobal:
        plan.globals.push_back({DrawType(rng), rng.OneIn(2)});
        break;
    }
  };
  for (uint32_t left = rng.Small(6); left > 0; --left) {
    plan.imports.push_back(static_cast<ExternKind>(rng.Below(4)));
    draw(plan.imports.back());
  }
  plan.imported_funcs = static_cast<uint32_t>(plan.funcs.size());
  plan.imported_tables = static_cast<uint32_t>(plan.tables.size());
  plan.imported_memories = static_cast<uint32_t>(plan.memories.size());
  plan.imported_globals = static_cast<uint32_t>(plan.globals.size());
  for (uint32_t left = rng.OneIn(10) ? 0 : 1 + rng.Small(4); left > 0; --left) draw(ExternKind::kFunc);
  for (uint32_t left = rng.Small(3); left > 0; --left) draw(ExternKind::kTable);
  for (uint32_t left = rng.OneIn(6) ? 0 : 1 + rng.Small(2); left > 0; --left) draw(ExternKind::kMemory);
  for (uint32_t left = rng.OneIn(60) ? 150 : rng.Small(6); left > 0; --left) draw(ExternKind::kGlobal);
  DrawElems(rng, plan);
  DrawDatas(rng, plan);
  DrawExports(rng, plan);
  for (uint32_t i = 0; i < plan.funcs.size() && !plan.start; ++i) {
    if (plan.TypeOf(i) == FuncType() && rng.OneIn(3)) plan.start = i;
  }
  return plan;
}

}  // namespace guardc::validity
