#include "compiler/codegen/module_facts.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "artifact/abi.h"
#include "base/format.h"
#include "compiler/codegen/inline_table.h"
#include "compiler/lower/static_table.h"

namespace guardc::compiler {
namespace {

std::string EntrySymbol(uint32_t canonical_type) { return Format("guardc.entry.{}", canonical_type); }
std::string ThunkSymbol(uint32_t canonical_type) { return Format("guardc.thunk.{}", canonical_type); }
constexpr const char kInitSymbol[] = "guardc.init";

abi::LimitsRecord ToRecord(const Limits& limits) {
  abi::LimitsRecord record{};
  record.min = limits.min;
  record.max = limits.max.value_or(0);
  if (limits.max) record.flags |= abi::LimitsRecord::kHasMax;
  if (limits.is_64) record.flags |= abi::LimitsRecord::kIs64;
  if (limits.is_shared) record.flags |= abi::LimitsRecord::kIsShared;
  return record;
}

class FactsBuilder {
 public:
  FactsBuilder(const Module& module, const ContextLayout& layout, const LowerOptions& options, const MemoryImage& image,
               const std::unordered_set<std::string>& live)
      : module_(module), layout_(layout), options_(options), image_(image), live_(live) {}

  Result<ModuleFacts> Build() {
    facts_.bytes.resize(sizeof(abi::ArtifactHeader));
    abi::ArtifactHeader header = Header();
    header.types = Types();
    header.imports = Imports();
    header.exports = Exports();
    header.funcrefs = FuncRefs();
    header.tables = Tables();
    header.memories = Memories();
    header.globals = Globals();
    header.data_sizes = DataSizes();
    ElemSegments(header);
    header.image_ranges = List(image_.ranges);
    header.functions = Functions();
    header.module_name = Text(module_.name);
    Align(8);
    if (facts_.bytes.size() > INT32_MAX) {
      return Fail(ErrorKind::kLimit,
                  Format("the module's facts have {} bytes, the limit is 2 GiB (names, mostly)", facts_.bytes.size()));
    }
    header.total_size = static_cast<uint32_t>(facts_.bytes.size());
    Put(0, header);
    RefIfLive(offsetof(abi::ArtifactHeader, init), kInitSymbol);
    Ref(offsetof(abi::ArtifactHeader, inlines_begin), kInlineTableBegin);
    Ref(offsetof(abi::ArtifactHeader, inlines_end), kInlineTableEnd);
    if (!image_.bytes.empty()) Ref(offsetof(abi::ArtifactHeader, image), kImageSymbol);
    std::ranges::sort(facts_.references, {}, &FactsReference::position);
    return std::move(facts_);
  }

 private:
  abi::ArtifactHeader Header() const {
    abi::ArtifactHeader header{};
    std::memcpy(header.magic, abi::kMagic, sizeof(header.magic));
    header.abi_version = abi::kAbiVersion;
    header.header_size = sizeof(abi::ArtifactHeader);
    header.flags = (options_.strict_traps ? abi::ArtifactHeader::kStrictTraps : 0) |
                   (options_.bounds_checks ? abi::ArtifactHeader::kBoundsChecks : 0);
    header.context_size = layout_.context_size;
    header.ctx_type_ids = layout_.type_ids;
    header.ctx_funcrefs = layout_.funcrefs;
    header.ctx_imported_tables = layout_.imported_tables;
    header.ctx_tables = layout_.tables;
    header.ctx_imported_memories = layout_.imported_memories;
    header.ctx_memories = layout_.memories;
    header.ctx_imported_globals = layout_.imported_globals;
    header.ctx_globals = layout_.globals;
    header.ctx_data_sizes = layout_.data_sizes;
    header.ctx_elem_segments = layout_.elem_segments;
    header.image_size = static_cast<uint32_t>(image_.bytes.size());
    return header;
  }

  abi::ListRef Types() {
    std::vector<abi::TypeRecord> records;
    for (const FuncType& type : module_.types) {
      std::vector<uint8_t> bytes;
      for (const ValType v : type.params) bytes.push_back(static_cast<uint8_t>(v));
      for (const ValType v : type.results) bytes.push_back(static_cast<uint8_t>(v));
      records.push_back({.val_types = Bytes(bytes.data(), bytes.size()),
                         .param_count = static_cast<uint32_t>(type.params.size()),
                         .result_count = static_cast<uint32_t>(type.results.size()),
                         .entry = 0,
                         .host_thunk = 0});
    }
    const abi::ListRef list = List(records);
    for (uint32_t i = 0; i < records.size(); ++i) {
      const uint32_t at = list.offset + i * sizeof(abi::TypeRecord);
      RefIfLive(at + offsetof(abi::TypeRecord, entry), EntrySymbol(layout_.canonical_type[i]));
      RefIfLive(at + offsetof(abi::TypeRecord, host_thunk), ThunkSymbol(layout_.canonical_type[i]));
    }
    return list;
  }

  abi::ListRef Imports() {
    std::vector<abi::ImportRecord> records;
    for (const Import& import : module_.imports) {
      abi::ImportRecord record{};
      record.module = Text(import.module);
      record.name = Text(import.name);
      record.kind = static_cast<uint32_t>(import.type.kind);
      switch (import.type.kind) {
        case ExternKind::kFunc:
          record.type = import.func_type;
          break;
        case ExternKind::kTable:
          record.type = static_cast<uint32_t>(import.type.table.element);
          record.limits = ToRecord(import.type.table.limits);
          break;
        case ExternKind::kMemory:
          record.limits = ToRecord(import.type.memory.limits);
          break;
        case ExternKind::kGlobal:
          record.type = static_cast<uint32_t>(import.type.global.type);
          record.is_mutable = import.type.global.is_mutable;
          break;
      }
      records.push_back(record);
    }
    return List(records);
  }

  abi::ListRef Exports() {
    std::vector<abi::ExportRecord> records;
    for (const Export& exported : module_.exports) {
      const bool is_func = exported.kind == ExternKind::kFunc;
      records.push_back({.name = Text(exported.name),
                         .kind = static_cast<uint32_t>(exported.kind),
                         .index = is_func ? layout_.funcref_slot.at(exported.index) : exported.index});
    }
    return List(records);
  }

  abi::ListRef FuncRefs() {
    std::vector<abi::FuncRefRecord> records;
    for (const uint32_t func : layout_.escaping_funcs) {
      records.push_back({.code = 0, .tail_code = 0, .type = module_.func_types[func], .function = func});
    }
    const abi::ListRef list = List(records);
    for (uint32_t i = 0; i < records.size(); ++i) {
      const uint32_t func = records[i].function;
      const size_t record = list.offset + i * sizeof(abi::FuncRefRecord);
      Ref(record + offsetof(abi::FuncRefRecord, code), FuncRefSymbol(module_, layout_, func));
      if (layout_.has_tail_calls) {
        Ref(record + offsetof(abi::FuncRefRecord, tail_code), FunctionSymbol(module_, func));
      }
    }
    return list;
  }

  abi::ListRef Tables() {
    std::vector<abi::TableRecord> records;
    for (uint32_t i = module_.num_imported_tables; i < module_.table_types.size(); ++i) {
      const TableType& type = module_.table_types[i];
      records.push_back({.element = static_cast<uint32_t>(type.element),
                         .flags = layout_.table_is_static[i] ? abi::TableRecord::kStatic : 0,
                         .limits = ToRecord(type.limits)});
    }
    return List(records);
  }

  abi::ListRef Memories() {
    std::vector<abi::MemoryRecord> records;
    for (uint32_t i = module_.num_imported_memories; i < module_.memory_types.size(); ++i) {
      const Limits& limits = module_.memory_types[i].limits;
      // No reservation can hold what a 64-bit index reaches: code always checks.
      const bool checked = options_.bounds_checks || limits.is_64;
      records.push_back(
          {.flags = checked ? abi::MemoryRecord::kBoundsChecked : 0, .reserved = 0, .limits = ToRecord(limits)});
    }
    return List(records);
  }

  abi::ListRef Globals() {
    std::vector<abi::GlobalRecord> records;
    for (const Global& global : module_.globals) {
      records.push_back({.type = static_cast<uint32_t>(global.type.type), .is_mutable = global.type.is_mutable});
    }
    return List(records);
  }

  abi::ListRef DataSizes() {
    std::vector<uint32_t> sizes;
    for (size_t i = 0; i < module_.data_segments.size(); ++i) {
      sizes.push_back(image_.in_image[i] ? 0 : static_cast<uint32_t>(module_.data_segments[i].bytes.size()));
    }
    return List(sizes);
  }

  void ElemSegments(abi::ArtifactHeader& header) {
    std::vector<abi::ElemSegmentRecord> segments;
    std::vector<uint32_t> items;
    for (uint32_t i = 0; i < module_.elem_segments.size(); ++i) {
      const ElemSegment& segment = module_.elem_segments[i];
      abi::ElemSegmentRecord record{.first_item = static_cast<uint32_t>(items.size()), .count = 0};
      if (segment.mode != SegmentMode::kDeclared && !ElemSegmentInStaticTable(module_, layout_, i)) {
        for (const ConstExpr& item : segment.items) items.push_back(Item(item.body.front()));
        record.count = static_cast<uint32_t>(segment.items.size());
      }
      segments.push_back(record);
    }
    header.elem_segments = List(segments);
    header.elem_items = List(items);
  }

  uint32_t Item(const Instr& instr) const {
    if (instr.op == Op::kRefFunc) return layout_.funcref_slot.at(static_cast<uint32_t>(instr.imm));
    if (instr.op == Op::kGlobalGet) return abi::ElemSegmentRecord::kGlobalItem | static_cast<uint32_t>(instr.imm);
    return abi::ElemSegmentRecord::kNullItem;
  }

  // As a backtrace shows them.
  std::vector<std::string> FunctionNames() const {
    std::vector<std::string> names = module_.func_names;
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i].empty()) names[i] = Format("func[{}]", i);
    }
    return names;
  }

  abi::ListRef Functions() {
    const std::vector<std::string> names = FunctionNames();
    std::vector<abi::FunctionRecord> records;
    for (size_t i = 0; i < module_.functions.size(); ++i) {
      const auto func = static_cast<uint32_t>(module_.num_imported_funcs + i);
      records.push_back(
          {.code = 0, .function = func, .name = Text(names[func]), .module_offset = module_.functions[i].body_offset});
    }
    const abi::ListRef list = List(records);
    for (uint32_t i = 0; i < records.size(); ++i) {
      RefIfLive(list.offset + i * sizeof(abi::FunctionRecord) + offsetof(abi::FunctionRecord, code),
                FunctionSymbol(module_, records[i].function));
    }
    return list;
  }

  void Align(size_t alignment) { facts_.bytes.resize((facts_.bytes.size() + alignment - 1) / alignment * alignment); }

  uint32_t Bytes(const void* data, size_t size) {
    const size_t at = facts_.bytes.size();
    const auto* bytes = static_cast<const uint8_t*>(data);
    facts_.bytes.insert(facts_.bytes.end(), bytes, bytes + size);
    return static_cast<uint32_t>(at);
  }

  abi::StringRef Text(std::string_view text) {
    return {.offset = Bytes(text.data(), text.size()), .size = static_cast<uint32_t>(text.size())};
  }

  template <class T>
  abi::ListRef List(const std::vector<T>& records) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (records.empty()) return {0, 0};
    Align(8);
    return {.offset = Bytes(records.data(), records.size() * sizeof(T)),
            .count = static_cast<uint32_t>(records.size())};
  }

  template <class T>
  void Put(size_t at, const T& value) {
    std::memcpy(facts_.bytes.data() + at, &value, sizeof(T));
  }

  void Ref(size_t position, std::string symbol) {
    facts_.references.push_back({static_cast<uint32_t>(position), std::move(symbol)});
  }
  void RefIfLive(size_t position, const std::string& symbol) {
    if (live_.contains(symbol)) Ref(position, symbol);
  }

  const Module& module_;
  const ContextLayout& layout_;
  const LowerOptions& options_;
  const MemoryImage& image_;
  const std::unordered_set<std::string>& live_;
  ModuleFacts facts_;
};

}  // namespace

std::vector<std::string> FactsRoots(const Module& module, const ContextLayout& layout) {
  std::vector<std::string> roots = {kInitSymbol};
  for (const uint32_t type : layout.canonical_type) {
    roots.push_back(EntrySymbol(type));
    roots.push_back(ThunkSymbol(type));
  }
  for (const uint32_t func : layout.escaping_funcs) roots.push_back(FuncRefSymbol(module, layout, func));
  return roots;
}

Result<ModuleFacts> BuildFacts(const Module& module, const ContextLayout& layout, const LowerOptions& options,
                               const MemoryImage& image, const std::unordered_set<std::string>& live) {
  return FactsBuilder(module, layout, options, image, live).Build();
}

}  // namespace guardc::compiler
