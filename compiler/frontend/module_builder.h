// What wabt's reader calls for each thing it finds: each is validated, then appended to the Module. Private to the
// reader.
//
// Where wabt 1.0.32 is laxer than the specification the check is here, marked "wabt:".
#pragma once

#include <wabt/binary-reader-nop.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/frontend/sections.h"
#include "compiler/frontend/wabt_reader.h"
#include "compiler/frontend/wabt_validator.h"
#include "compiler/frontend/wasm_module.h"
#include "guardc/result.h"

namespace guardc::compiler {

class ModuleBuilder final : public wabt::BinaryReaderNop {
 public:
  // `wasm` is the module as it was given; wabt reads `scan.bytes`. Both must outlive the builder.
  ModuleBuilder(std::span<const uint8_t> wasm, const ScannedModule& scan, const FeatureSet& features,
                FirstValidator first);

  static wabt::Features WabtFeatures(const FeatureSet& features);

  // After wabt's reader came back: the module, or the first error.
  Result<Module> Finish(bool reader_succeeded);

  using Index = wabt::Index;
  using Offset = wabt::Offset;
  using Address = wabt::Address;
  using Type = wabt::Type;
  using Opcode = wabt::Opcode;
  using Status = wabt::Result;
  static constexpr wabt::Result::Enum kOk = wabt::Result::Ok;
  static constexpr wabt::Result::Enum kError = wabt::Result::Error;
  using Validator = wabt::SharedValidator;

  bool OnError(const wabt::Error& error) override;
  Status EndModule() override;

  // Sections (module_builder_sections.cc).
  Status BeginCustomSection(Index index, Offset size, std::string_view name) override;
  Status OnTypeCount(Index count) override;
  Status OnFuncType(Index index, Index param_count, Type* params, Index result_count, Type* results) override;
  Status OnImportCount(Index count) override;
  Status OnImportFunc(Index import, std::string_view module, std::string_view field, Index func, Index sig) override;
  Status OnImportTable(Index import, std::string_view module, std::string_view field, Index table, Type element,
                       const wabt::Limits* limits) override;
  Status OnImportMemory(Index import, std::string_view module, std::string_view field, Index memory,
                        const wabt::Limits* limits) override;
  Status OnImportGlobal(Index import, std::string_view module, std::string_view field, Index global, Type type,
                        bool is_mutable) override;
  Status OnImportTag(Index import, std::string_view module, std::string_view field, Index tag, Index sig) override;
  Status OnFunctionCount(Index count) override;
  Status OnFunction(Index index, Index sig) override;
  Status OnTableCount(Index count) override;
  Status OnTable(Index index, Type element, const wabt::Limits* limits) override;
  Status OnMemoryCount(Index count) override;
  Status OnMemory(Index index, const wabt::Limits* limits) override;
  Status OnTagCount(Index count) override;
  Status OnGlobalCount(Index count) override;
  Status BeginGlobal(Index index, Type type, bool is_mutable) override;
  Status BeginGlobalInitExpr(Index index) override;
  Status EndGlobalInitExpr(Index index) override;
  Status OnExportCount(Index count) override;
  Status OnExport(Index index, wabt::ExternalKind kind, Index item, std::string_view name) override;
  Status OnStartFunction(Index func) override;
  Status OnDataCount(Index count) override;
  Status OnDataSegmentCount(Index count) override;
  Status BeginDataSegment(Index index, Index memory, uint8_t flags) override;
  Status BeginDataSegmentInitExpr(Index index) override;
  Status EndDataSegmentInitExpr(Index index) override;
  Status OnDataSegmentData(Index index, const void* data, Address size) override;
  Status BeginCodeSection(Offset size) override;
  Status BeginFunctionBody(Index index, Offset size) override;
  Status OnLocalDeclCount(Index count) override;
  Status OnLocalDecl(Index decl, Index count, Type type) override;
  Status EndFunctionBody(Index index) override;

  // Instructions (module_builder_code.cc).
  Status OnOpcode(Opcode opcode) override;
  Status OnAtomicLoadExpr(Opcode op, Index memory, Address align, Address offset) override;
  Status OnAtomicStoreExpr(Opcode op, Index memory, Address align, Address offset) override;
  Status OnAtomicRmwExpr(Opcode op, Index memory, Address align, Address offset) override;
  Status OnAtomicRmwCmpxchgExpr(Opcode op, Index memory, Address align, Address offset) override;
  Status OnAtomicWaitExpr(Opcode op, Index memory, Address align, Address offset) override;
  Status OnAtomicNotifyExpr(Opcode op, Index memory, Address align, Address offset) override;
  Status OnAtomicFenceExpr(uint32_t consistency_model) override;
  Status OnBinaryExpr(Opcode op) override;
  Status OnBlockExpr(Type type) override;
  Status OnBrExpr(Index depth) override;
  Status OnBrIfExpr(Index depth) override;
  Status OnBrTableExpr(Index count, Index* targets, Index default_target) override;
  Status OnCallExpr(Index func) override;
  Status OnCallIndirectExpr(Index sig, Index table) override;
  Status OnCallRefExpr() override;
  Status OnCatchExpr(Index tag) override;
  Status OnCatchAllExpr() override;
  Status OnCompareExpr(Opcode op) override;
  Status OnConvertExpr(Opcode op) override;
  Status OnDelegateExpr(Index depth) override;
  Status OnDropExpr() override;
  Status OnElseExpr() override;
  Status OnEndExpr() override;
  Status OnF32ConstExpr(uint32_t bits) override;
  Status OnF64ConstExpr(uint64_t bits) override;
  Status OnV128ConstExpr(v128 bits) override;
  Status OnGlobalGetExpr(Index global) override;
  Status OnGlobalSetExpr(Index global) override;
  Status OnI32ConstExpr(uint32_t value) override;
  Status OnI64ConstExpr(uint64_t value) override;
  Status OnIfExpr(Type type) override;
  Status OnLoadExpr(Opcode op, Index memory, Address align, Address offset) override;
  Status OnLocalGetExpr(Index local) override;
  Status OnLocalSetExpr(Index local) override;
  Status OnLocalTeeExpr(Index local) override;
  Status OnLoopExpr(Type type) override;
  Status OnMemoryCopyExpr(Index to, Index from) override;
  Status OnDataDropExpr(Index segment) override;
  Status OnMemoryFillExpr(Index memory) override;
  Status OnMemoryGrowExpr(Index memory) override;
  Status OnMemoryInitExpr(Index segment, Index memory) override;
  Status OnMemorySizeExpr(Index memory) override;
  Status OnTableCopyExpr(Index to, Index from) override;
  Status OnElemDropExpr(Index segment) override;
  Status OnTableInitExpr(Index segment, Index table) override;
  Status OnTableGetExpr(Index table) override;
  Status OnTableSetExpr(Index table) override;
  Status OnTableGrowExpr(Index table) override;
  Status OnTableSizeExpr(Index table) override;
  Status OnTableFillExpr(Index table) override;
  Status OnRefFuncExpr(Index func) override;
  Status OnRefNullExpr(Type type) override;
  Status OnRefIsNullExpr() override;
  Status OnNopExpr() override;
  Status OnRethrowExpr(Index depth) override;
  Status OnReturnExpr() override;
  Status OnReturnCallExpr(Index func) override;
  Status OnReturnCallIndirectExpr(Index sig, Index table) override;
  Status OnSelectExpr(Index count, Type* types) override;
  Status OnStoreExpr(Opcode op, Index memory, Address align, Address offset) override;
  Status OnThrowExpr(Index tag) override;
  Status OnTryExpr(Type type) override;
  Status OnUnaryExpr(Opcode op) override;
  Status OnTernaryExpr(Opcode op) override;
  Status OnUnreachableExpr() override;
  Status OnSimdLaneOpExpr(Opcode op, uint64_t lane) override;
  Status OnSimdShuffleOpExpr(Opcode op, v128 lanes) override;
  Status OnSimdLoadLaneExpr(Opcode op, Index memory, Address align, Address offset, uint64_t lane) override;
  Status OnSimdStoreLaneExpr(Opcode op, Index memory, Address align, Address offset, uint64_t lane) override;
  Status OnLoadSplatExpr(Opcode op, Index memory, Address align, Address offset) override;
  Status OnLoadZeroExpr(Opcode op, Index memory, Address align, Address offset) override;

 private:
  // Where wabt's reader stands: behind what it reports.
  size_t At() const { return state->offset; }
  wabt::Location Loc() const { return wabt::Location(At()); }
  wabt::Var MakeVar(Index index) const { return wabt::Var(index, Loc()); }

  template <class Method, class... Args>
  Status Ask(Method method, Args&&... args) {
    return validator_.Ask(method, std::forward<Args>(args)...);
  }

  Status Refuse(std::unexpected<Error> error);
  Status Invalid(std::string_view text) { return Refuse(InvalidAt(item_start_, text)); }
  Status RefuseExceptions();
  Status RefuseType(Type type);
  Status CheckLimit(uint64_t found, uint64_t limit, std::string_view what);
  Status CheckNames(std::string_view module, std::string_view field);
  Status CheckLebOfLimits(const wabt::Limits& limits);

  Status AddImport(std::string_view module, std::string_view field, ExternType type, uint32_t func_type = 0);
  Status AddTable(Type element, const wabt::Limits& limits);
  Status AddMemory(const wabt::Limits& limits);
  void BeginExpr(ConstExpr& expr);
  Status EndExpr();

  // Appends the instruction that OnOpcode announced, once the validator has accepted it.
  Status Add(Status valid, uint64_t imm = 0, Index memory = 0, uint64_t lane = 0, Address align = 0);
  Status AddAccess(Status valid, Index memory, Address align, Address offset, uint64_t lane = 0);
  // Called before wabt's validator is: its time grows with the values.
  Status CountValues(uint64_t count);
  uint64_t LabelArity(Index depth) const;
  const FuncType* TypeOfFunc(Index func) const;
  const FuncType* TypeAt(Index type) const;
  Status CountCall(const FuncType* type);
  Status OpenBlock(Status (Validator::*method)(const wabt::Location&, Type), Type type);
  Status AddV128(Status valid, v128 bits);
  Status CheckIndex(uint64_t index, size_t size, std::string_view what);
  // The type at `at`, where its last byte is, is one byte.
  Status CheckTypeByte(size_t at);
  // Where the type of the import stands that is being read.
  size_t ImportedType() const;

  std::span<const uint8_t> wasm_;
  const ScannedModule& scan_;
  const FeatureSet features_;
  WabtValidator validator_;
  std::optional<Error> error_;  // the first
  Module module_;

  size_t item_start_ = 0;  // of the instruction or import being read
  Opcode opcode_ = Opcode::Invalid;
  bool opcode_pending_ = false;  // announced, not yet appended
  std::vector<Instr>* body_ = nullptr;
  std::vector<V128>* v128s_ = nullptr;
  bool in_const_expr_ = false;
  bool const_expr_ended_ = false;
  std::vector<uint32_t> label_arities_;  // of the blocks that are open in the function, which comes first
  uint64_t values_ = 0;                  // see read_limits::kValues
  bool function_ended_ = false;
  size_t body_end_ = 0;
  uint64_t locals_ = 0;  // of the function, parameters included
  Index local_decl_count_ = 0;
  std::vector<std::pair<Index, ValType>> local_decls_;
  std::optional<Index> data_count_;
};

}  // namespace guardc::compiler
