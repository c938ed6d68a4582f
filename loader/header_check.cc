// See header_check.h. The bytes are untrusted, like those of elf_check.cc: nothing is followed that was not checked.
#include "loader/header_check.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

namespace guardc::loader {

namespace {

using abi::ArtifactHeader;
using abi::ListRef;

#if defined(__aarch64__)
constexpr uint64_t kContextPage = 65536;
#else
constexpr uint64_t kContextPage = 4096;
#endif
constexpr uint64_t kImagePage = 4096;

bool IsValType(uint32_t value) {
  switch (static_cast<ValType>(value)) {
    case ValType::kI32:
    case ValType::kI64:
    case ValType::kF32:
    case ValType::kF64:
    case ValType::kV128:
    case ValType::kFuncRef:
    case ValType::kExternRef:
      return value <= 0xff;
  }
  return false;
}

bool IsRefType(uint32_t value) { return IsValType(value) && IsReference(static_cast<ValType>(value)); }

class HeaderChecker {
 public:
  HeaderChecker(std::span<const std::byte> file, const ElfFacts& elf, std::string_view name)
      : facts_bytes_(file.subspan(elf.rodata.file_offset, elf.rodata.size).subspan(elf.header - elf.rodata.address)),
        elf_(elf),
        name_(name) {}

  Result<HeaderFacts> Check() {
    GUARDC_CHECK(CheckHead());
    GUARDC_CHECK(CheckLists());
    GUARDC_CHECK(CheckTypes());
    GUARDC_CHECK(CheckImports());
    GUARDC_CHECK(CheckDefinitions());
    GUARDC_CHECK(CheckElements());
    GUARDC_CHECK(CheckImage());
    GUARDC_CHECK(CheckFunctions());
    GUARDC_CHECK(CheckInlineTable());
    GUARDC_CHECK(CheckContext());
    GUARDC_CHECK(CheckExports());
    return std::move(result_);
  }

 private:
  std::unexpected<Error> Bad(std::string_view what) const {
    return Fail(ErrorKind::kCorruptArtifact,
                std::string(name_) + ": in its header, " + std::string(what) + ": compile the module again");
  }

  template <class T>
  T At(const ListRef& list, uint32_t index) const {  // the list passed CheckList
    T value;
    std::memcpy(&value, facts_bytes_.data() + list.offset + uint64_t{index} * sizeof(T), sizeof(T));
    return value;
  }

  template <class T>
  Result<void> CheckList(const ListRef& list, const char* what) const {
    const uint64_t size = uint64_t{list.count} * sizeof(T);
    // The runtime reads the mapped lists in place: the address must suit the type.
    const bool ok = list.count == 0 || (list.offset <= header_.total_size && size <= header_.total_size - list.offset &&
                                        (elf_.header + list.offset) % alignof(T) == 0);
    if (!ok) return Bad(std::string("the list of ") + what + " is out of bounds");
    return {};
  }

  bool IsString(const abi::StringRef& ref) const {
    return ref.size == 0 || (ref.offset <= header_.total_size && ref.size <= header_.total_size - ref.offset);
  }

  Result<std::string> String(const abi::StringRef& ref, const char* what) {
    if (!IsString(ref)) return Bad(std::string(what) + " is out of bounds");
    if (ref.size == 0) return std::string();
    GUARDC_CHECK(Charge(ref.size));
    return std::string(reinterpret_cast<const char*>(facts_bytes_.data()) + ref.offset, ref.size);
  }

  // Records may name the same bytes again and again: what is copied is limited, so that a small file cannot ask for all
  // memory.
  Result<void> Charge(uint64_t bytes) {
    if (bytes > budget_) return Bad("names and types are too long");
    budget_ -= bytes;
    return {};
  }

  // A reference to code, from the header; 0 is none.
  bool IsCode(int32_t code) const {
    const uint64_t address = elf_.header + static_cast<uint64_t>(int64_t{code});
    return address >= elf_.text.address && address - elf_.text.address < elf_.text.size;
  }
  bool IsCodeOrNone(int32_t code) const { return code == 0 || IsCode(code); }

  bool IsLimits(const abi::LimitsRecord& limits, uint64_t most) const {
    using Record = abi::LimitsRecord;
    const bool has_max = (limits.flags & Record::kHasMax) != 0;
    return (limits.flags & ~(Record::kHasMax | Record::kIs64 | Record::kIsShared)) == 0 &&
           (!has_max || (limits.min <= limits.max && limits.max <= most)) && limits.min <= most;
  }
  bool IsTableLimits(const abi::LimitsRecord& limits) const {
    return IsLimits(limits, (limits.flags & abi::LimitsRecord::kIs64) != 0 ? UINT64_MAX : UINT32_MAX);
  }
  bool IsMemoryLimits(const abi::LimitsRecord& limits) const {
    return IsLimits(limits, (limits.flags & abi::LimitsRecord::kIs64) != 0 ? uint64_t{1} << 48 : 65536);
  }

  Result<void> CheckHead() {
    std::memcpy(&header_, facts_bytes_.data(), sizeof(header_));  // CheckElf saw to the size
    if (std::memcmp(header_.magic, abi::kMagic, sizeof(abi::kMagic)) != 0) return Bad("the magic bytes are wrong");
    if (header_.abi_version != abi::kAbiVersion) {
      return Fail(ErrorKind::kIncompatibleArtifact,
                  std::string(name_) + " has ABI version " + std::to_string(header_.abi_version) + ", expected " +
                      std::to_string(abi::kAbiVersion) + ": compile the module again with this version of guardc");
    }
    if (header_.header_size != sizeof(ArtifactHeader) || header_.total_size < sizeof(ArtifactHeader) ||
        header_.total_size > facts_bytes_.size() || elf_.header % alignof(ArtifactHeader) != 0) {
      return Bad("the sizes are out of bounds");
    }
    if ((header_.flags & ~(ArtifactHeader::kStrictTraps | ArtifactHeader::kBoundsChecks)) != 0)
      return Bad("the flags are unknown");
    if (!IsCodeOrNone(header_.init)) return Bad("the initialiser is not in the code");
    GUARDC_TRY(result_.name, String(header_.module_name, "the module's name"));
    return {};
  }

  Result<void> CheckLists() const {
    GUARDC_CHECK(CheckList<abi::TypeRecord>(header_.types, "types"));
    GUARDC_CHECK(CheckList<abi::ImportRecord>(header_.imports, "imports"));
    GUARDC_CHECK(CheckList<abi::ExportRecord>(header_.exports, "exports"));
    GUARDC_CHECK(CheckList<abi::FuncRefRecord>(header_.funcrefs, "function references"));
    GUARDC_CHECK(CheckList<abi::TableRecord>(header_.tables, "tables"));
    GUARDC_CHECK(CheckList<abi::MemoryRecord>(header_.memories, "memories"));
    GUARDC_CHECK(CheckList<abi::GlobalRecord>(header_.globals, "globals"));
    GUARDC_CHECK(CheckList<uint32_t>(header_.data_sizes, "data segments"));
    GUARDC_CHECK(CheckList<abi::ElemSegmentRecord>(header_.elem_segments, "element segments"));
    GUARDC_CHECK(CheckList<uint32_t>(header_.elem_items, "element items"));
    GUARDC_CHECK(CheckList<abi::ImageRange>(header_.image_ranges, "image ranges"));
    GUARDC_CHECK(CheckList<abi::FunctionRecord>(header_.functions, "functions"));
    return {};
  }

  Result<void> CheckTypes() {
    types_.reserve(header_.types.count);
    for (uint32_t i = 0; i < header_.types.count; ++i) {
      const auto record = At<abi::TypeRecord>(header_.types, i);
      const uint64_t count = uint64_t{record.param_count} + record.result_count;
      if (count != 0 && (record.val_types > header_.total_size || count > header_.total_size - record.val_types)) {
        return Bad("a type is out of bounds");
      }
      GUARDC_CHECK(Charge(count));
      if (!IsCodeOrNone(record.entry) || !IsCodeOrNone(record.host_thunk)) return Bad("an entry is not in the code");
      for (uint64_t j = 0; j < count; ++j) {
        if (!IsValType(static_cast<uint8_t>(facts_bytes_[record.val_types + j]))) {
          return Bad("a type has an unknown value type");
        }
      }
      const auto* values = reinterpret_cast<const ValType*>(facts_bytes_.data() + (count != 0 ? record.val_types : 0));
      types_.push_back({{values, values + record.param_count}, {values + record.param_count, values + count}});
    }
    return {};
  }

  static Limits ToLimits(const abi::LimitsRecord& record) {
    Limits limits{.min = record.min,
                  .is_64 = (record.flags & abi::LimitsRecord::kIs64) != 0,
                  .is_shared = (record.flags & abi::LimitsRecord::kIsShared) != 0};
    if ((record.flags & abi::LimitsRecord::kHasMax) != 0) limits.max = record.max;
    return limits;
  }

  // Fills the index spaces with the imports, which come first.
  Result<void> CheckImports() {
    for (uint32_t i = 0; i < header_.imports.count; ++i) {
      const auto record = At<abi::ImportRecord>(header_.imports, i);
      ImportType& import = result_.imports.emplace_back();
      GUARDC_TRY(import.module, String(record.module, "the module of an import"));
      GUARDC_TRY(import.name, String(record.name, "the name of an import"));
      // Before the cast, which would cut it to 8 bits.
      if (record.kind >= spaces_.size()) return Bad("an import's kind is unknown");
      bool ok = record.is_mutable <= 1;
      switch (static_cast<ExternKind>(record.kind)) {
        case ExternKind::kFunc:
          ok = ok && record.type < types_.size();
          if (ok) import.type = {.kind = ExternKind::kFunc, .func = types_[record.type]};
          break;
        case ExternKind::kTable:
          ok = ok && IsRefType(record.type) && IsTableLimits(record.limits);
          if (ok) {
            import.type = {.kind = ExternKind::kTable,
                           .table = {static_cast<ValType>(record.type), ToLimits(record.limits)}};
          }
          break;
        case ExternKind::kMemory:
          ok = ok && IsMemoryLimits(record.limits);
          import.type = {.kind = ExternKind::kMemory, .memory = {ToLimits(record.limits)}};
          break;
        case ExternKind::kGlobal:
          ok = ok && IsValType(record.type);
          if (ok) {
            import.type = {.kind = ExternKind::kGlobal,
                           .global = {static_cast<ValType>(record.type), record.is_mutable != 0}};
          }
          break;
      }
      if (!ok) return Bad("an import's type is malformed");
      spaces_[record.kind].push_back(import.type);
    }
    imported_funcs_ = spaces_[0].size();
    imported_tables_ = spaces_[1].size();
    imported_memories_ = spaces_[2].size();
    imported_globals_ = spaces_[3].size();
    return {};
  }

  Result<void> CheckDefinitions() {
    for (uint32_t i = 0; i < header_.funcrefs.count; ++i) {
      const auto record = At<abi::FuncRefRecord>(header_.funcrefs, i);
      if (!IsCode(record.code) || (record.tail_code != 0 && !IsCode(record.tail_code)) ||
          record.type >= types_.size()) {
        return Bad("a function reference is malformed");
      }
      spaces_[0].push_back({.kind = ExternKind::kFunc, .func = types_[record.type]});
    }
    for (uint32_t i = 0; i < header_.tables.count; ++i) {
      const auto record = At<abi::TableRecord>(header_.tables, i);
      if (!IsRefType(record.element) || !IsTableLimits(record.limits) ||
          (record.flags & ~abi::TableRecord::kStatic) != 0) {
        return Bad("a table is malformed");
      }
      spaces_[1].push_back(
          {.kind = ExternKind::kTable, .table = {static_cast<ValType>(record.element), ToLimits(record.limits)}});
    }
    for (uint32_t i = 0; i < header_.memories.count; ++i) {
      const auto record = At<abi::MemoryRecord>(header_.memories, i);
      if (!IsMemoryLimits(record.limits) || (record.flags & ~abi::MemoryRecord::kBoundsChecked) != 0) {
        return Bad("a memory is malformed");
      }
      // Without checks in the code, only the reservation of a 32-bit memory keeps the guest in.
      if ((record.flags & abi::MemoryRecord::kBoundsChecked) == 0 &&
          (record.limits.flags & abi::LimitsRecord::kIs64) != 0) {
        return Bad("a 64-bit memory is not bounds-checked");
      }
      spaces_[2].push_back({.kind = ExternKind::kMemory, .memory = {ToLimits(record.limits)}});
    }
    for (uint32_t i = 0; i < header_.globals.count; ++i) {
      const auto record = At<abi::GlobalRecord>(header_.globals, i);
      if (!IsValType(record.type) || record.is_mutable > 1) return Bad("a global is malformed");
      spaces_[3].push_back(
          {.kind = ExternKind::kGlobal, .global = {static_cast<ValType>(record.type), record.is_mutable != 0}});
    }
    return {};
  }

  Result<void> CheckElements() const {
    for (uint32_t i = 0; i < header_.elem_segments.count; ++i) {
      const auto record = At<abi::ElemSegmentRecord>(header_.elem_segments, i);
      if (record.count > header_.elem_items.count || record.first_item > header_.elem_items.count - record.count) {
        return Bad("an element segment is out of bounds");
      }
    }
    using Record = abi::ElemSegmentRecord;
    for (uint32_t i = 0; i < header_.elem_items.count; ++i) {
      const auto item = At<uint32_t>(header_.elem_items, i);
      if (item == Record::kNullItem) continue;
      const bool is_global = (item & Record::kGlobalItem) != 0;
      const uint32_t index = item & ~Record::kGlobalItem;
      const bool ok = is_global ? index < imported_globals_ && IsReference(spaces_[3][index].global.type)
                                : index < spaces_[0].size();
      if (!ok) return Bad("an element item is out of bounds");
    }
    return {};
  }

  Result<void> CheckImage() const {
    if (header_.image == 0) {
      if (header_.image_size != 0 || header_.image_ranges.count != 0) return Bad("the image is malformed");
      return {};
    }
    // Mapped from the file: whole pages of it, inside the segment that holds the header.
    const uint64_t address = elf_.header + static_cast<uint64_t>(int64_t{header_.image});
    const ElfRange& segment = elf_.rodata;
    if (address < segment.address || address - segment.address > segment.size ||
        header_.image_size > segment.size - (address - segment.address) ||
        (segment.file_offset + (address - segment.address)) % kImagePage != 0 || header_.image_size % kImagePage != 0) {
      return Bad("the image is out of bounds");
    }
    for (uint32_t i = 0; i < header_.image_ranges.count; ++i) {
      const auto range = At<abi::ImageRange>(header_.image_ranges, i);
      if (range.memory >= header_.memories.count || range.size > header_.image_size ||
          range.image_offset > header_.image_size - range.size ||
          (range.size | range.image_offset | range.memory_offset) % kImagePage != 0) {
        return Bad("an image range is out of bounds");
      }
      const uint64_t pages = At<abi::MemoryRecord>(header_.memories, range.memory).limits.min;
      const uint64_t size = pages * kWasmPageSize;  // at most 2^48 pages
      if (range.size > size || range.memory_offset > size - range.size) {
        return Bad("an image range is outside the memory");
      }
    }
    return {};
  }

  Result<void> CheckFunctions() const {
    for (uint32_t i = 0; i < header_.functions.count; ++i) {
      const auto record = At<abi::FunctionRecord>(header_.functions, i);
      if (!IsCodeOrNone(record.code)) return Bad("a function is not in the code");
      if (!IsString(record.name)) return Bad("the name of a function is out of bounds");
      if (i != 0 && At<abi::FunctionRecord>(header_.functions, i - 1).function >= record.function) {
        return Bad("the functions are not in order");
      }
    }
    return {};
  }

  Result<void> CheckInlineTable() const {
    const auto address = [&](int32_t offset) { return elf_.header + static_cast<uint64_t>(int64_t{offset}); };
    const uint64_t begin = address(header_.inlines_begin), end = address(header_.inlines_end);
    const ElfRange& segment = elf_.rodata;
    if (header_.inlines_begin > header_.inlines_end || begin < segment.address ||
        begin > segment.address + segment.size || end > segment.address + segment.size) {
      return Bad("the inline table is out of bounds");
    }
    return {};
  }

  // One variable part of the context: aligned, behind the fixed head, inside.
  bool IsInContext(uint64_t offset, uint64_t count, uint64_t size, uint64_t alignment) const {
    return count == 0 || (offset >= sizeof(abi::VmContext) && offset % alignment == 0 &&
                          offset <= header_.context_size && count * size <= header_.context_size - offset);
  }

  Result<void> CheckContext() const {
    if (header_.context_size < sizeof(abi::VmContext) || header_.context_size % kContextPage != 0) {
      return Bad("the context's size is malformed");
    }
    struct Part {
      uint64_t offset, count, size, alignment;
    };
    const Part parts[] = {
        {header_.ctx_type_ids, header_.types.count, 4, 4},
        {header_.ctx_funcrefs, spaces_[0].size(), sizeof(abi::VmFuncRef), 8},
        {header_.ctx_imported_tables, imported_tables_, 8, 8},
        {header_.ctx_tables, header_.tables.count, sizeof(abi::VmTable), 8},
        {header_.ctx_imported_memories, imported_memories_, 8, 8},
        {header_.ctx_memories, header_.memories.count, sizeof(abi::VmMemory), 8},
        {header_.ctx_imported_globals, imported_globals_, 8, 8},
        {header_.ctx_globals, header_.globals.count, sizeof(abi::Value), 16},
        {header_.ctx_data_sizes, header_.data_sizes.count, 4, 4},
        {header_.ctx_elem_segments, header_.elem_segments.count, sizeof(abi::VmElemSegment), 8},
    };
    std::vector<std::pair<uint64_t, uint64_t>> used;
    for (const Part& part : parts) {
      if (!IsInContext(part.offset, part.count, part.size, part.alignment)) {
        return Bad("the context's layout is out of bounds");
      }
      if (part.count != 0) used.emplace_back(part.offset, part.offset + part.count * part.size);
    }
    std::sort(used.begin(), used.end());
    for (size_t i = 1; i < used.size(); ++i) {
      if (used[i].first < used[i - 1].second) return Bad("parts of the context overlap");
    }
    return {};
  }

  Result<void> CheckExports() {
    for (uint32_t i = 0; i < header_.exports.count; ++i) {
      const auto record = At<abi::ExportRecord>(header_.exports, i);
      ExportType& item = result_.exports.emplace_back();
      GUARDC_TRY(item.name, String(record.name, "the name of an export"));
      if (record.kind >= spaces_.size() || record.index >= spaces_[record.kind].size()) {
        return Bad("an export is out of bounds");
      }
      item.type = spaces_[record.kind][record.index];
    }
    return {};
  }

  std::span<const std::byte> facts_bytes_;  // from the header to the end of its segment
  const ElfFacts& elf_;
  std::string_view name_;
  uint64_t budget_ = uint64_t{64} << 20;  // bytes
  ArtifactHeader header_;
  std::vector<FuncType> types_;
  // By ExternKind: imports, then definitions. Functions: those with a slot.
  std::array<std::vector<ExternType>, 4> spaces_;
  size_t imported_funcs_ = 0, imported_tables_ = 0, imported_memories_ = 0, imported_globals_ = 0;
  HeaderFacts result_;
};

}  // namespace

Result<HeaderFacts> CheckHeader(std::span<const std::byte> file, const ElfFacts& elf, std::string_view name) {
  return HeaderChecker(file, elf, name).Check();
}

}  // namespace guardc::loader
