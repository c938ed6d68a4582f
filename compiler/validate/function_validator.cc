#include "compiler/validate/function_validator.h"

#include <algorithm>
#include <utility>

#include "base/format.h"
#include "compiler/frontend/read_limits.h"
#include "compiler/frontend/sections.h"

namespace guardc::compiler {
namespace {

constexpr uint8_t kEmptyBlockType = 0x40;
constexpr uint8_t kShuffleLanes = 32;

constexpr ValType kAllTypes[] = {ValType::kI32,  ValType::kI64,     ValType::kF32,      ValType::kF64,
                                 ValType::kV128, ValType::kFuncRef, ValType::kExternRef};

// A lasting list of one type; empty for a byte that is none.
std::span<const ValType> Single(uint8_t byte) {
  const auto* found = std::ranges::find(kAllTypes, ValType{byte});
  if (found == std::end(kAllTypes)) return {};
  return {found, 1};
}

bool Is(std::span<const ValType> x, std::span<const ValType> y) {
  return (x.data() == y.data() && x.size() == y.size()) || std::ranges::equal(x, y);
}

std::string_view NameOf(ValType type) {
  return type == FunctionValidator::kUnknown ? "an operand of any type" : ValTypeName(type);
}

std::string ListOf(std::span<const ValType> types) {
  constexpr size_t kShown = 8;
  std::string text = "[";
  for (size_t i = 0; i < types.size(); ++i) {
    if (i > 0) text += ' ';
    if (i == kShown) {
      text += "...";
      break;
    }
    text += ValTypeName(types[i]);
  }
  return text + "]";
}

}  // namespace

FunctionValidator::FunctionValidator(const Module& module, uint32_t func)
    : module_(module), body_(module.functions[func - module.num_imported_funcs]), type_(module.TypeOfFunc(func)) {
  frames_.push_back({Op::kBlock, {}, type_.results, 0});
}

// ---- Errors ---------------------------------------------------------------------------------------------------------

bool FunctionValidator::Fail(std::string text) {
  if (!error_) error_ = InvalidAt(instr_ ? instr_->offset : body_.body_offset, text).error();
  return false;
}

bool FunctionValidator::FailType(ValType expected, std::string_view found) {
  return Fail(Format("type mismatch: {} expects {}, found {}", OpName(instr_->op), NameOf(expected), found));
}

bool FunctionValidator::CheckIndex(uint64_t index, size_t size, std::string_view what) {
  if (index < size) return true;
  return Fail(Format("unknown {} {}: there are {}", what, index, size));
}

std::unexpected<Error> FunctionValidator::error() {
  if (!error_) Fail("malformed");
  return std::unexpected(*std::move(error_));
}

// ---- The operand stack ----------------------------------------------------------------------------------------------

bool FunctionValidator::PopAny(ValType& type) {
  const Frame& frame = frames_.back();
  if (stack_.size() == frame.height) {
    type = kUnknown;
    return frame.is_unreachable || FailType(kUnknown, "nothing on the stack");
  }
  type = stack_.back();
  stack_.pop_back();
  kept_ = std::min(kept_, stack_.size());
  return true;
}

bool FunctionValidator::Pop(ValType expected) {
  ValType found;
  const Frame& frame = frames_.back();
  if (stack_.size() == frame.height && !frame.is_unreachable) return FailType(expected, "nothing on the stack");
  if (!PopAny(found)) return false;
  return found == expected || found == kUnknown || expected == kUnknown || FailType(expected, NameOf(found));
}

bool FunctionValidator::Pop(Types expected) {
  // Usually all of them are there, as they are expected.
  const size_t height = frames_.back().height;
  if (stack_.size() - height >= expected.size() && std::ranges::equal(Types(stack_).last(expected.size()), expected)) {
    stack_.resize(stack_.size() - expected.size());
    kept_ = std::min(kept_, stack_.size());
    return true;
  }
  for (size_t i = expected.size(); i-- > 0;) {
    if (!Pop(expected[i])) return false;
  }
  return true;
}

bool FunctionValidator::Matches(Types expected) {
  const Frame& frame = frames_.back();
  const size_t present = std::min(stack_.size() - frame.height, expected.size());
  if (present < expected.size() && !frame.is_unreachable) {
    return FailType(expected[expected.size() - 1 - present], "nothing on the stack");
  }
  const Types found = Types(stack_).last(present);
  const Types wanted = expected.last(present);
  for (size_t i = 0; i < present; ++i) {
    if (found[i] != wanted[i] && found[i] != kUnknown) return FailType(wanted[i], NameOf(found[i]));
  }
  return true;
}

// ---- Control --------------------------------------------------------------------------------------------------------

bool FunctionValidator::PushFrame(Op op, uint64_t block_type) {
  Frame frame{op, {}, {}, 0};
  if (!(block_type & Instr::kInlineBlockType)) {
    if (!CheckIndex(block_type, module_.types.size(), "type")) return false;
    frame.params = module_.types[block_type].params;
    frame.results = module_.types[block_type].results;
  } else if (const auto byte = static_cast<uint8_t>(block_type); byte != kEmptyBlockType) {
    frame.results = Single(byte);
    if (frame.results.empty()) return Fail(Format("unknown block type {:#04x}", byte));
  }
  if (!Pop(frame.params)) return false;
  frame.height = stack_.size();
  frames_.push_back(frame);
  Push(frame.params);
  return true;
}

// The results must be on the stack, and nothing else of the block's.
bool FunctionValidator::PopFrame() {
  const Frame& frame = frames_.back();
  if (!Pop(frame.results)) return false;
  if (stack_.size() != frame.height) {
    return Fail(Format("type mismatch: {} values more on the stack at the end of the block than its results, {}",
                       stack_.size() - frame.height, ListOf(frame.results)));
  }
  frames_.pop_back();
  return true;
}

void FunctionValidator::SetUnreachable() {
  Frame& frame = frames_.back();
  stack_.resize(frame.height);
  kept_ = std::min(kept_, frame.height);
  frame.is_unreachable = true;
}

bool FunctionValidator::LabelAt(uint64_t depth, Types& types) {
  if (!CheckIndex(depth, frames_.size(), "label")) return false;
  types = frames_[frames_.size() - 1 - depth].LabelTypes();
  return true;
}

bool FunctionValidator::Else() {
  const Frame frame = frames_.back();
  if (frame.op != Op::kIf) return Fail("else without an if");
  if (!PopFrame()) return false;
  frames_.push_back({Op::kElse, frame.params, frame.results, frame.height});
  Push(frame.params);
  return true;
}

bool FunctionValidator::End() {
  const Frame frame = frames_.back();
  if (!PopFrame()) return false;
  if (frame.op == Op::kIf && !Is(frame.params, frame.results)) {
    return Fail(Format("type mismatch: an if without else must give what it takes: it takes {} and gives {}",
                       ListOf(frame.params), ListOf(frame.results)));
  }
  Push(frame.results);
  return true;
}

// What was unknown is known from here on.
bool FunctionValidator::BranchIf(Types types) {
  if (!Pop(types)) return false;
  Push(types);
  return true;
}

// Operands of unknown type stay unknown: labels of different types may agree on them.
bool FunctionValidator::BranchTable(const BrTable& table) {
  if (!Pop(ValType::kI32)) return false;
  Types otherwise;
  if (!LabelAt(table.default_target, otherwise) || !Matches(otherwise)) return false;
  Types checked = otherwise;
  for (const uint32_t target : table.targets) {
    Types types;
    if (!LabelAt(target, types)) return false;
    if (types.size() != otherwise.size()) {
      return Fail(Format("type mismatch: a br_table to labels of types {} and {}", ListOf(types), ListOf(otherwise)));
    }
    if (Is(types, checked)) continue;
    if (!Matches(types)) return false;
    checked = types;
  }
  SetUnreachable();
  return true;
}

bool FunctionValidator::Select() {
  ValType x;
  ValType y;
  if (!Pop(ValType::kI32) || !PopAny(y) || !PopAny(x)) return false;
  for (const ValType type : {x, y}) {
    if (IsReference(type))
      return Fail("type mismatch: select without a type expects numbers or vectors, found a reference");
  }
  if (x != y && x != kUnknown && y != kUnknown) return FailType(x, NameOf(y));
  Push(x == kUnknown ? y : x);
  return true;
}

bool FunctionValidator::SelectTyped(const Instr& instr) {
  const Types type = Single(static_cast<uint8_t>(instr.imm));
  if (type.empty() || instr.imm > UINT8_MAX) return Fail("invalid result arity: select needs exactly one type");
  if (!Pop(ValType::kI32) || !Pop(type[0]) || !Pop(type[0])) return false;
  Push(type[0]);
  return true;
}

bool FunctionValidator::Call(uint32_t func) {
  if (!CheckIndex(func, module_.func_types.size(), "function")) return false;
  const FuncType& type = module_.TypeOfFunc(func);
  if (!Pop(type.params)) return false;
  Push(type.results);
  return true;
}

bool FunctionValidator::CallIndirect(uint64_t imm, const FuncType*& type) {
  const auto type_index = static_cast<uint32_t>(imm);
  const auto table = static_cast<uint32_t>(imm >> 32);
  if (!CheckIndex(table, module_.table_types.size(), "table")) return false;
  if (!CheckIndex(type_index, module_.types.size(), "type")) return false;
  const ValType element = module_.table_types[table].element;
  if (element != ValType::kFuncRef) {
    return Fail(Format("type mismatch: {} expects a table of funcref, table {} is of {}", OpName(instr_->op), table,
                       ValTypeName(element)));
  }
  type = &module_.types[type_index];
  return Pop(ValType::kI32) && Pop(type->params);
}

bool FunctionValidator::TailCall(const FuncType& type) {
  if (!Is(type.results, type_.results)) {
    return Fail(Format("type mismatch: a tail call to a function that returns {}, in one that returns {}",
                       ListOf(type.results), ListOf(type_.results)));
  }
  SetUnreachable();
  return true;
}

// ---- Instructions ---------------------------------------------------------------------------------------------------

bool FunctionValidator::IndexType(uint64_t memory, ValType& type) {
  if (!CheckIndex(memory, module_.memory_types.size(), "memory")) return false;
  type = module_.memory_types[memory].limits.is_64 ? ValType::kI64 : ValType::kI32;
  return true;
}

bool FunctionValidator::StepTyped(const OpSignature& signature, const Instr& instr) {
  using Form = OpSignature::Form;
  const bool has_lane = signature.form == Form::kLane || signature.form == Form::kLaneAccess;
  if (has_lane && instr.lane >= signature.lanes) {
    return Fail(Format("invalid lane index {}: {} has lanes 0 to {}", unsigned{instr.lane}, OpName(instr.op),
                       signature.lanes - 1));
  }
  ValType index = kUnknown;
  if (signature.form != Form::kPlain && signature.form != Form::kLane) {
    if (!IndexType(instr.aux, index)) return false;
    const bool is_atomic = signature.form == Form::kAtomicAccess;
    if (instr.align > signature.alignment || (is_atomic && instr.align != signature.alignment)) {
      return Fail(Format("invalid alignment 2^{}: {} takes {}2^{}", unsigned{instr.align}, OpName(instr.op),
                         is_atomic ? "exactly " : "at most ", signature.alignment));
    }
    if (index == ValType::kI32 && instr.imm > UINT32_MAX) {
      return Fail("the offset of an access to a 32-bit memory has more than 32 bits");
    }
  }
  for (size_t i = signature.operand_count; i-- > 0;) {
    const ValType type = signature.operands[i];
    if (!Pop(type == OpSignature::kIndexType ? index : type)) return false;
  }
  if (signature.has_result) Push(signature.result);
  return true;
}

bool FunctionValidator::StepVariable(const Instr& instr) {
  if (instr.op == Op::kGlobalGet || instr.op == Op::kGlobalSet) {
    if (!CheckIndex(instr.imm, module_.global_types.size(), "global")) return false;
    const GlobalType& global = module_.global_types[instr.imm];
    if (instr.op == Op::kGlobalGet) {
      Push(global.type);
      return true;
    }
    if (!global.is_mutable) return Fail(Format("global {} is immutable", instr.imm));
    return Pop(global.type);
  }
  const size_t params = type_.params.size();
  if (!CheckIndex(instr.imm, params + body_.locals.size(), "local")) return false;
  const ValType local = instr.imm < params ? type_.params[instr.imm] : body_.locals[instr.imm - params];
  if (instr.op != Op::kLocalGet && !Pop(local)) return false;
  if (instr.op != Op::kLocalSet) Push(local);
  return true;
}

bool FunctionValidator::StepMemory(const Instr& instr) {
  const auto low = static_cast<uint32_t>(instr.imm);
  const auto high = static_cast<uint32_t>(instr.imm >> 32);
  ValType index;
  switch (instr.op) {
    case Op::kMemorySize:  // memory.size
    case Op::kMemoryGrow:  // memory.grow
      if (!IndexType(low, index) || (instr.op == Op::kMemoryGrow && !Pop(index))) return false;
      Push(index);
      return true;
    case Op::kMemoryFill:  // memory.fill
      return IndexType(low, index) && Pop(index) && Pop(ValType::kI32) && Pop(index);
    case Op::kMemoryCopy: {  // memory.copy
      ValType from;
      if (!IndexType(low, index) || !IndexType(high, from)) return false;
      const bool is_64 = index == ValType::kI64 && from == ValType::kI64;
      return Pop(is_64 ? ValType::kI64 : ValType::kI32) && Pop(from) && Pop(index);
    }
    case Op::kMemoryInit:  // memory.init
    case Op::kDataDrop:    // data.drop
      if (!module_.has_data_count) return Fail("data count section required by memory.init and data.drop");
      if (!CheckIndex(low, module_.data_segments.size(), "data segment")) return false;
      if (instr.op == Op::kDataDrop) return true;
      return IndexType(high, index) && Pop(ValType::kI32) && Pop(ValType::kI32) && Pop(index);
    default:
      return Fail(Format("{} is no instruction that guardc validates", OpName(instr.op)));
  }
}

bool FunctionValidator::StepTable(const Instr& instr) {
  const auto low = static_cast<uint32_t>(instr.imm);
  const auto high = static_cast<uint32_t>(instr.imm >> 32);
  if (instr.op == Op::kElemDrop) return CheckIndex(low, module_.elem_segments.size(), "element segment");
  const bool is_init = instr.op == Op::kTableInit;
  const uint32_t table = is_init ? high : low;
  if (!CheckIndex(table, module_.table_types.size(), "table")) return false;
  const ValType element = module_.table_types[table].element;
  constexpr ValType kIndex = ValType::kI32;  // 64-bit tables are refused
  switch (instr.op) {
    case Op::kTableGet:  // table.get
      if (!Pop(kIndex)) return false;
      Push(element);
      return true;
    case Op::kTableSet:  // table.set
      return Pop(element) && Pop(kIndex);
    case Op::kTableSize:  // table.size
      Push(kIndex);
      return true;
    case Op::kTableGrow:  // table.grow
      if (!Pop(kIndex) || !Pop(element)) return false;
      Push(kIndex);
      return true;
    case Op::kTableFill:  // table.fill
      return Pop(kIndex) && Pop(element) && Pop(kIndex);
    default:
      break;
  }
  // table.init, table.copy
  if (!CheckIndex(is_init ? low : high, is_init ? module_.elem_segments.size() : module_.table_types.size(),
                  is_init ? "element segment" : "table")) {
    return false;
  }
  const ValType from = is_init ? module_.elem_segments[low].type : module_.table_types[high].element;
  if (from != element) {
    return Fail(Format("type mismatch: {} from {} to a table of {}", OpName(instr.op), ValTypeName(from),
                       ValTypeName(element)));
  }
  return Pop(kIndex) && Pop(kIndex) && Pop(kIndex);
}

bool FunctionValidator::StepReference(const Instr& instr) {
  if (instr.op == Op::kRefNull) {
    const Types type = Single(static_cast<uint8_t>(instr.imm));
    if (type.empty() || !IsReference(type[0])) return Fail("ref.null of an unknown reference type");
    Push(type[0]);
    return true;
  }
  if (instr.op == Op::kRefFunc) {
    if (!CheckIndex(instr.imm, module_.func_types.size(), "function")) return false;
    if (!module_.referable_funcs[instr.imm]) {
      return Fail(
          Format("undeclared function reference: function {} is in no element segment, export or global", instr.imm));
    }
    Push(ValType::kFuncRef);
    return true;
  }
  ValType type;  // ref.is_null
  if (!PopAny(type)) return false;
  if (type != kUnknown && !IsReference(type)) return FailType(ValType::kFuncRef, NameOf(type));
  Push(ValType::kI32);
  return true;
}

bool FunctionValidator::StepOwn(const Instr& instr) {
  Types types;
  const FuncType* type = nullptr;
  switch (instr.op) {
    case Op::kUnreachable:  // unreachable
      SetUnreachable();
      return true;
    case Op::kNop:  // nop
      return true;
    case Op::kBlock:  // block
    case Op::kLoop:   // loop
      return PushFrame(instr.op, instr.imm);
    case Op::kIf:  // if
      return Pop(ValType::kI32) && PushFrame(instr.op, instr.imm);
    case Op::kElse:  // else
      return Else();
    case Op::kEnd:  // end
      return End();
    case Op::kBr:  // br
      if (!LabelAt(instr.imm, types) || !Pop(types)) return false;
      SetUnreachable();
      return true;
    case Op::kBrIf:  // br_if
      return Pop(ValType::kI32) && LabelAt(instr.imm, types) && BranchIf(types);
    case Op::kBrTable:  // br_table
      return CheckIndex(instr.imm, body_.br_tables.size(), "br_table") && BranchTable(body_.br_tables[instr.imm]);
    case Op::kReturn:  // return
      if (!Pop(type_.results)) return false;
      SetUnreachable();
      return true;
    case Op::kCall:  // call
      return Call(static_cast<uint32_t>(instr.imm));
    case Op::kCallIndirect:  // call_indirect
      if (!CallIndirect(instr.imm, type)) return false;
      Push(type->results);
      return true;
    case Op::kReturnCall:  // return_call
      if (!CheckIndex(instr.imm, module_.func_types.size(), "function")) return false;
      type = &module_.TypeOfFunc(static_cast<uint32_t>(instr.imm));
      return Pop(type->params) && TailCall(*type);
    case Op::kReturnCallIndirect:  // return_call_indirect
      return CallIndirect(instr.imm, type) && TailCall(*type);
    case Op::kDrop: {  // drop
      ValType any;
      return PopAny(any);
    }
    case Op::kSelect:  // select
      return Select();
    case Op::kSelectT:  // select (typed)
      return SelectTyped(instr);
    case Op::kLocalGet:   // local.get
    case Op::kLocalSet:   // local.set
    case Op::kLocalTee:   // local.tee
    case Op::kGlobalGet:  // global.get
    case Op::kGlobalSet:  // global.set
      return StepVariable(instr);
    case Op::kRefNull:    // ref.null
    case Op::kRefFunc:    // ref.func
    case Op::kRefIsNull:  // ref.is_null
      return StepReference(instr);
    case Op::kTableGet:   // table.get
    case Op::kTableSet:   // table.set
    case Op::kTableSize:  // table.size
    case Op::kTableGrow:  // table.grow
    case Op::kTableFill:  // table.fill
    case Op::kTableCopy:  // table.copy
    case Op::kTableInit:  // table.init
    case Op::kElemDrop:   // elem.drop
      return StepTable(instr);
    case Op::kI8X16Shuffle:  // i8x16.shuffle
      for (const uint8_t lane : body_.v128s[instr.imm]) {
        if (lane >= kShuffleLanes) return Fail(Format("invalid lane index {}: i8x16.shuffle has lanes 0 to 31", lane));
      }
      if (!Pop(ValType::kV128) || !Pop(ValType::kV128)) return false;
      Push(ValType::kV128);
      return true;
    default:
      return StepMemory(instr);
  }
}

bool FunctionValidator::Step(const Instr& instr) {
  instr_ = &instr;
  kept_ = stack_.size();
  if (error_) return false;
  if (frames_.empty()) return Fail("instructions after the end of the function");
  const OpSignature& signature = SignatureOf(instr.op);
  if (!(signature.form == OpSignature::Form::kOwn ? StepOwn(instr) : StepTyped(signature, instr))) return false;
  if (stack_.size() <= read_limits::kOperands) return true;
  error_ = FailAt(ErrorKind::kLimit, instr.offset,
                  Format("more than {} operands on a function's stack", read_limits::kOperands))
               .error();
  return false;
}

bool FunctionValidator::Finish() {
  if (error_) return false;
  return frames_.empty() || Fail("the function's body ends within a block");
}

}  // namespace guardc::compiler
