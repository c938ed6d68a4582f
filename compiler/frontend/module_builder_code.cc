// The part of ModuleBuilder that takes function bodies and instructions.
#include <algorithm>
#include <cstring>

#include "base/format.h"
#include "compiler/frontend/module_builder.h"
#include "compiler/frontend/read_limits.h"
#include "compiler/frontend/wabt_glue.h"

namespace guardc::compiler {
namespace {

uint64_t Pair(uint32_t low, uint32_t high) { return low | uint64_t{high} << 32; }

// The validator compares alignments, not their logarithms.
wabt::Address Align(wabt::Address log2) { return log2 < 32 ? wabt::Address{1} << log2 : ~wabt::Address{0}; }

uint64_t BlockType(wabt::Type type) {
  if (type.IsIndex()) return type.GetIndex();
  const auto code = static_cast<int32_t>(static_cast<wabt::Type::Enum>(type));
  return Instr::kInlineBlockType | static_cast<uint64_t>(code & 0x7f);
}

}  // namespace

wabt::Result ModuleBuilder::BeginFunctionBody(Index index, Offset size) {
  item_start_ = At();
  if (Failed(CheckLimit(size, read_limits::kFunctionSize, "bytes of a function"))) return kError;
  Function& function = module_.functions.emplace_back();
  function.type = module_.func_types[index];
  function.body_offset = static_cast<uint32_t>(At());
  function.body_size = static_cast<uint32_t>(size);
  function.body.reserve(size / 2);
  body_ = &function.body;
  v128s_ = &function.v128s;
  body_end_ = At() + size;
  label_arities_.assign(1, static_cast<uint32_t>(module_.types[function.type].results.size()));
  function_ended_ = false;
  locals_ = module_.types[function.type].params.size();
  return Ask(&Validator::BeginFunctionBody, Loc(), index);
}

wabt::Result ModuleBuilder::OnLocalDeclCount(Index count) {
  item_start_ = At();
  local_decls_.clear();
  local_decl_count_ = count;
  return kOk;
}

wabt::Result ModuleBuilder::OnLocalDecl(Index, Index count, Type type) {
  locals_ += count;
  if (locals_ > UINT32_MAX) return Invalid("too many locals: more than 2^32 - 1");
  const auto val_type = ToValType(type);
  if (!val_type) return RefuseType(type);
  if (Failed(CheckTypeByte(At() - 1))) return kError;
  local_decls_.emplace_back(count, *val_type);
  item_start_ = At();
  if (Failed(Ask(&Validator::OnLocalDecl, Loc(), count, type))) return kError;
  // All at once, when their number is known: a few bytes can declare billions.
  if (local_decls_.size() < local_decl_count_) return kOk;
  if (Failed(CheckLimit(locals_, read_limits::kLocals, "locals of a function"))) return kError;
  if (Failed(CountValues(locals_))) return kError;
  auto& locals = module_.functions.back().locals;
  for (const auto& [n, declared] : local_decls_) locals.insert(locals.end(), n, declared);
  return kOk;
}

wabt::Result ModuleBuilder::EndFunctionBody(Index) {
  // wabt: blocks that the body's end leaves open.
  if (opcode_pending_ || !function_ended_) return Invalid("the function's body ends within a block");
  body_->shrink_to_fit();
  body_ = nullptr;
  v128s_ = nullptr;
  return Ask(&Validator::EndFunctionBody, Loc());
}

wabt::Result ModuleBuilder::OnOpcode(Opcode opcode) {
  // An instruction that no callback took was not validated either.
  if (opcode_pending_) {
    return Refuse(
        FailAt(ErrorKind::kUnsupported, item_start_, Format("the instruction {} is not supported", opcode_.GetName())));
  }
  opcode_ = opcode;
  opcode_pending_ = true;
  return kOk;
}

wabt::Result ModuleBuilder::CheckIndex(uint64_t index, size_t size, std::string_view what) {
  return index < size ? Status(kOk) : Invalid(Format("unknown {} {}: there are {}", what, index, size));
}

wabt::Result ModuleBuilder::Add(Status valid, uint64_t imm, Index memory, uint64_t lane, Address align) {
  if (Failed(valid)) return kError;
  if (!opcode_pending_ || body_ == nullptr) return Invalid("an instruction outside of a function");
  Instr& instr = body_->emplace_back(Instr{.op = static_cast<Op>(static_cast<Opcode::Enum>(opcode_)),
                                           .aux = static_cast<uint8_t>(memory),
                                           .offset = static_cast<uint32_t>(item_start_),
                                           .imm = imm});
  instr.lane = std::min<uint64_t>(lane, Instr::kMaxLane);
  instr.align = std::min<Address>(align, Instr::kMaxAlign);
  opcode_pending_ = false;
  item_start_ = At();
  return CheckLimit(validator_.stack_size(), read_limits::kOperands, "operands on a function's stack");
}

wabt::Result ModuleBuilder::AddAccess(Status valid, Index memory, Address align, Address offset, uint64_t lane) {
  if (Failed(valid) || Failed(CheckIndex(memory, module_.memory_types.size(), "memory"))) return kError;
  const bool is_64 = module_.memory_types[memory].limits.is_64;
  // wabt: an offset above 4 GiB for a 32-bit memory, and bits beyond the 64th. A lane byte may follow the offset.
  if (!is_64 && offset > UINT32_MAX) return Invalid("the offset of a memory access has more than 32 bits");
  for (const size_t last : {At() - 1, At() - 2}) {
    size_t continued = 0;
    while (continued < 9 && last > item_start_ + continued && (wasm_[last - continued - 1] & 0x80) != 0) ++continued;
    if (continued == 9 && wasm_[last] > 1 && (wasm_[last] & 0x80) == 0) {
      return Invalid("integer too large: the offset of a memory access has more than 64 bits");
    }
  }
  return Add(valid, offset, memory, lane, align);
}

wabt::Result ModuleBuilder::AddV128(Status valid, v128 bits) {
  if (Failed(valid)) return kError;
  V128 bytes;
  static_assert(sizeof(bits) == sizeof(bytes));
  std::memcpy(bytes.data(), &bits, sizeof(bytes));
  v128s_->push_back(bytes);
  return Add(kOk, v128s_->size() - 1);
}

wabt::Result ModuleBuilder::CountValues(uint64_t count) {
  values_ += count;
  const uint64_t limit = read_limits::kValues + read_limits::kValuesPerByte * wasm_.size();
  return CheckLimit(values_, limit, "locals and values of blocks, branches and calls");
}

// 0 for what does not exist: a validator refuses it.
uint64_t ModuleBuilder::LabelArity(Index depth) const {
  return depth < label_arities_.size() ? label_arities_[label_arities_.size() - 1 - depth] : 0;
}

const FuncType* ModuleBuilder::TypeAt(Index type) const {
  return type < module_.types.size() ? &module_.types[type] : nullptr;
}

const FuncType* ModuleBuilder::TypeOfFunc(Index func) const {
  return func < module_.func_types.size() ? &module_.types[module_.func_types[func]] : nullptr;
}

wabt::Result ModuleBuilder::CountCall(const FuncType* type) {
  return type ? CountValues(type->params.size() + type->results.size()) : Status(kOk);
}

wabt::Result ModuleBuilder::OpenBlock(Status (Validator::*method)(const wabt::Location&, Type), Type type) {
  uint32_t arity = 0;
  if (!type.IsIndex()) {
    if (Failed(CheckTypeByte(At() - 1))) return kError;
    arity = type == Type::Void ? 0 : 1;
  } else if (const FuncType* signature = TypeAt(type.GetIndex())) {
    if (Failed(CountCall(signature))) return kError;
    const auto& label = opcode_ == Opcode::Loop ? signature->params : signature->results;
    arity = static_cast<uint32_t>(label.size());
  }
  label_arities_.push_back(arity);
  if (Failed(CheckLimit(label_arities_.size() - 1, read_limits::kNesting, "nested blocks"))) return kError;
  return Add(Ask(method, Loc(), type), BlockType(type));
}

// ---- Control --------------------------------------------------------------------------------------------------------

wabt::Result ModuleBuilder::OnUnreachableExpr() { return Add(Ask(&Validator::OnUnreachable, Loc())); }
wabt::Result ModuleBuilder::OnNopExpr() { return Add(Ask(&Validator::OnNop, Loc())); }
wabt::Result ModuleBuilder::OnBlockExpr(Type type) { return OpenBlock(&Validator::OnBlock, type); }
wabt::Result ModuleBuilder::OnLoopExpr(Type type) { return OpenBlock(&Validator::OnLoop, type); }
wabt::Result ModuleBuilder::OnIfExpr(Type type) { return OpenBlock(&Validator::OnIf, type); }
wabt::Result ModuleBuilder::OnElseExpr() { return Add(Ask(&Validator::OnElse, Loc())); }

wabt::Result ModuleBuilder::OnEndExpr() {
  if (in_const_expr_) {
    opcode_pending_ = false;
    const_expr_ended_ = true;
    item_start_ = At();
    return kOk;
  }
  if (label_arities_.size() == 1) {
    // The function's own end; EndFunctionBody validates it.
    if (At() != body_end_) return Invalid("instructions after the end of the function");
    function_ended_ = true;
    return Add(kOk);
  }
  label_arities_.pop_back();
  return Add(Ask(&Validator::OnEnd, Loc()));
}

wabt::Result ModuleBuilder::OnBrExpr(Index depth) {
  if (Failed(CountValues(LabelArity(depth)))) return kError;
  return Add(Ask(&Validator::OnBr, Loc(), MakeVar(depth)), depth);
}
wabt::Result ModuleBuilder::OnBrIfExpr(Index depth) {
  if (Failed(CountValues(LabelArity(depth)))) return kError;
  return Add(Ask(&Validator::OnBrIf, Loc(), MakeVar(depth)), depth);
}

wabt::Result ModuleBuilder::OnBrTableExpr(Index count, Index* targets, Index default_target) {
  if (in_const_expr_) return Invalid("constant expression required, found br_table");
  if (Failed(CheckLimit(count, read_limits::kBrTableTargets, "targets of a br_table"))) return kError;
  BrTable table{.targets = std::vector<uint32_t>(targets, targets + count), .default_target = default_target};
  if (Failed(CountValues((uint64_t{count} + 1) * LabelArity(default_target)))) return kError;
  if (Failed(Ask(&Validator::BeginBrTable, Loc()))) return kError;
  for (const uint32_t target : table.targets) {
    if (Failed(Ask(&Validator::OnBrTableTarget, Loc(), MakeVar(target)))) return kError;
  }
  if (Failed(Ask(&Validator::OnBrTableTarget, Loc(), MakeVar(default_target)))) return kError;
  auto& tables = module_.functions.back().br_tables;
  tables.push_back(std::move(table));
  return Add(Ask(&Validator::EndBrTable, Loc()), tables.size() - 1);
}

wabt::Result ModuleBuilder::OnReturnExpr() {
  if (!in_const_expr_ && Failed(CountValues(label_arities_.front()))) return kError;
  return Add(Ask(&Validator::OnReturn, Loc()));
}
wabt::Result ModuleBuilder::OnCallExpr(Index func) {
  if (Failed(CountCall(TypeOfFunc(func)))) return kError;
  return Add(Ask(&Validator::OnCall, Loc(), MakeVar(func)), func);
}
wabt::Result ModuleBuilder::OnReturnCallExpr(Index func) {
  if (Failed(CountCall(TypeOfFunc(func)))) return kError;
  return Add(Ask(&Validator::OnReturnCall, Loc(), MakeVar(func)), func);
}
wabt::Result ModuleBuilder::OnCallIndirectExpr(Index sig, Index table) {
  if (Failed(CountCall(TypeAt(sig)))) return kError;
  return Add(Ask(&Validator::OnCallIndirect, Loc(), MakeVar(sig), MakeVar(table)), Pair(sig, table));
}
wabt::Result ModuleBuilder::OnReturnCallIndirectExpr(Index sig, Index table) {
  if (Failed(CountCall(TypeAt(sig)))) return kError;
  return Add(Ask(&Validator::OnReturnCallIndirect, Loc(), MakeVar(sig), MakeVar(table)), Pair(sig, table));
}

wabt::Result ModuleBuilder::OnTryExpr(Type) { return RefuseExceptions(); }
wabt::Result ModuleBuilder::OnCatchExpr(Index) { return RefuseExceptions(); }
wabt::Result ModuleBuilder::OnCatchAllExpr() { return RefuseExceptions(); }
wabt::Result ModuleBuilder::OnDelegateExpr(Index) { return RefuseExceptions(); }
wabt::Result ModuleBuilder::OnThrowExpr(Index) { return RefuseExceptions(); }
wabt::Result ModuleBuilder::OnRethrowExpr(Index) { return RefuseExceptions(); }
wabt::Result ModuleBuilder::OnCallRefExpr() {
  return Refuse(FailAt(ErrorKind::kUnsupported, item_start_, "typed function references are not supported"));
}

// ---- Variables, parametric, constants, numeric ----------------------------------------------------------------------

wabt::Result ModuleBuilder::OnDropExpr() { return Add(Ask(&Validator::OnDrop, Loc())); }
wabt::Result ModuleBuilder::OnSelectExpr(Index count, Type* types) {
  if (Failed(Ask(&Validator::OnSelect, Loc(), count, types))) return kError;
  if (opcode_ == Opcode::Select) return Add(kOk);
  // wabt: none, or several.
  if (count != 1) return Invalid(Format("invalid result arity: select with {} types, expected one", count));
  if (Failed(CheckTypeByte(At() - 1))) return kError;
  const auto val_type = ToValType(types[0]);
  if (!val_type) return RefuseType(types[0]);
  return Add(kOk, uint64_t(*val_type));
}
wabt::Result ModuleBuilder::OnLocalGetExpr(Index i) { return Add(Ask(&Validator::OnLocalGet, Loc(), MakeVar(i)), i); }
wabt::Result ModuleBuilder::OnLocalSetExpr(Index i) { return Add(Ask(&Validator::OnLocalSet, Loc(), MakeVar(i)), i); }
wabt::Result ModuleBuilder::OnLocalTeeExpr(Index i) { return Add(Ask(&Validator::OnLocalTee, Loc(), MakeVar(i)), i); }
wabt::Result ModuleBuilder::OnGlobalGetExpr(Index i) { return Add(Ask(&Validator::OnGlobalGet, Loc(), MakeVar(i)), i); }
wabt::Result ModuleBuilder::OnGlobalSetExpr(Index i) { return Add(Ask(&Validator::OnGlobalSet, Loc(), MakeVar(i)), i); }

wabt::Result ModuleBuilder::OnI32ConstExpr(uint32_t value) {
  return Add(Ask(&Validator::OnConst, Loc(), Type::I32), value);
}
wabt::Result ModuleBuilder::OnI64ConstExpr(uint64_t value) {
  return Add(Ask(&Validator::OnConst, Loc(), Type::I64), value);
}
wabt::Result ModuleBuilder::OnF32ConstExpr(uint32_t bits) {
  return Add(Ask(&Validator::OnConst, Loc(), Type::F32), bits);
}
wabt::Result ModuleBuilder::OnF64ConstExpr(uint64_t bits) {
  return Add(Ask(&Validator::OnConst, Loc(), Type::F64), bits);
}
wabt::Result ModuleBuilder::OnV128ConstExpr(v128 bits) {
  return AddV128(Ask(&Validator::OnConst, Loc(), Type::V128), bits);
}

wabt::Result ModuleBuilder::OnUnaryExpr(Opcode op) { return Add(Ask(&Validator::OnUnary, Loc(), op)); }
wabt::Result ModuleBuilder::OnBinaryExpr(Opcode op) { return Add(Ask(&Validator::OnBinary, Loc(), op)); }
wabt::Result ModuleBuilder::OnTernaryExpr(Opcode op) { return Add(Ask(&Validator::OnTernary, Loc(), op)); }
wabt::Result ModuleBuilder::OnCompareExpr(Opcode op) { return Add(Ask(&Validator::OnCompare, Loc(), op)); }
wabt::Result ModuleBuilder::OnConvertExpr(Opcode op) { return Add(Ask(&Validator::OnConvert, Loc(), op)); }

wabt::Result ModuleBuilder::OnRefFuncExpr(Index func) {
  return Add(Ask(&Validator::OnRefFunc, Loc(), MakeVar(func)), func);
}
wabt::Result ModuleBuilder::OnRefNullExpr(Type type) {
  const auto val_type = ToValType(type);
  if (!val_type) return RefuseType(type);
  if (!IsReference(*val_type)) return Invalid("ref.null of an unknown reference type");
  if (At() - item_start_ != 2) return Invalid("malformed type: it takes more than one byte");
  return Add(Ask(&Validator::OnRefNull, Loc(), type), uint64_t(*val_type));
}
wabt::Result ModuleBuilder::OnRefIsNullExpr() { return Add(Ask(&Validator::OnRefIsNull, Loc())); }

// ---- Memory ---------------------------------------------------------------------------------------------------------

wabt::Result ModuleBuilder::OnLoadExpr(Opcode op, Index memory, Address align, Address offset) {
  return AddAccess(Ask(&Validator::OnLoad, Loc(), op, MakeVar(memory), Align(align)), memory, align, offset);
}
wabt::Result ModuleBuilder::OnStoreExpr(Opcode op, Index memory, Address align, Address offset) {
  return AddAccess(Ask(&Validator::OnStore, Loc(), op, MakeVar(memory), Align(align)), memory, align, offset);
}
wabt::Result ModuleBuilder::OnLoadSplatExpr(Opcode op, Index memory, Address align, Address offset) {
  return AddAccess(Ask(&Validator::OnLoadSplat, Loc(), op, MakeVar(memory), Align(align)), memory, align, offset);
}
wabt::Result ModuleBuilder::OnLoadZeroExpr(Opcode op, Index memory, Address align, Address offset) {
  return AddAccess(Ask(&Validator::OnLoadZero, Loc(), op, MakeVar(memory), Align(align)), memory, align, offset);
}
wabt::Result ModuleBuilder::OnSimdLoadLaneExpr(Opcode op, Index memory, Address align, Address offset, uint64_t lane) {
  return AddAccess(Ask(&Validator::OnSimdLoadLane, Loc(), op, MakeVar(memory), Align(align), lane), memory, align,
                   offset, lane);
}
wabt::Result ModuleBuilder::OnSimdStoreLaneExpr(Opcode op, Index memory, Address align, Address offset, uint64_t lane) {
  return AddAccess(Ask(&Validator::OnSimdStoreLane, Loc(), op, MakeVar(memory), Align(align), lane), memory, align,
                   offset, lane);
}
wabt::Result ModuleBuilder::OnAtomicLoadExpr(Opcode op, Index memory, Address align, Address offset) {
  return AddAccess(Ask(&Validator::OnAtomicLoad, Loc(), op, MakeVar(memory), Align(align)), memory, align, offset);
}
wabt::Result ModuleBuilder::OnAtomicStoreExpr(Opcode op, Index memory, Address align, Address offset) {
  return AddAccess(Ask(&Validator::OnAtomicStore, Loc(), op, MakeVar(memory), Align(align)), memory, align, offset);
}
wabt::Result ModuleBuilder::OnAtomicRmwExpr(Opcode op, Index memory, Address align, Address offset) {
  return AddAccess(Ask(&Validator::OnAtomicRmw, Loc(), op, MakeVar(memory), Align(align)), memory, align, offset);
}
wabt::Result ModuleBuilder::OnAtomicRmwCmpxchgExpr(Opcode op, Index memory, Address align, Address offset) {
  return AddAccess(Ask(&Validator::OnAtomicRmwCmpxchg, Loc(), op, MakeVar(memory), Align(align)), memory, align,
                   offset);
}
wabt::Result ModuleBuilder::OnAtomicWaitExpr(Opcode op, Index memory, Address align, Address offset) {
  return AddAccess(Ask(&Validator::OnAtomicWait, Loc(), op, MakeVar(memory), Align(align)), memory, align, offset);
}
wabt::Result ModuleBuilder::OnAtomicNotifyExpr(Opcode op, Index memory, Address align, Address offset) {
  return AddAccess(Ask(&Validator::OnAtomicNotify, Loc(), op, MakeVar(memory), Align(align)), memory, align, offset);
}
wabt::Result ModuleBuilder::OnAtomicFenceExpr(uint32_t model) {
  return Add(Ask(&Validator::OnAtomicFence, Loc(), model));
}

wabt::Result ModuleBuilder::OnMemorySizeExpr(Index memory) {
  return Add(Ask(&Validator::OnMemorySize, Loc(), MakeVar(memory)), memory);
}
wabt::Result ModuleBuilder::OnMemoryGrowExpr(Index memory) {
  return Add(Ask(&Validator::OnMemoryGrow, Loc(), MakeVar(memory)), memory);
}
wabt::Result ModuleBuilder::OnMemoryFillExpr(Index memory) {
  return Add(Ask(&Validator::OnMemoryFill, Loc(), MakeVar(memory)), memory);
}
// wabt 1.0.32 calls the first operand the source, here and in the validator; it is the destination.
wabt::Result ModuleBuilder::OnMemoryCopyExpr(Index to, Index from) {
  return Add(Ask(&Validator::OnMemoryCopy, Loc(), MakeVar(to), MakeVar(from)), Pair(to, from));
}
wabt::Result ModuleBuilder::OnMemoryInitExpr(Index segment, Index memory) {
  return Add(Ask(&Validator::OnMemoryInit, Loc(), MakeVar(segment), MakeVar(memory)), Pair(segment, memory));
}
wabt::Result ModuleBuilder::OnDataDropExpr(Index segment) {
  return Add(Ask(&Validator::OnDataDrop, Loc(), MakeVar(segment)), segment);
}

// ---- Tables ---------------------------------------------------------------------------------------------------------

wabt::Result ModuleBuilder::OnTableGetExpr(Index i) { return Add(Ask(&Validator::OnTableGet, Loc(), MakeVar(i)), i); }
wabt::Result ModuleBuilder::OnTableSetExpr(Index i) { return Add(Ask(&Validator::OnTableSet, Loc(), MakeVar(i)), i); }
wabt::Result ModuleBuilder::OnTableGrowExpr(Index i) { return Add(Ask(&Validator::OnTableGrow, Loc(), MakeVar(i)), i); }
wabt::Result ModuleBuilder::OnTableSizeExpr(Index i) { return Add(Ask(&Validator::OnTableSize, Loc(), MakeVar(i)), i); }
wabt::Result ModuleBuilder::OnTableFillExpr(Index i) { return Add(Ask(&Validator::OnTableFill, Loc(), MakeVar(i)), i); }
wabt::Result ModuleBuilder::OnTableCopyExpr(Index to, Index from) {
  return Add(Ask(&Validator::OnTableCopy, Loc(), MakeVar(to), MakeVar(from)), Pair(to, from));
}
wabt::Result ModuleBuilder::OnTableInitExpr(Index segment, Index table) {
  return Add(Ask(&Validator::OnTableInit, Loc(), MakeVar(segment), MakeVar(table)), Pair(segment, table));
}
wabt::Result ModuleBuilder::OnElemDropExpr(Index segment) {
  return Add(Ask(&Validator::OnElemDrop, Loc(), MakeVar(segment)), segment);
}

// ---- SIMD -----------------------------------------------------------------------------------------------------------

wabt::Result ModuleBuilder::OnSimdLaneOpExpr(Opcode op, uint64_t lane) {
  return Add(Ask(&Validator::OnSimdLaneOp, Loc(), op, lane), 0, 0, lane);
}
wabt::Result ModuleBuilder::OnSimdShuffleOpExpr(Opcode op, v128 lanes) {
  return AddV128(Ask(&Validator::OnSimdShuffleOp, Loc(), op, lanes), lanes);
}

}  // namespace guardc::compiler
