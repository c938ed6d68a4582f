#include "tests/fuzz/validity/body.h"

#include <algorithm>

namespace guardc::validity {
namespace {

constexpr StackType kI32 = OnStack(ValType::kI32);
constexpr int kDeepest = 3;  // of operands that are produced for operands

std::vector<StackType> ToStack(const std::vector<ValType>& types) {
  std::vector<StackType> stack;
  for (const ValType type : types) stack.push_back(OnStack(type));
  return stack;
}

bool Fits(StackType found, StackType wanted) { return found == wanted || found == kAny || wanted == kAny; }

}  // namespace

void WriteBody(Generator& gen, uint32_t func) {
  const size_t open = gen.out.Open();
  BodyGenerator(gen, func).Write();
  gen.out.Close(open);
}

BodyGenerator::BodyGenerator(Generator& gen, uint32_t func)
    : gen_(gen), plan_(gen.plan), rng_(gen.rng), faults_(gen.faults), out_(gen.out) {
  const FuncType& type = plan_.TypeOf(func);
  locals_ = ToStack(type.params);
  frames_.reserve(64);  // references to frames stay valid: they never nest as deep
  frames_.push_back({.kind = Block::kFunction, .params = {}, .results = ToStack(type.results)});
}

void BodyGenerator::Write() {
  Locals();
  for (budget_ = static_cast<int>(rng_.Magnitude(6)); budget_ > 0; --budget_) Step();
  while (!frames_.empty()) Close();
  if (faults_.At(Fault::kControl)) out_.Raw(rng_.OneIn(2) ? 0x0b : 0x01);
}

void BodyGenerator::Locals() {
  const uint32_t groups = rng_.Small(4);
  out_.Count(groups);
  for (uint32_t i = 0; i < groups; ++i) {
    const uint32_t count = rng_.Small(3);
    const ValType type = rng_.Pick(kAllTypes);
    out_.Count(count);
    out_.Type(type);
    locals_.insert(locals_.end(), count, OnStack(type));
  }
}

void BodyGenerator::Step() {
  if (faults_.At(Fault::kControl)) {
    static constexpr uint8_t kStray[] = {0x05, 0x0b, 0x0b, 0x06, 0x07, 0x18, 0x19, 0xff};
    out_.Raw(rng_.Pick(kStray));
  }
  if (stack_.size() > 40) return Drop();
  const uint32_t choice = rng_.Below(100);
  if (choice < 26) return NumericOp(*rng_.Pick(PlainOps()), 0);
  if (choice < 36) return NumericOp(*rng_.Pick(MemoryOps()), 0);
  if (choice < 46) return Variable();
  if (choice < 54) return Open(static_cast<Block>(rng_.Between(1, 3)));
  if (choice < 62) return frames_.size() > 1 ? Close() : Drop();
  if (choice < 68) return Branch();
  if (choice < 71) return BrTable();
  if (choice < 73) return Leave();
  if (choice < 79) return Call();
  if (choice < 84) return Select();
  if (choice < 88) return MemoryOp();
  if (choice < 93) return TableOp();
  if (choice < 96) return Reference();
  if (choice < 97) {
    Opcode(0x00);
    return SetUnreachable();
  }
  if (choice < 98) return Opcode(0x01);
  Drop();
}

void BodyGenerator::SetUnreachable() {
  stack_.resize(frames_.back().height);
  frames_.back().unreachable = true;
}

void BodyGenerator::Drop() {
  const Frame& frame = frames_.back();
  const bool empty = stack_.size() == frame.height;
  if (empty && !frame.unreachable) return Opcode(0x01);
  Need({empty ? kAny : stack_.back()});
  Opcode(0x1a);
}

// ---- Operands ------------------------------------------------------------------------------------------------------

// Takes `types` from the stack: as many as already lie there, the rest is produced. Where code is unreachable, the
// first ones need not be there.
void BodyGenerator::Need(std::span<const StackType> types, int depth) {
  const Frame& frame = frames_.back();
  // What is produced for another operand leaves alone what lies there: that is spoken for.
  const bool unreachable = frame.unreachable && depth == 0;
  const size_t there = depth == 0 ? stack_.size() - frame.height : 0;
  const size_t count = types.size();
  size_t first = 0;  // of those that lie on the stack
  size_t taken = 0;
  for (size_t k = std::min(there, count); k > 0 && taken == 0; --k) {
    const bool from_bottom = unreachable && k == there;
    for (size_t j = 0; j <= (from_bottom ? count - k : 0); ++j) {
      if (!std::equal(stack_.end() - static_cast<ptrdiff_t>(k), stack_.end(), types.begin() + static_cast<ptrdiff_t>(j),
                      Fits)) {
        continue;
      }
      first = j;
      taken = k;
      break;
    }
  }
  if (taken == 0 && there == 0 && unreachable && count > 0) first = rng_.Below(count + 1);
  const Types rest(types.begin() + static_cast<ptrdiff_t>(first + taken), types.end());
  if (count > 0 && faults_.At(Fault::kOperand)) {
    NeedWrongly(rest, depth);
  } else {
    for (const StackType type : rest) Produce(type, depth);
  }
  stack_.resize(std::max(frames_.back().height, stack_.size() - std::min(stack_.size(), taken + rest.size())));
}

// The generator goes on as if all were right: the stack's types are those wanted.
void BodyGenerator::NeedWrongly(const Types& rest, int depth) {
  const uint32_t way = rng_.Below(4);
  const size_t at = rest.empty() ? 0 : rng_.Below(rest.size());
  if (rest.empty() || way == 0) {  // one too few, or another type in its place
    for (size_t i = 0; i + 1 < rest.size(); ++i) Produce(rest[i], depth);
    if (rest.empty()) out_.Raw(0x1a);
    if (rng_.OneIn(2)) WriteConst(gen_, rng_.Pick(kAllTypes));
    if (!rest.empty()) Push(rest.back() == kAny ? kI32 : rest.back());
    return;
  }
  for (size_t i = 0; i < rest.size(); ++i) {
    if (i != at) {
      Produce(rest[i], depth);
      continue;
    }
    if (way == 1) {  // one too many
      Produce(rest[i], depth);
      WriteConst(gen_, rng_.Pick(kAllTypes));
      continue;
    }
    Produce(DrawStackType(), depth);
    stack_.back() = rest[i] == kAny ? kI32 : rest[i];
  }
}

void BodyGenerator::Produce(StackType type, int depth) {
  if (type == kAny) type = DrawStackType();
  if (depth < kDeepest && budget_ > 0 && ProduceOtherwise(type, depth + 1)) return;
  const auto local = Find(locals_.size(), [&](uint32_t i) { return locals_[i] == type; });
  const auto global = Find(plan_.globals.size(), [&](uint32_t i) { return OnStack(plan_.globals[i].type) == type; });
  if (local && rng_.OneIn(2)) {
    Opcode(0x20);
    out_.U32(Index(*local, locals_.size()));
  } else if (global && rng_.OneIn(3)) {
    Opcode(0x23);
    out_.U32(Index(*global, plan_.globals.size()));
  } else {
    WriteConst(gen_, static_cast<ValType>(type));
  }
  Push(type);
}

// By an instruction that takes operands itself, or by a block.
bool BodyGenerator::ProduceOtherwise(StackType type, int depth) {
  if (!rng_.OneIn(3)) return false;
  --budget_;
  if (rng_.OneIn(8)) {
    const size_t height = stack_.size();
    OpenAs(static_cast<Block>(rng_.Between(1, 2)), {}, {type});
    Produce(type, depth);
    Close();
    return stack_.size() == height + 1;
  }
  const auto ops = OpsOf(type);
  if (ops.empty()) return false;
  const OpInfo& op = *rng_.Pick(ops);
  if (op.HasMemory() && plan_.memories.empty()) return false;
  NumericOp(op, depth);
  return true;
}

void BodyGenerator::NumericOp(const OpInfo& op, int depth) {
  uint32_t memory = 0;
  Types params = op.params;
  if (op.HasMemory()) {
    if (plan_.memories.empty()) return Opcode(0x01);
    memory = rng_.Below(plan_.memories.size());
    params[0] = AddressOf(memory);
  }
  Need(params, depth);
  op.prefix == 0 ? Opcode(static_cast<uint8_t>(op.code)) : Opcode(op.prefix, op.code);
  Immediates(op, memory);
  Push(op.result);
}

// ---- Control -------------------------------------------------------------------------------------------------------

void BodyGenerator::Open(Block kind) {
  if (frames_.size() > 12) return Opcode(0x01);
  if (rng_.OneIn(2)) {
    const FuncType& type = rng_.Pick(plan_.types);
    return OpenAs(kind, ToStack(type.params), ToStack(type.results));
  }
  OpenAs(kind, {}, rng_.OneIn(2) ? Types() : Types{DrawStackType()});
}

void BodyGenerator::OpenAs(Block kind, Types params, Types results) {
  Types needed = params;
  if (kind == Block::kIf) needed.push_back(kI32);
  Need(needed);
  Opcode(static_cast<uint8_t>(0x01 + static_cast<uint8_t>(kind)));
  BlockType(params, results);
  frames_.push_back({.kind = kind, .params = params, .results = std::move(results), .height = stack_.size()});
  Push(params);
}

// Ends the innermost frame, or begins its else.
void BodyGenerator::Close() {
  const Frame& frame = frames_.back();
  const Types results = frame.results;
  // What lies there must be a beginning of the results, or an end of them in unreachable code.
  while (stack_.size() > frame.height) {
    const size_t there = stack_.size() - frame.height;
    const auto at = stack_.begin() + static_cast<ptrdiff_t>(frame.height);
    bool usable = false;
    if (there <= results.size()) {
      usable = std::equal(at, stack_.end(), results.begin(), Fits) ||
               (frame.unreachable && std::equal(at, stack_.end(), results.end() - static_cast<ptrdiff_t>(there), Fits));
    }
    if (usable) break;
    if (frame.kind == Block::kFunction && rng_.OneIn(4)) {
      Leave();
      continue;
    }
    Opcode(0x1a);
    stack_.pop_back();
  }
  Need(results);
  const bool fault = faults_.At(Fault::kControl);
  if (frame.kind == Block::kIf) {
    const bool needs_else = frame.params != frame.results;
    if ((needs_else != fault) || rng_.OneIn(2)) {
      Opcode(0x05);
      Frame& same = frames_.back();
      same.kind = Block::kElse;
      same.unreachable = false;
      stack_.resize(same.height);
      return Push(same.params);
    }
  } else if (fault) {
    if (rng_.OneIn(3)) out_.Raw(0x05);
    if (rng_.OneIn(3)) out_.Raw(0x0b);
    if (!rng_.OneIn(3)) Opcode(0x0b);
    stack_.resize(frame.height);
    frames_.pop_back();
    return Push(results);
  }
  stack_.resize(frame.height);
  frames_.pop_back();
  Opcode(0x0b);
  Push(results);
}

void BodyGenerator::Branch() {
  const uint32_t depth = rng_.Below(frames_.size());
  const Types label = frames_[frames_.size() - 1 - depth].label();
  const bool conditional = rng_.Percent(70);
  Types needed = label;
  if (conditional) needed.push_back(kI32);
  Need(needed);
  Opcode(conditional ? 0x0d : 0x0c);
  out_.U32(Index(depth, frames_.size()));
  conditional ? Push(label) : SetUnreachable();
}

void BodyGenerator::BrTable() {
  const auto label = [&](uint32_t depth) -> const Types& { return frames_[frames_.size() - 1 - depth].label(); };
  const uint32_t last = rng_.Below(frames_.size());
  // In unreachable code only the number of values counts, as long as none of them is there.
  const bool from_bottom = frames_.back().unreachable && rng_.OneIn(2);
  if (from_bottom) {
    while (stack_.size() > frames_.back().height) {
      Opcode(0x1a);
      stack_.pop_back();
    }
    Need({kI32});
  } else {
    Types needed = label(last);
    needed.push_back(kI32);
    Need(needed);
  }
  const bool fault = faults_.At(Fault::kOperand);
  std::vector<uint32_t> targets;
  for (uint32_t left = rng_.Small(5); left > 0; --left) {
    const auto target = Find(frames_.size(), [&](uint32_t i) {
      return fault || (from_bottom ? label(i).size() == label(last).size() : label(i) == label(last));
    });
    targets.push_back(*target);
  }
  Opcode(0x0e);
  out_.Count(static_cast<uint32_t>(targets.size()));
  for (const uint32_t target : targets) out_.U32(Index(target, frames_.size()));
  out_.U32(Index(last, frames_.size()));
  SetUnreachable();
}

void BodyGenerator::Leave() {
  const Types& results = frames_.front().results;
  const auto func = Find(plan_.funcs.size(), [&](uint32_t i) {
    return faults_.At(Fault::kOperand) || ToStack(plan_.TypeOf(i).results) == results;
  });
  const auto table =
      Find(plan_.tables.size(), [&](uint32_t i) { return plan_.tables[i].element == ValType::kFuncRef; });
  if (func && rng_.OneIn(2)) {
    const bool indirect = table && rng_.OneIn(2);
    Types needed = ToStack(plan_.TypeOf(*func).params);
    if (indirect) needed.push_back(kI32);
    Need(needed);
    Opcode(indirect ? 0x13 : 0x12);
    out_.U32(indirect ? Index(plan_.funcs[*func], plan_.types.size()) : Index(*func, plan_.funcs.size()));
    if (indirect) out_.U32(Index(*table, plan_.tables.size()));
  } else {
    Need(results);
    Opcode(0x0f);
  }
  SetUnreachable();
}

void BodyGenerator::Call() {
  const auto table =
      Find(plan_.tables.size(), [&](uint32_t i) { return plan_.tables[i].element == ValType::kFuncRef; });
  const bool indirect = table && rng_.OneIn(3);
  if (!indirect && plan_.funcs.empty()) return Opcode(0x01);
  const uint32_t callee = rng_.Below(indirect ? plan_.types.size() : plan_.funcs.size());
  const FuncType& type = indirect ? plan_.types[callee] : plan_.TypeOf(callee);
  Types needed = ToStack(type.params);
  if (indirect) needed.push_back(kI32);
  Need(needed);
  Opcode(indirect ? 0x11 : 0x10);
  out_.U32(Index(callee, indirect ? plan_.types.size() : plan_.funcs.size()));
  if (indirect) out_.U32(Index(*table, plan_.tables.size()));
  Push(ToStack(type.results));
}

}  // namespace guardc::validity
