#include "compiler/effort.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>
#include <utility>

#include "base/format.h"
#include "compiler/validate/function_validator.h"
#include "compiler/validate/op_signature.h"

namespace guardc::compiler {
namespace {

// What a module may take: modules of compilers take 16 to 25 microseconds a byte of code, by the same reckoning.
constexpr uint64_t kFree = 400'000;  // microseconds
constexpr uint64_t kPerByte = 28;
// Beyond so many instructions a function is compiled in the simple way whatever else it is. The largest of compilers
// had 160,000.
constexpr size_t kLargest = 400'000;

// What an instruction takes in the simple way, about, measured in functions of one instruction and its operands.
struct SimpleCost {
  uint32_t microseconds = 0;
  uint32_t memory = 0;  // bytes, until its function is done
};

SimpleCost SimpleCostOf(const Module& module, const Instr& instr) {
  using enum Op;
  const OpSignature& signature = SignatureOf(instr.op);
  const bool is_vector = (signature.has_result && signature.result == ValType::kV128) ||
                         (signature.operand_count > 0 && signature.operands[0] == ValType::kV128);
  switch (instr.op) {
    case kI32DivS:
    case kI32DivU:
    case kI32RemS:
    case kI32RemU:
    case kI64DivS:
    case kI64DivU:
    case kI64RemS:
    case kI64RemU:
    case kI32TruncF32S:
    case kI32TruncF32U:
    case kI32TruncF64S:
    case kI32TruncF64U:
    case kI64TruncF32S:
    case kI64TruncF32U:
    case kI64TruncF64S:
    case kI64TruncF64U:
    case kF32Min:
    case kF32Max:
    case kF64Min:
    case kF64Max:
      return {.microseconds = 45, .memory = 10'500};
    case kI32TruncSatF32S:
    case kI32TruncSatF32U:
    case kI32TruncSatF64S:
    case kI32TruncSatF64U:
    case kI64TruncSatF32S:
    case kI64TruncSatF32U:
    case kI64TruncSatF64S:
    case kI64TruncSatF64U:
    case kF32ConvertI64U:
    case kF64ConvertI64U:
      return {.microseconds = 85, .memory = 7'000};
    case kF32Copysign:
    case kF64Copysign:
      return {.microseconds = 90, .memory = 1'000};
    case kMemoryCopy:
    case kMemoryFill:
      return {.microseconds = 180, .memory = 29'000};
    case kMemoryInit:
    case kMemoryGrow:
    case kTableCopy:
    case kTableInit:
    case kTableFill:
    case kTableGrow:
    case kTableGet:
    case kTableSet:
      return {.microseconds = 40, .memory = 10'000};
    case kCall:
    case kReturnCall:
    case kCallIndirect:
    case kReturnCallIndirect:
      return {.microseconds = 20, .memory = 2'000};
    case kI32X4ExtaddPairwiseI16X8S:
      return {.microseconds = 1'400, .memory = 2'500};
    case kI16X8ExtaddPairwiseI8X16S:
    case kI16X8ExtaddPairwiseI8X16U:
    case kI32X4ExtaddPairwiseI16X8U:
      return {.microseconds = 330, .memory = 2'500};
    case kI16X8ExtmulHighI8X16U:
    case kI16X8ExtmulHighI8X16S:
    case kI32X4ExtmulHighI16X8U:
    case kI64X2Mul:
      return {.microseconds = 230, .memory = 2'000};
    case kF32X4Min:
    case kF32X4Max:
    case kF64X2Min:
    case kF64X2Max:
      return {.microseconds = 85, .memory = 4'000};
    case kI8X16Popcnt:
    case kI8X16Shl:
    case kI8X16ShrS:
    case kI8X16ShrU:
      return {.microseconds = 120, .memory = 4'500};
    default:
      break;
  }
  using Form = OpSignature::Form;
  if (signature.form == Form::kAtomicAccess) return {.microseconds = 45, .memory = 8'500};
  if (signature.form == Form::kAccess || signature.form == Form::kLaneAccess) {
    const bool is_checked = instr.aux < module.memory_types.size() && module.memory_types[instr.aux].limits.is_64;
    return is_checked ? SimpleCost{.microseconds = 30, .memory = 8'500}
                      : SimpleCost{.microseconds = 20, .memory = 1'800};
  }
  if (is_vector) return {.microseconds = 50, .memory = 3'500};
  return {.microseconds = 6, .memory = 1'000};
}

// Microseconds that an instruction takes by itself.
uint32_t WeightOf(Op op) {
  using enum Op;
  switch (op) {
    case kNop:
    case kDrop:
    case kEnd:
    case kBlock:
    case kElse:
    case kUnreachable:
    case kI32Const:
    case kI64Const:
    case kF32Const:
    case kF64Const:
    case kRefNull:
      return 4;
    case kLocalGet:
    case kLocalSet:
    case kLocalTee:
      return 8;
    case kV128Const:
    case kBr:
    case kReturn:
      return 30;
    case kBrIf:
    case kIf:
    case kSelect:
    case kSelectT:
      return 60;
    case kBrTable:
      return 120;
    case kLoop:
      return 600;
    case kCall:
    case kReturnCall:
      return 150;
    case kCallIndirect:
    case kReturnCallIndirect:
      return 350;
    case kI32DivS:
    case kI32DivU:
    case kI32RemS:
    case kI32RemU:
    case kI64DivS:
    case kI64DivU:
    case kI64RemS:
    case kI64RemU:
    case kF32Min:
    case kF32Max:
    case kF64Min:
    case kF64Max:
    case kI32TruncSatF32S:
    case kI32TruncSatF32U:
    case kI32TruncSatF64S:
    case kI32TruncSatF64U:
    case kI64TruncSatF32S:
    case kI64TruncSatF32U:
    case kI64TruncSatF64S:
    case kI64TruncSatF64U:
      return 250;
    case kI32TruncF32S:
    case kI32TruncF32U:
    case kI32TruncF64S:
    case kI32TruncF64U:
    case kI64TruncF32S:
    case kI64TruncF32U:
    case kI64TruncF64S:
    case kI64TruncF64U:
      return 120;
    case kMemoryCopy:
    case kMemoryFill:
    case kMemoryInit:
    case kMemoryGrow:
    case kTableCopy:
    case kTableInit:
    case kTableFill:
    case kTableGrow:
    case kTableGet:
    case kTableSet:
      return 1000;
    default:
      break;
  }
  const OpSignature& signature = SignatureOf(op);
  if (signature.form == OpSignature::Form::kAtomicAccess) return 120;
  if (signature.form == OpSignature::Form::kAccess || signature.form == OpSignature::Form::kLaneAccess) return 80;
  const bool is_vector = (signature.has_result && signature.result == ValType::kV128) ||
                         (signature.operand_count > 0 && signature.operands[0] == ValType::kV128);
  return is_vector ? 150 : 50;
}

// Vector instructions for which the machine has none, and as many at -O2 as without.
bool IsLong(const SimpleCost& cost, const OpSignature& signature) {
  return cost.microseconds >= 85 && signature.has_result && signature.result == ValType::kV128;
}

bool IsDivision(Op op) {
  return (op >= Op::kI32DivS && op <= Op::kI32RemU) || (op >= Op::kI64DivS && op <= Op::kI64RemU);
}

bool IsAccess(Op op) {
  const OpSignature::Form form = SignatureOf(op).form;
  return form == OpSignature::Form::kAccess || form == OpSignature::Form::kAtomicAccess || op == Op::kGlobalGet ||
         op == Op::kGlobalSet;
}

bool IsStore(Op op) {
  const OpSignature& signature = SignatureOf(op);
  return signature.form == OpSignature::Form::kAccess && !signature.has_result;
}

// Whether straight code ends here.
bool EndsSegment(Op op) {
  switch (op) {
    case Op::kLoop:
    case Op::kIf:
    case Op::kElse:
    case Op::kBr:
    case Op::kBrIf:
    case Op::kBrTable:
    case Op::kReturn:
    case Op::kUnreachable:
      return true;
    default:
      return false;
  }
}

// One pass over the instructions for what grows with their number, and one over the ranges in which values live.
class Estimator {
 public:
  Estimator(const Module& module, uint32_t func)
      : module_(module), function_(module.functions[func - module.num_imported_funcs]), validator_(module, func) {}

  uint64_t Run() {
    const std::vector<Instr>& body = function_.body;
    spans_.resize(module_.types[function_.type].params.size() + function_.locals.size());
    linear_ = 250 + 15 * spans_.size() / 16;
    for (size_t i = 0; i < body.size(); ++i) {
      Count(body[i], i);
      if (!validator_.Step(body[i])) break;  // the lowering says so
      const size_t depth = validator_.stack().size();
      most_operands_ = std::max<uint64_t>(most_operands_, depth);
      if (IsCall(body[i].op)) calls_.emplace_back(i, std::min(validator_.kept(), depth));
    }
    EndSegment();
    // Branches that test one value, trap or nest, and loops that the vectoriser looks at.
    const uint64_t square =
        divisions_ * divisions_ + traps_ * traps_ / 25 + deepest_ * deepest_ / 6 + 8 * fills_ * fills_;
    return linear_ + quadratic_ + square + OfLiveValues();
  }

 private:
  struct Span {  // between the first and the last instruction that names a local
    size_t first = kNone;
    size_t last = 0;
    size_t loop = kNone;
  };
  static constexpr size_t kNone = std::numeric_limits<size_t>::max();
  static constexpr size_t kFewParams = 6, kFewResults = 2;

  static bool IsCall(Op op) {
    return op == Op::kCall || op == Op::kCallIndirect || op == Op::kMemoryGrow || op == Op::kMemoryCopy ||
           op == Op::kMemoryFill || op == Op::kMemoryInit;
  }

  void Count(const Instr& instr, size_t at) {
    linear_ += WeightOf(instr.op);
    ++segment_;
    if (const SimpleCost cost = SimpleCostOf(module_, instr); IsLong(cost, SignatureOf(instr.op))) {
      linear_ += 3 * cost.microseconds;
      segment_ += cost.microseconds / 4;
    }
    accesses_ += IsAccess(instr.op);
    divisions_ += IsDivision(instr.op);
    if (IsCall(instr.op)) is_filling_ = false;
    if (IsStore(instr.op)) is_filling_ = true;
    switch (instr.op) {
      case Op::kLocalGet:
      case Op::kLocalSet:
      case Op::kLocalTee:
        Name(instr.imm, at, instr.op == Op::kLocalGet);
        break;
      case Op::kCall:
      case Op::kReturnCall:
        if (instr.imm < module_.func_types.size()) CountValues(module_.TypeOfFunc(static_cast<uint32_t>(instr.imm)));
        break;
      case Op::kCallIndirect:
      case Op::kReturnCallIndirect:
        if (const auto type = static_cast<uint32_t>(instr.imm); type < module_.types.size()) {
          CountValues(module_.types[type]);
        }
        break;
      case Op::kBrTable:
        linear_ += 30 * function_.br_tables[instr.imm].targets.size();
        break;
      case Op::kBlock:
      case Op::kIf:
        Begin(false);
        break;
      case Op::kLoop:
        Begin(true);
        is_filling_ = false;
        if (loop_depth_++ == 0) outermost_ = at;
        nests_ += loop_depth_ * loop_depth_;
        linear_ += 8 * loop_depth_;
        break;
      case Op::kUnreachable:
        ++traps_;
        break;
      case Op::kEnd:
        End(at);
        break;
      default:
        break;
    }
    if (EndsSegment(instr.op)) EndSegment();
    if (EndsSegment(instr.op) || instr.op == Op::kEnd) joins_.push_back(at);
  }

  void CountValues(const FuncType& type) {
    linear_ += 15 * (type.params.size() + type.results.size());
    // Those that go over the stack.
    if (type.params.size() > kFewParams) accesses_ += type.params.size();
    if (type.results.size() > kFewResults) accesses_ += type.results.size();
  }

  // Instruction selection and scheduling look at pairs of what is in a block.
  void EndSegment() {
    quadratic_ += segment_ * segment_ / 500 + accesses_ * accesses_ / 5;
    segment_ = accesses_ = 0;
  }

  void Begin(bool is_loop) {
    blocks_.push_back(is_loop);
    deepest_ = std::max<uint64_t>(deepest_, blocks_.size());
  }

  void Name(uint64_t local, size_t at, bool is_get) {
    if (local >= spans_.size()) return;
    Span& span = spans_[local];
    if (loop_depth_ > 0 && span.loop != outermost_) {
      span.loop = outermost_;
      // Its value comes from before the loop, or from its last turn.
      if (is_get || span.first != kNone) carried_.push_back(local);
    }
    if (span.first == kNone) span.first = at;
    span.last = at;
  }

  void End(size_t at) {
    if (blocks_.empty()) return;
    if (blocks_.back()) {
      fills_ += is_filling_;
      is_filling_ = false;
      --loop_depth_;
    }
    if (blocks_.back() && loop_depth_ == 0) {
      for (const uint64_t local : carried_) {
        spans_[local].first = std::min(spans_[local].first, outermost_);
        spans_[local].last = at;
      }
      carried_.clear();
    }
    blocks_.pop_back();
  }

  // Register allocation compares values that live at the same time, most of all those that no register holds across a
  // call; a label joins each of them; and each loop around a loop looks at them again.
  uint64_t OfLiveValues() {
    std::vector<int32_t> change(function_.body.size() + 1);
    for (const Span& span : spans_) {
      if (span.first == kNone) continue;
      ++change[span.first];
      --change[span.last + 1];
    }
    uint64_t live = 0, most = most_operands_, most_at_call = 0, phis = 0;
    auto call = calls_.begin();
    auto join = joins_.begin();
    for (size_t i = 0; i < function_.body.size(); ++i) {
      live += static_cast<int64_t>(change[i]);
      most = std::max(most, live);
      for (; call != calls_.end() && call->first == i; ++call)
        most_at_call = std::max(most_at_call, live + call->second);
      for (; join != joins_.end() && *join == i; ++join) phis += live;
    }
    return most * most / 2 + 4 * most_at_call * most_at_call + phis / 2 + nests_ * most * 2 / 5;
  }

  const Module& module_;
  const Function& function_;
  FunctionValidator validator_;
  std::vector<Span> spans_;                       // of each local
  std::vector<uint64_t> carried_;                 // locals that the outermost open loop may carry
  std::vector<bool> blocks_;                      // that are open: whether it is a loop
  std::vector<size_t> joins_;                     // where control joins or parts
  std::vector<std::pair<size_t, size_t>> calls_;  // where, and the operands that wait
  size_t outermost_ = 0;
  uint64_t loop_depth_ = 0, nests_ = 0, segment_ = 0, accesses_ = 0, divisions_ = 0, most_operands_ = 0;
  uint64_t traps_ = 0, deepest_ = 0, fills_ = 0, linear_ = 0, quadratic_ = 0;
  bool is_filling_ = false;  // since the last loop's begin: something is stored, nothing called
};

struct FunctionCost {
  uint64_t microseconds = 0, memory = 0;
};

FunctionCost SimpleCostOf(const Module& module, const Function& function) {
  FunctionCost all{.microseconds = 30, .memory = 0};
  for (const Instr& instr : function.body) {
    const SimpleCost one = SimpleCostOf(module, instr);
    all.microseconds += one.microseconds;
    all.memory += one.memory;
  }
  return all;
}

// Of a module's bytes for a function besides its body: a type's index and a size.
constexpr uint64_t kDeclaration = 4;

// What nothing but code made for it goes beyond. A function's memory is free before the next is compiled.
constexpr uint64_t kMostFree = 1'000'000, kMostPerByte = 40;                 // microseconds, of a module
constexpr uint64_t kMemoryFree = uint64_t{256} << 20, kMemoryPerByte = 600;  // bytes, of a function

}  // namespace

uint64_t EffortOf(const Module& module, uint32_t func) { return Estimator(module, func).Run(); }

Result<std::vector<bool>> FindSimpleFunctions(const Module& module) {
  const size_t count = module.functions.size();
  std::vector<bool> simple(count);
  std::vector<uint64_t> efforts(count), simple_efforts(count);
  uint64_t effort = 0, simple_effort = 0, bytes = 0, all_bytes = 0;
  for (size_t i = 0; i < count; ++i) {
    const Function& function = module.functions[i];
    const auto func = static_cast<uint32_t>(module.num_imported_funcs + i);
    const FunctionCost cost = SimpleCostOf(module, function);
    if (const uint64_t most = kMemoryFree + kMemoryPerByte * function.body_size; cost.memory > most) {
      return Fail(ErrorKind::kLimit,
                  Format("function {} needs some {} MB to compile, the limit for one of {} bytes is {} MB; it is "
                         "almost all instructions that become many of the machine's: make it several functions",
                         func, cost.memory >> 20, function.body_size, most >> 20));
    }
    all_bytes += function.body_size + kDeclaration;
    simple_efforts[i] = cost.microseconds;
    simple[i] = function.body.size() > kLargest;
    if (simple[i]) {
      simple_effort += cost.microseconds;
      continue;
    }
    efforts[i] = EffortOf(module, func);
    effort += efforts[i];
    bytes += function.body_size;
  }
  if (const uint64_t most = kFree + kPerByte * bytes; effort > most) {
    std::vector<size_t> order(count);
    std::iota(order.begin(), order.end(), size_t{0});
    // Beyond what its size allows: a few large ones go before all the small ones.
    const auto excess = [&](size_t i) {
      return static_cast<int64_t>(efforts[i]) - static_cast<int64_t>(kPerByte * module.functions[i].body_size);
    };
    std::ranges::stable_sort(order, std::ranges::greater(), excess);
    for (const size_t i : order) {
      if (effort <= most) break;
      if (simple[i]) continue;
      simple[i] = true;
      effort -= efforts[i];
      simple_effort += simple_efforts[i];
    }
  }
  if (const uint64_t most = kMostFree + kMostPerByte * all_bytes; effort + simple_effort > most) {
    return Fail(ErrorKind::kLimit,
                Format("the module needs some {} s of processor time to compile, the limit for {} bytes of code is "
                       "{} s; it is almost all instructions that become many of the machine's",
                       (effort + simple_effort) / 1'000'000, all_bytes, most / 1'000'000));
  }
  return simple;
}

}  // namespace guardc::compiler
