// The part of BodyGenerator that writes immediates.
#include <algorithm>

#include "tests/fuzz/validity/body.h"

namespace guardc::validity {
namespace {

constexpr StackType kI32 = OnStack(ValType::kI32);
constexpr StackType kI64 = OnStack(ValType::kI64);

}  // namespace

void BodyGenerator::Opcode(uint8_t prefix, uint32_t code) {
  out_.Byte(prefix);
  if (faults_.At(Fault::kByte))
    code = rng_.OneIn(2) ? code + rng_.Between(1, 4) : rng_.Below(rng_.OneIn(4) ? 0x300 : 0x120);
  out_.U32(code);
}

uint32_t BodyGenerator::Index(uint32_t index, size_t count) {
  if (!faults_.At(Fault::kImmediate)) return index;
  switch (rng_.Below(4)) {
    case 0:
      return static_cast<uint32_t>(count);
    case 1:
      return static_cast<uint32_t>(count) + rng_.Small(3);
    case 2:
      return rng_.Below(count + 1);
    default:
      return rng_.Magnitude(32) - 1;
  }
}

StackType BodyGenerator::AddressOf(uint32_t memory) const { return plan_.memories[memory].limits.is_64 ? kI64 : kI32; }

void BodyGenerator::BlockType(const Types& params, const Types& results) {
  const auto same = [&](uint32_t i) {
    const FuncType& type = plan_.types[i];
    const auto equal = [](StackType a, ValType b) { return a == OnStack(b); };
    return std::ranges::equal(params, type.params, equal) && std::ranges::equal(results, type.results, equal);
  };
  const auto type = Find(plan_.types.size(), same);
  if (faults_.At(Fault::kOperand)) {  // another type
    if (rng_.OneIn(2)) return out_.S33(rng_.Below(plan_.types.size() + 1));
    return rng_.OneIn(2) ? out_.Raw(0x40) : out_.Type(rng_.Pick(kAllTypes));
  }
  const bool is_inline = params.empty() && results.size() <= 1;
  if (type && (!is_inline || rng_.OneIn(3))) return out_.S33(Index(*type, plan_.types.size()));
  if (results.empty()) return out_.Byte(0x40);
  out_.Type(static_cast<ValType>(results[0]));
}

void BodyGenerator::Immediates(const OpInfo& op, uint32_t memory) {
  if (op.HasMemory()) {
    uint32_t align = op.is_atomic ? op.align : rng_.Below(op.align + 1u);
    if (faults_.At(Fault::kImmediate)) align = rng_.OneIn(2) ? op.align + 1u : rng_.Below(rng_.OneIn(2) ? 8 : 256);
    const uint32_t index = Index(memory, plan_.memories.size());
    const bool is_64 = plan_.memories[memory].limits.is_64;
    const bool with_index = index != 0 || rng_.OneIn(8);
    out_.U32(with_index ? align | 0x40 : align);
    if (with_index) out_.U32(index);
    // Above 4 GiB only where guardc reads it (the list of exceptions in judge.cc).
    const bool large = is_64 && (plan_.memories[0].limits.is_64 || rng_.OneIn(50));
    uint64_t offset = rng_.Next() >> rng_.Between(large ? 0 : 32, 63);
    if (faults_.At(Fault::kImmediate)) offset = rng_.Next() >> rng_.Below(64);
    is_64 || offset > UINT32_MAX ? out_.U64(offset) : out_.U32(static_cast<uint32_t>(offset));
  }
  if (op.immediate == Immediate::kLane || op.immediate == Immediate::kMemoryLane) {
    const bool fault = faults_.At(Fault::kImmediate);
    out_.Byte(static_cast<uint8_t>(!fault ? rng_.Below(op.lanes) : rng_.OneIn(2) ? op.lanes : rng_.Below(256)));
  } else if (op.immediate == Immediate::kShuffle) {
    const uint32_t wrong = faults_.At(Fault::kImmediate) ? rng_.Below(16) : 16;
    for (uint32_t i = 0; i < 16; ++i) {
      out_.Raw(static_cast<uint8_t>(i == wrong ? rng_.Between(32, rng_.OneIn(2) ? 32 : 255) : rng_.Below(32)));
    }
  }
}

void BodyGenerator::Variable() {
  if (rng_.OneIn(3)) {
    const bool fault = faults_.At(Fault::kImmediate);
    const auto global = Find(plan_.globals.size(), [&](uint32_t i) { return fault || plan_.globals[i].is_mutable; });
    if (!global) return Opcode(0x01);
    Need({OnStack(plan_.globals[*global].type)});
    Opcode(0x24);
    return out_.U32(Index(*global, plan_.globals.size()));
  }
  if (locals_.empty()) return Opcode(0x01);
  const uint32_t local = rng_.Below(locals_.size());
  const bool tee = rng_.OneIn(2);
  Need({locals_[local]});
  Opcode(tee ? 0x22 : 0x21);
  out_.U32(Index(local, locals_.size()));
  if (tee) Push(locals_[local]);
}

void BodyGenerator::Select() {
  const Frame& frame = frames_.back();
  const bool empty = stack_.size() == frame.height;
  if (empty && frame.unreachable && rng_.OneIn(2)) {  // of no known type
    Opcode(0x1b);
    return stack_.push_back(kAny);
  }
  StackType type = empty || stack_.back() == kAny || rng_.OneIn(2) ? DrawStackType() : stack_.back();
  const bool fault = faults_.At(Fault::kImmediate);
  const bool typed = (IsReference(static_cast<ValType>(type)) || rng_.OneIn(2)) != (fault && rng_.OneIn(2));
  Need({type, type, kI32});
  if (!typed) {
    Opcode(0x1b);
    return Push(type);
  }
  Opcode(0x1c);
  uint32_t count = 1;
  if (fault) {
    // All operands of one type and the annotation of another, or annotations that are too many or none.
    count = rng_.OneIn(2) ? 1 : rng_.Small(3);
    type = DrawStackType();
  }
  out_.Count(count);
  for (uint32_t i = 0; i < count; ++i) out_.Type(static_cast<ValType>(type));
  Push(type);
}

void BodyGenerator::MemoryOp() {
  if (rng_.OneIn(8)) {
    Opcode(0xfe, 3);
    return out_.Byte(0);
  }
  if (rng_.OneIn(6) && !plan_.datas.empty() && plan_.has_data_count) {
    Opcode(0xfc, 9);
    return out_.U32(Index(rng_.Below(plan_.datas.size()), plan_.datas.size()));
  }
  const size_t count = plan_.memories.size();
  if (count == 0) return Opcode(0x01);
  const uint32_t memory = rng_.Below(count);
  const StackType address = AddressOf(memory);
  switch (rng_.Below(5)) {
    case 0:
      Opcode(0x3f);
      out_.U32(Index(memory, count));
      return Push(address);
    case 1:
      Need({address});
      Opcode(0x40);
      out_.U32(Index(memory, count));
      return Push(address);
    case 2: {
      const uint32_t from = rng_.Below(count);
      const bool both = address == kI64 && AddressOf(from) == kI64;
      Need({address, AddressOf(from), both ? kI64 : kI32});
      Opcode(0xfc, 10);
      out_.U32(Index(memory, count));
      return out_.U32(Index(from, count));
    }
    case 3:
      Need({address, kI32, address});
      Opcode(0xfc, 11);
      return out_.U32(Index(memory, count));
    default:
      if (plan_.datas.empty() || !(plan_.has_data_count || faults_.At(Fault::kSection))) return Opcode(0x01);
      Need({address, kI32, kI32});
      Opcode(0xfc, 8);
      out_.U32(Index(rng_.Below(plan_.datas.size()), plan_.datas.size()));
      return out_.U32(Index(memory, count));
  }
}

void BodyGenerator::TableOp() {
  const size_t count = plan_.tables.size();
  if (!plan_.elems.empty() && rng_.OneIn(8)) {
    Opcode(0xfc, 13);
    return out_.U32(Index(rng_.Below(plan_.elems.size()), plan_.elems.size()));
  }
  if (count == 0) return Opcode(0x01);
  const uint32_t table = rng_.Below(count);
  const StackType type = OnStack(plan_.tables[table].element);
  const auto of_same_type = [&](uint32_t i) { return OnStack(plan_.tables[i].element) == type; };
  switch (rng_.Below(7)) {
    case 0:
      Need({kI32});
      Opcode(0x25);
      out_.U32(Index(table, count));
      return Push(type);
    case 1:
      Need({kI32, type});
      Opcode(0x26);
      return out_.U32(Index(table, count));
    case 2:
      Opcode(0xfc, 16);
      out_.U32(Index(table, count));
      return Push(kI32);
    case 3:
      Need({type, kI32});
      Opcode(0xfc, 15);
      out_.U32(Index(table, count));
      return Push(kI32);
    case 4:
      Need({kI32, type, kI32});
      Opcode(0xfc, 17);
      return out_.U32(Index(table, count));
    case 5: {
      const uint32_t from = *Find(count, of_same_type);
      Need({kI32, kI32, kI32});
      Opcode(0xfc, 14);
      out_.U32(Index(table, count));
      return out_.U32(Index(from, count));
    }
    default: {
      const auto elem = Find(plan_.elems.size(), [&](uint32_t i) { return OnStack(plan_.elems[i].type) == type; });
      if (!elem) return Opcode(0x01);
      Need({kI32, kI32, kI32});
      Opcode(0xfc, 12);
      out_.U32(Index(*elem, plan_.elems.size()));
      return out_.U32(Index(table, count));
    }
  }
}

void BodyGenerator::Reference() {
  if (rng_.OneIn(2)) {
    Need({OnStack(rng_.OneIn(2) ? ValType::kFuncRef : ValType::kExternRef)});
    Opcode(0xd1);
    return Push(kI32);
  }
  if (!plan_.funcs.empty() && faults_.At(Fault::kImmediate)) {
    Opcode(0xd2);
    out_.U32(rng_.Below(plan_.funcs.size()));
    return Push(OnStack(ValType::kFuncRef));
  }
  if (plan_.declared.empty()) return Opcode(0x01);
  Opcode(0xd2);
  out_.U32(Index(rng_.Pick(plan_.declared), plan_.funcs.size()));
  Push(OnStack(ValType::kFuncRef));
}

}  // namespace guardc::validity
