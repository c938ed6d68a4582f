// Sections, in order or not.
#include <algorithm>
#include <array>

#include "tests/fuzz/validity/generate.h"

namespace guardc::validity {
namespace {

enum Section : uint8_t {
  kCustom = 0,
  kType = 1,
  kImport = 2,
  kFunction = 3,
  kTable = 4,
  kMemory = 5,
  kGlobal = 6,
  kExport = 7,
  kStart = 8,
  kElement = 9,
  kCode = 10,
  kData = 11,
  kDataCount = 12,
  kTag = 13,
};

class ModuleWriter {
 public:
  ModuleWriter(Rng& rng, Faults& faults)
      : rng_(rng), faults_(faults), plan_(DrawPlan(rng)), out_(rng, faults_, rng.OneIn(4) ? rng.Below(60) : 0) {}

  Bytes Write() {
    Header();
    Put(kType, plan_.types.size(), [&](size_t i) { WriteType(plan_.types[i]); });
    Put(kImport, plan_.imports.size(), [&](size_t i) { WriteImport(plan_.imports[i]); });
    Put(kFunction, plan_.funcs.size() - plan_.imported_funcs,
        [&](size_t i) { out_.U32(Index(plan_.funcs[plan_.imported_funcs + i], plan_.types.size())); });
    Put(kTable, plan_.tables.size() - plan_.imported_tables,
        [&](size_t i) { WriteTable(plan_.tables[plan_.imported_tables + i]); });
    Put(kMemory, plan_.memories.size() - plan_.imported_memories,
        [&](size_t i) { WriteLimits(plan_.memories[plan_.imported_memories + i].limits); });
    if (faults_.At(Fault::kSection)) Put(kTag, rng_.Small(2), [&](size_t) { out_.Raw(0); }, true);
    plan_.visible_globals = plan_.imported_globals;
    Put(kGlobal, plan_.globals.size() - plan_.imported_globals, [&](size_t i) {
      const GlobalType& global = plan_.globals[plan_.imported_globals + i];
      WriteGlobalType(global);
      WriteConstExpr(gen_, global.type);
      ++plan_.visible_globals;
    });
    Put(kExport, plan_.exports.size(), [&](size_t i) { WriteExport(i); });
    if (plan_.start || faults_.At(Fault::kSection)) {
      One(kStart, [&] { out_.U32(Index(plan_.start.value_or(0), plan_.funcs.size())); });
    }
    Put(kElement, plan_.elems.size(), [&](size_t i) { WriteElem(plan_.elems[i]); });
    if (plan_.has_data_count != faults_.At(Fault::kSection)) {
      One(kDataCount, [&] { out_.Count(static_cast<uint32_t>(plan_.datas.size())); });
    }
    Put(kCode, plan_.funcs.size() - plan_.imported_funcs,
        [&](size_t i) { WriteBody(gen_, plan_.imported_funcs + static_cast<uint32_t>(i)); });
    Put(kData, plan_.datas.size(), [&](size_t i) { WriteData(plan_.datas[i]); });
    if (faults_.At(Fault::kSection)) out_.Raw(static_cast<uint8_t>(rng_.Below(16)));
    return std::move(out_.bytes());
  }

 private:
  void Header() {
    const auto begin = std::to_array<uint8_t>({0, 'a', 's', 'm', 1, 0, 0, 0});
    out_.Raw(begin);
    if (faults_.At(Fault::kSection)) out_.bytes()[rng_.Below(begin.size())] ^= 1u << rng_.Below(8);
  }

  uint32_t Index(uint32_t index, size_t count) {
    if (!faults_.At(Fault::kImmediate)) return index;
    return rng_.OneIn(2) ? static_cast<uint32_t>(count) + rng_.Small(3)
                         : rng_.Below(uint64_t{1} << rng_.Between(1, 32));
  }

  // A section that is a vector; left out when that is empty, mostly.
  template <class Write>
  void Put(uint8_t id, size_t count, Write write, bool even_if_empty = false) {
    const bool fault = faults_.At(Fault::kSection);
    if (count == 0 && !even_if_empty && !fault && !rng_.OneIn(12)) return Custom();
    if (fault && rng_.OneIn(4)) return;  // left out
    One(id, [&] {
      out_.Count(static_cast<uint32_t>(count));
      for (size_t i = 0; i < count; ++i) write(i);
      if (fault && rng_.OneIn(8)) out_.Raw(0);
    });
    if (fault) Disorder();
  }

  template <class Write>
  void One(uint8_t id, Write write) {
    Custom();
    starts_.push_back(out_.bytes().size());
    out_.Byte(id);
    const size_t open = out_.Open();
    write();
    out_.Close(open);
  }

  // After the section that was just written.
  void Disorder() {
    Bytes& bytes = out_.bytes();
    const auto at = [&](size_t offset) { return bytes.begin() + static_cast<ptrdiff_t>(offset); };
    switch (rng_.Below(5)) {
      case 0:  // twice
        out_.Raw(Bytes(at(starts_.back()), bytes.end()));
        break;
      case 1:  // before the one before
        if (starts_.size() > 1) std::rotate(at(starts_[starts_.size() - 2]), at(starts_.back()), bytes.end());
        break;
      case 2:  // another that is empty
        out_.Raw(static_cast<uint8_t>(rng_.Below(16)));
        out_.Raw(0);
        break;
      case 3:  // another that has no entries
        out_.Raw(static_cast<uint8_t>(rng_.Below(16)));
        out_.Raw(1);
        out_.Raw(0);
        break;
      default:  // another id
        bytes[starts_.back()] = static_cast<uint8_t>(rng_.Next() >> rng_.Between(56, 60));
        break;
    }
  }

  void Custom() {
    if (!rng_.OneIn(16)) return;
    static constexpr std::string_view kNames[] = {
        "",           "name",     "producers", "dylink.0",        "linking",
        "reloc.CODE", "\xc3\xa4", "x",         "target_features", "metadata.code.branch_hint"};
    out_.Byte(kCustom);
    const size_t open = out_.Open();
    std::string name(rng_.Pick(kNames));
    if (faults_.At(Fault::kByte)) name += static_cast<char>(0x80 + rng_.Below(128));
    out_.Name(name);
    for (uint32_t left = rng_.Small(12); left > 0; --left) out_.Raw(static_cast<uint8_t>(rng_.Next() >> 60));
    out_.Close(open);
  }

  void WriteTypes(const std::vector<ValType>& types) {
    out_.Count(static_cast<uint32_t>(types.size()));
    for (const ValType type : types) out_.Type(type);
  }
  void WriteType(const FuncType& type) {
    out_.Byte(0x60);
    WriteTypes(type.params);
    WriteTypes(type.results);
  }

  void WriteLimits(const Limits& limits) {
    const bool fault = faults_.At(Fault::kImmediate);
    const uint64_t most = limits.is_64 ? uint64_t{1} << 48 : uint64_t{1} << 16;
    uint64_t min = limits.min;
    uint64_t max = limits.max.value_or(0);
    if (fault) {
      switch (rng_.Below(4)) {
        case 0:
          min = max + 1;
          break;
        case 1:
          min = most + rng_.Below(2);
          break;
        case 2:
          max = most + rng_.Below(3);
          break;
        default:
          max = UINT64_MAX >> rng_.Below(64);
          break;
      }
    }
    out_.Byte(static_cast<uint8_t>((limits.max ? 1 : 0) | (limits.is_shared ? 2 : 0) | (limits.is_64 ? 4 : 0)));
    const auto write = [&](uint64_t value) { limits.is_64 ? out_.U64(value) : out_.U32(static_cast<uint32_t>(value)); };
    write(min);
    if (limits.max) write(max);
  }
  void WriteTable(const TableType& table) {
    out_.Type(table.element);
    WriteLimits(table.limits);
  }
  void WriteGlobalType(const GlobalType& global) {
    out_.Type(global.type);
    out_.Byte(global.is_mutable ? 1 : 0);
  }

  void WriteImport(ExternKind kind) {
    out_.Name(rng_.OneIn(3) ? "" : "m");
    out_.Name("f");
    out_.Byte(static_cast<uint8_t>(kind));
    const uint32_t i = next_import_[static_cast<size_t>(kind)]++;
    switch (kind) {
      case ExternKind::kFunc:
        return out_.U32(Index(plan_.funcs[i], plan_.types.size()));
      case ExternKind::kTable:
        return WriteTable(plan_.tables[i]);
      case ExternKind::kMemory:
        return WriteLimits(plan_.memories[i].limits);
      case ExternKind::kGlobal:
        return WriteGlobalType(plan_.globals[i]);
    }
  }

  void WriteExport(size_t i) {
    const ExportPlan& item = plan_.exports[i];
    out_.Name(i > 0 && faults_.At(Fault::kImmediate) ? plan_.exports[i - 1].name : item.name);
    out_.Byte(static_cast<uint8_t>(item.kind));
    const size_t count = item.kind == ExternKind::kFunc ? plan_.funcs.size() : plan_.memories.size();
    out_.U32(Index(item.index, count));
  }

  void WriteElem(const ElemPlan& elem) {
    const bool expressions = (elem.flags & 4) != 0;
    // A LEB128 that mostly is one byte.
    rng_.OneIn(4) ? out_.Byte(static_cast<uint8_t>(elem.flags)) : out_.U32(elem.flags);
    if ((elem.flags & 1) == 0) {
      if ((elem.flags & 2) != 0) out_.U32(Index(elem.table, plan_.tables.size()));
      WriteConstExpr(gen_, ValType::kI32);
    }
    if ((elem.flags & 3) != 0) expressions ? out_.Type(elem.type) : out_.Byte(0);
    out_.Count(static_cast<uint32_t>(elem.items.size()));
    for (const ElemItem& item : elem.items) {
      if (!expressions) {
        out_.U32(Index(item.index, plan_.funcs.size()));
      } else if (faults_.At(Fault::kOperand) || (rng_.OneIn(4) && faults_.At(Fault::kConstExpr))) {
        WriteConstExpr(gen_, rng_.Pick(kAllTypes));
      } else {
        WriteItem(item, elem.type);
      }
    }
  }
  void WriteItem(const ElemItem& item, ValType type) {
    switch (item.kind) {
      case ElemItem::Kind::kFunc:
        out_.Byte(0xd2);
        out_.U32(Index(item.index, plan_.funcs.size()));
        break;
      case ElemItem::Kind::kNull:
        out_.Byte(0xd0);
        out_.Type(type);
        break;
      case ElemItem::Kind::kGlobal:
        out_.Byte(0x23);
        out_.U32(Index(item.index, plan_.globals.size()));
        break;
    }
    out_.Byte(0x0b);
  }

  void WriteData(const DataPlan& data) {
    rng_.OneIn(2) ? out_.Byte(static_cast<uint8_t>(data.flags)) : out_.U32(data.flags);
    if (data.flags == 2) out_.U32(Index(data.memory, plan_.memories.size()));
    if (data.flags != 1) {
      WriteConstExpr(gen_, plan_.memories[data.memory].limits.is_64 ? ValType::kI64 : ValType::kI32);
    }
    out_.Count(data.size);
    for (uint32_t i = 0; i < data.size; ++i) out_.Raw(static_cast<uint8_t>(i));
  }

  Rng& rng_;
  Faults& faults_;
  Plan plan_;
  Writer out_;
  Generator gen_{plan_, rng_, faults_, out_};
  std::vector<size_t> starts_;
  uint32_t next_import_[4] = {};
};

}  // namespace

Bytes GenerateValid(Rng& rng) {
  Faults none;
  return ModuleWriter(rng, none).Write();
}

Bytes GenerateFaulty(Rng& rng) {
  // Types of operands are checked at most places; so they are wrong more often.
  static constexpr Fault kFaults[] = {
      Fault::kOperand,   Fault::kOperand,   Fault::kOperand,   Fault::kOperand, Fault::kControl,
      Fault::kImmediate, Fault::kImmediate, Fault::kByte,      Fault::kByte,    Fault::kNumber,
      Fault::kCount,     Fault::kCount,     Fault::kConstExpr, Fault::kSection,
  };
  const Fault fault = rng.Pick(kFaults);
  Faults counting = Faults::Counting(fault);
  Rng same = rng;
  Bytes valid = ModuleWriter(same, counting).Write();
  if (counting.count() == 0) return valid;
  const uint32_t place = same.Below(counting.count());
  Faults faults(fault, place, same.OneIn(8));
  return ModuleWriter(rng, faults).Write();
}

}  // namespace guardc::validity
