// The part of ModuleBuilder that takes sections and declarations.
#include <algorithm>

#include "base/format.h"
#include "compiler/frontend/byte_cursor.h"
#include "compiler/frontend/element_section.h"
#include "compiler/frontend/later_proposals.h"
#include "compiler/frontend/module_builder.h"
#include "compiler/frontend/read_limits.h"
#include "compiler/frontend/wabt_glue.h"

namespace guardc::compiler {
ModuleBuilder::ModuleBuilder(std::span<const uint8_t> wasm, const ScannedModule& scan, const FeatureSet& features,
                             FirstValidator first)
    : wasm_(wasm),
      scan_(scan),
      features_(features),
      validator_(WabtFeatures(features), first == FirstValidator::kWabt) {}

wabt::Features ModuleBuilder::WabtFeatures(const FeatureSet& features) {
  wabt::Features wabt_features;  // 2.0 by default
  wabt_features.set_tail_call_enabled(features.tail_call);
  wabt_features.set_extended_const_enabled(features.extended_const);
  wabt_features.set_multi_memory_enabled(features.multi_memory);
  wabt_features.set_memory64_enabled(features.memory64);
  wabt_features.set_relaxed_simd_enabled(features.relaxed_simd);
  wabt_features.set_threads_enabled(features.threads);
  wabt_features.enable_exceptions();  // read, so that they can be refused by name
  return wabt_features;
}

Result<Module> ModuleBuilder::Finish(bool reader_succeeded) {
  if (error_) return std::unexpected(std::move(*error_));
  if (!validator_.errors().empty()) return FirstError(validator_.errors(), At());
  if (!reader_succeeded) return InvalidAt(At(), "malformed");
  return std::move(module_);
}

bool ModuleBuilder::OnError(const wabt::Error& error) {
  // A callback that fails makes the reader report that it failed: what it said itself came first.
  if (!error_ && !validator_.errors().empty()) error_ = FirstError(validator_.errors(), item_start_).error();
  if (error_ || error.error_level != wabt::ErrorLevel::Error) return true;
  // wabt reads the offset of every access as the first memory's.
  const auto is_64 = [](const MemoryType& memory) { return memory.limits.is_64; };
  if (error.message.starts_with("unable to read u32 leb128") && error.message.ends_with("offset") &&
      std::ranges::any_of(module_.memory_types, is_64) && !is_64(module_.memory_types[0])) {
    error_ = FailAt(ErrorKind::kUnsupported, item_start_,
                    "an offset above 4 GiB in a 64-bit memory that stands behind a 32-bit one is not supported")
                 .error();
    return true;
  }
  const std::string_view proposal = ProposalBehind(error.message, wasm_, At(), item_start_);
  if (!proposal.empty()) {
    const bool in_code = error.message.starts_with("unexpected opcode");
    error_ = FailAt(ErrorKind::kUnsupported, in_code ? item_start_ : At(),
                    Format("{}: the proposal is not supported ({})", proposal, error.message))
                 .error();
    return true;
  }
  error_ = InvalidAt(At(), error.message).error();
  return true;
}

wabt::Result ModuleBuilder::Refuse(std::unexpected<Error> error) {
  if (!error_) error_ = std::move(error).error();
  return kError;
}

wabt::Result ModuleBuilder::RefuseExceptions() {
  return Refuse(FailAt(ErrorKind::kUnsupported, item_start_,
                       "exception handling (tags, try, throw) is not supported; build the guard without exceptions"));
}

size_t ModuleBuilder::ImportedType() const {
  ByteCursor import(wasm_, item_start_, At());
  import.Name();
  import.Name();
  import.U8();  // kind
  return import.offset();
}

// wabt reads types as numbers, and so takes what is padded; every type is one byte (5.3.1). What stands before it ends
// in a byte without a continuation bit.
wabt::Result ModuleBuilder::CheckTypeByte(size_t at) {
  if (at > 0 && (wasm_[at] & 0x80) == 0 && (wasm_[at - 1] & 0x80) == 0) return kOk;
  return Refuse(InvalidAt(at, "malformed type: it takes more than one byte"));
}

wabt::Result ModuleBuilder::RefuseType(Type type) {
  const auto byte = static_cast<uint8_t>(static_cast<int>(static_cast<Type::Enum>(type)) & 0x7f);
  const std::string_view proposal = ProposalOfType(byte);
  if (proposal.empty()) return Invalid(Format("unknown value type {:#04x}", byte));
  return Refuse(FailAt(ErrorKind::kUnsupported, item_start_,
                       Format("{}: the proposal is not supported (value type {:#04x})", proposal, byte)));
}

wabt::Result ModuleBuilder::CheckLimit(uint64_t found, uint64_t limit, std::string_view what) {
  if (found <= limit) return kOk;
  return Refuse(FailAt(ErrorKind::kLimit, At(), Format("{} {}, the limit is {}", found, what, limit)));
}

wabt::Result ModuleBuilder::EndModule() {
  // wabt: a data count without a data section.
  if (data_count_ && *data_count_ != module_.data_segments.size()) {
    return Refuse(InvalidAt(At(), Format("the data count section says {} segments, the data section has {}",
                                         *data_count_, module_.data_segments.size())));
  }
  module_.func_names.resize(module_.func_types.size());
  for (const SectionRange& range : scan_.names) ReadNames(wasm_, range, module_);
  // Released guards are stripped, but still export what a backtrace should name.
  for (const Export& exported : module_.exports) {
    if (exported.kind != ExternKind::kFunc || exported.index >= module_.func_names.size()) continue;
    std::string& name = module_.func_names[exported.index];
    if (name.empty()) name = exported.name;
  }
  return Ask(&Validator::EndModule);
}

// The element section appears to wabt as an empty custom section.
wabt::Result ModuleBuilder::BeginCustomSection(Index, Offset size, std::string_view) {
  // wabt has read the section's empty name, one byte.
  const size_t begin = At() - 1;
  if (!scan_.elements || scan_.elements->begin != begin || size == 0) return kOk;
  auto read = ReadElementSection(wasm_, *scan_.elements, features_, validator_, module_);
  return read ? Status(kOk) : Refuse(std::unexpected(std::move(read).error()));
}

wabt::Result ModuleBuilder::OnTypeCount(Index count) {
  item_start_ = At();
  return CheckLimit(count, read_limits::kTypes, "types");
}

wabt::Result ModuleBuilder::OnFuncType(Index index, Index param_count, Type* params, Index result_count,
                                       Type* results) {
  if (Failed(CheckLimit(param_count, read_limits::kParams, "parameters of a type"))) return kError;
  if (Failed(CheckLimit(result_count, read_limits::kResults, "results of a type"))) return kError;
  FuncType type;
  for (auto [count, from, to] :
       {std::tuple(param_count, params, &type.params), std::tuple(result_count, results, &type.results)}) {
    for (Index i = 0; i < count; ++i) {
      const auto val_type = ToValType(from[i]);
      if (!val_type) return RefuseType(from[i]);
      to->push_back(*val_type);
    }
  }
  // The form, two counts, and the types in between.
  ByteCursor bytes(wasm_, item_start_ + 1, At());
  for (size_t i = 0; i < 2; ++i) {
    const auto count = bytes.U32();
    for (uint32_t j = 0; count && j < *count; ++j) {
      if (bytes.U8().value_or(UINT8_MAX) >= 0x80) return Invalid("malformed type: it takes more than one byte");
    }
  }
  item_start_ = At();
  module_.types.push_back(std::move(type));
  return Ask(&Validator::OnFuncType, Loc(), param_count, params, result_count, results, index);
}

wabt::Result ModuleBuilder::CheckNames(std::string_view module, std::string_view field) {
  return CheckLimit(std::max(module.size(), field.size()), read_limits::kNameSize, "bytes of a name");
}

wabt::Result ModuleBuilder::OnImportCount(Index count) {
  item_start_ = At();
  return CheckLimit(count, read_limits::kImports, "imports");
}

wabt::Result ModuleBuilder::AddImport(std::string_view module, std::string_view field, ExternType type,
                                      uint32_t func_type) {
  if (Failed(CheckNames(module, field))) return kError;
  module_.imports.push_back({.module = std::string(module),
                             .name = std::string(field),
                             .type = std::move(type),
                             .func_type = func_type,
                             .offset = static_cast<uint32_t>(item_start_)});
  item_start_ = At();
  return kOk;
}

wabt::Result ModuleBuilder::OnImportFunc(Index, std::string_view module, std::string_view field, Index, Index sig) {
  if (Failed(Ask(&Validator::OnFunction, Loc(), MakeVar(sig)))) return kError;
  if (Failed(CheckIndex(sig, module_.types.size(), "type"))) return kError;
  module_.func_types.push_back(sig);
  ++module_.num_imported_funcs;
  ExternType type;
  type.func = module_.types[sig];
  return AddImport(module, field, std::move(type), sig);
}

wabt::Result ModuleBuilder::OnImportTable(Index, std::string_view module, std::string_view field, Index, Type element,
                                          const wabt::Limits* limits) {
  ++module_.num_imported_tables;
  if (Failed(CheckTypeByte(ImportedType()))) return kError;
  if (Failed(AddTable(element, *limits))) return kError;
  ExternType type;
  type.kind = ExternKind::kTable;
  type.table = module_.table_types.back();
  return AddImport(module, field, std::move(type));
}

wabt::Result ModuleBuilder::OnImportMemory(Index, std::string_view module, std::string_view field, Index,
                                           const wabt::Limits* limits) {
  ++module_.num_imported_memories;
  if (Failed(AddMemory(*limits))) return kError;
  ExternType type;
  type.kind = ExternKind::kMemory;
  type.memory = module_.memory_types.back();
  return AddImport(module, field, std::move(type));
}

wabt::Result ModuleBuilder::OnImportGlobal(Index, std::string_view module, std::string_view field, Index, Type type,
                                           bool is_mutable) {
  const auto val_type = ToValType(type);
  if (!val_type) return RefuseType(type);
  if (Failed(CheckTypeByte(ImportedType()))) return kError;
  if (Failed(Ask(&Validator::OnGlobalImport, Loc(), type, is_mutable))) return kError;
  ++module_.num_imported_globals;
  module_.global_types.push_back({*val_type, is_mutable});
  ExternType extern_type;
  extern_type.kind = ExternKind::kGlobal;
  extern_type.global = module_.global_types.back();
  return AddImport(module, field, std::move(extern_type));
}

wabt::Result ModuleBuilder::OnImportTag(Index, std::string_view, std::string_view, Index, Index) {
  return RefuseExceptions();
}

wabt::Result ModuleBuilder::OnFunctionCount(Index count) {
  item_start_ = At();
  return CheckLimit(count, read_limits::kFunctions, "functions");
}

wabt::Result ModuleBuilder::OnFunction(Index, Index sig) {
  if (Failed(Ask(&Validator::OnFunction, Loc(), MakeVar(sig)))) return kError;
  if (Failed(CheckIndex(sig, module_.types.size(), "type"))) return kError;
  module_.func_types.push_back(sig);
  item_start_ = At();
  return kOk;
}

wabt::Result ModuleBuilder::OnTableCount(Index count) {
  item_start_ = At();
  return CheckLimit(count, read_limits::kTables, "tables");
}

wabt::Result ModuleBuilder::OnTable(Index, Type element, const wabt::Limits* limits) {
  if (Failed(CheckTypeByte(item_start_)) || Failed(AddTable(element, *limits))) return kError;
  item_start_ = At();
  return kOk;
}

wabt::Result ModuleBuilder::AddTable(Type element, const wabt::Limits& limits) {
  if (Failed(Ask(&Validator::OnTable, Loc(), element, limits))) return kError;
  if (Failed(CheckLimit(module_.table_types.size() + 1, read_limits::kTables, "tables"))) return kError;
  if (Failed(CheckLimit(limits.initial, read_limits::kTableSize, "initial elements of a table"))) return kError;
  const auto val_type = ToValType(element);
  if (!val_type) return RefuseType(element);
  module_.table_types.push_back({*val_type, ToLimits(limits)});
  module_.table_offsets.push_back(static_cast<uint32_t>(item_start_));
  return kOk;
}

wabt::Result ModuleBuilder::OnMemoryCount(Index count) {
  item_start_ = At();
  return CheckLimit(count, read_limits::kMemories, "memories");
}

// wabt: bits beyond the 64th of a limit are dropped. The limits are the last numbers read.
wabt::Result ModuleBuilder::CheckLebOfLimits(const wabt::Limits& limits) {
  size_t end = At();
  for (int i = 0; i < (limits.has_max ? 2 : 1); ++i) {
    size_t begin = end - 1;
    while (begin > 0 && end - begin < 10 && (wasm_[begin - 1] & 0x80) != 0) --begin;
    if (end - begin == 10 && wasm_[end - 1] > 1) {
      return Refuse(InvalidAt(begin, "integer too large: a limit of a memory has more than 64 bits"));
    }
    end = begin;
  }
  return kOk;
}

wabt::Result ModuleBuilder::OnMemory(Index, const wabt::Limits* limits) {
  if (Failed(AddMemory(*limits))) return kError;
  item_start_ = At();
  return kOk;
}

wabt::Result ModuleBuilder::AddMemory(const wabt::Limits& limits) {
  if (limits.is_64 && Failed(CheckLebOfLimits(limits))) return kError;
  if (Failed(Ask(&Validator::OnMemory, Loc(), limits))) return kError;
  if (Failed(CheckLimit(module_.memory_types.size() + 1, read_limits::kMemories, "memories"))) return kError;
  module_.memory_types.push_back({ToLimits(limits)});
  module_.memory_offsets.push_back(static_cast<uint32_t>(item_start_));
  return kOk;
}

wabt::Result ModuleBuilder::OnTagCount(Index) {
  item_start_ = At();
  return RefuseExceptions();
}

wabt::Result ModuleBuilder::OnGlobalCount(Index count) {
  item_start_ = At();
  return CheckLimit(count, read_limits::kGlobals, "globals");
}

wabt::Result ModuleBuilder::BeginGlobal(Index, Type type, bool is_mutable) {
  const auto val_type = ToValType(type);
  if (!val_type) return RefuseType(type);
  if (Failed(CheckTypeByte(item_start_))) return kError;
  if (!features_.own_global_const && Failed(Ask(&Validator::OnGlobal, Loc(), type, is_mutable))) return kError;
  module_.global_types.push_back({*val_type, is_mutable});
  module_.globals.push_back({module_.global_types.back(), {}, static_cast<uint32_t>(item_start_)});
  return kOk;
}

wabt::Result ModuleBuilder::BeginGlobalInitExpr(Index) {
  BeginExpr(module_.globals.back().init);
  return Ask(&Validator::BeginInitExpr, Loc(), ToWabtType(module_.globals.back().type.type));
}

// wabt 1.0.32 takes imported globals alone in constant expressions (core 2.0). Core 3.0 takes those that come before,
// so each is an imported one for wabt as soon as its own expression was judged: wabt still refuses the global itself,
// later ones and mutable ones, and asks for nothing else whether a global is imported.
wabt::Result ModuleBuilder::EndGlobalInitExpr(Index) {
  if (Failed(EndExpr())) return kError;
  if (!features_.own_global_const) return kOk;
  const GlobalType& type = module_.globals.back().type;
  return Ask(&Validator::OnGlobalImport, Loc(), ToWabtType(type.type), type.is_mutable);
}

void ModuleBuilder::BeginExpr(ConstExpr& expr) {
  body_ = &expr.body;
  v128s_ = &expr.v128s;
  in_const_expr_ = true;
  const_expr_ended_ = false;
  item_start_ = At();
}

wabt::Result ModuleBuilder::EndExpr() {
  in_const_expr_ = false;
  body_ = nullptr;
  v128s_ = nullptr;
  // wabt: an expression that the section's end cuts off.
  if (!const_expr_ended_) return Invalid("a constant expression has no end");
  return Ask(&Validator::EndInitExpr);
}

wabt::Result ModuleBuilder::OnExportCount(Index count) {
  item_start_ = At();
  return CheckLimit(count, read_limits::kExports, "exports");
}

wabt::Result ModuleBuilder::OnExport(Index, wabt::ExternalKind kind, Index item, std::string_view name) {
  if (kind == wabt::ExternalKind::Tag) return RefuseExceptions();
  if (Failed(CheckNames({}, name))) return kError;
  if (Failed(Ask(&Validator::OnExport, Loc(), kind, MakeVar(item), name))) return kError;
  module_.exports.push_back(
      {std::string(name), static_cast<ExternKind>(kind), item, static_cast<uint32_t>(item_start_)});
  item_start_ = At();
  return kOk;
}

wabt::Result ModuleBuilder::OnStartFunction(Index func) {
  if (Failed(Ask(&Validator::OnStart, Loc(), MakeVar(func)))) return kError;
  module_.start = func;
  module_.start_offset = static_cast<uint32_t>(At() - 1);
  return kOk;
}

wabt::Result ModuleBuilder::OnDataCount(Index count) {
  data_count_ = count;
  module_.has_data_count = true;
  validator_.SetDataCount(count);
  return CheckLimit(count, read_limits::kDataSegments, "data segments");
}

wabt::Result ModuleBuilder::OnDataSegmentCount(Index count) {
  item_start_ = At();
  if (!data_count_) validator_.SetDataCount(count);
  return CheckLimit(count, read_limits::kDataSegments, "data segments");
}

wabt::Result ModuleBuilder::BeginDataSegment(Index, Index memory, uint8_t flags) {
  constexpr uint8_t kMaxKind = 2;  // active, passive, active with a memory's index
  if (flags > kMaxKind) return Invalid(Format("malformed data segment of kind {}, expected 0 to 2", flags));
  const bool passive = (flags & wabt::SegPassive) != 0;
  const auto kind = passive ? wabt::SegmentKind::Passive : wabt::SegmentKind::Active;
  if (Failed(Ask(&Validator::OnDataSegment, Loc(), MakeVar(memory), kind))) return kError;
  DataSegment& segment = module_.data_segments.emplace_back();
  segment.mode = passive ? SegmentMode::kPassive : SegmentMode::kActive;
  segment.memory = passive ? 0 : memory;
  segment.in_wasm = static_cast<uint32_t>(item_start_);
  return kOk;
}

wabt::Result ModuleBuilder::BeginDataSegmentInitExpr(Index) {
  DataSegment& segment = module_.data_segments.back();
  BeginExpr(segment.offset);
  if (Failed(CheckIndex(segment.memory, module_.memory_types.size(), "memory"))) return kError;
  const bool is_64 = module_.memory_types[segment.memory].limits.is_64;
  return Ask(&Validator::BeginInitExpr, Loc(), is_64 ? Type::I64 : Type::I32);
}

wabt::Result ModuleBuilder::EndDataSegmentInitExpr(Index) { return EndExpr(); }

wabt::Result ModuleBuilder::OnDataSegmentData(Index, const void* data, Address size) {
  const auto* bytes = static_cast<const uint8_t*>(data);
  module_.data_segments.back().bytes.assign(bytes, bytes + size);
  item_start_ = At();
  return kOk;
}

wabt::Result ModuleBuilder::BeginCodeSection(Offset size) {
  module_.code_section_size = size;
  module_.functions.reserve(module_.func_types.size() - module_.num_imported_funcs);
  return kOk;
}

}  // namespace guardc::compiler
