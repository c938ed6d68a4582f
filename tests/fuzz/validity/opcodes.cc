#include "tests/fuzz/validity/opcodes.h"

#include <bit>
#include <map>

namespace guardc::validity {
namespace {

constexpr StackType ___ = kAny;
constexpr StackType I32 = OnStack(ValType::kI32);
constexpr StackType I64 = OnStack(ValType::kI64);
constexpr StackType F32 = OnStack(ValType::kF32);
constexpr StackType F64 = OnStack(ValType::kF64);
constexpr StackType V128 = OnStack(ValType::kV128);

// wabt's list: where a signature in it were wrong, guardc and the oracle would differ on it.
struct Row {
  StackType result;
  StackType params[3];
  uint8_t memory_size;
  uint8_t prefix;
  uint32_t code;
};
constexpr Row kRows[] = {
#define WABT_OPCODE(rtype, type1, type2, type3, mem_size, prefix, code, Name, text, decomp) \
  {rtype, {type1, type2, type3}, mem_size, prefix, code},
#include <wabt/opcode.def>
#undef WABT_OPCODE
};

bool WrittenByHand(const Row& row) {
  switch (row.prefix) {
    case 0:
      return row.code < 0x28 || (row.code > 0x3e && row.code < 0x45) || row.code > 0xc4;
    case 0xfc:
      return row.code >= 0x08;
    case 0xfd:
      return row.code == 0x0c;  // v128.const
    default:
      return row.code == 0x03;  // atomic.fence
  }
}

// abs to sqrt, which the list gives a second operand.
bool IsUnaryFloat(const Row& row) {
  return row.prefix == 0 && ((row.code >= 0x8b && row.code <= 0x91) || (row.code >= 0x99 && row.code <= 0x9f));
}

uint8_t LanesOf(uint32_t code) {
  constexpr uint8_t kLaneOps[] = {16, 16, 16, 8, 8, 8, 4, 4, 2, 2, 4, 4, 2, 2};  // from 0x15 on
  constexpr uint8_t kMemoryLaneOps[] = {16, 8, 4, 2, 16, 8, 4, 2};               // from 0x54 on
  if (code >= 0x15 && code < 0x15 + std::size(kLaneOps)) return kLaneOps[code - 0x15];
  if (code >= 0x54 && code < 0x54 + std::size(kMemoryLaneOps)) return kMemoryLaneOps[code - 0x54];
  return 0;
}

std::vector<OpInfo> MakeOps() {
  std::vector<OpInfo> ops;
  for (const Row& row : kRows) {
    if (WrittenByHand(row)) continue;
    OpInfo& op = ops.emplace_back(OpInfo{.prefix = row.prefix, .code = row.code, .result = row.result});
    for (const StackType type : row.params) {
      if (type != kAny) op.params.push_back(type);
    }
    if (IsUnaryFloat(row)) op.params.resize(1);
    if (row.prefix == 0xfd) op.lanes = LanesOf(row.code);
    if (row.memory_size != 0) {
      op.immediate = op.lanes != 0 ? Immediate::kMemoryLane : Immediate::kMemory;
      op.align = static_cast<uint8_t>(std::countr_zero(row.memory_size));
      op.is_atomic = row.prefix == 0xfe;
    } else if (op.lanes != 0) {
      op.immediate = Immediate::kLane;
    } else if (row.prefix == 0xfd && row.code == 0x0d) {
      op.immediate = Immediate::kShuffle;
    }
  }
  return ops;
}

template <class Predicate>
std::vector<const OpInfo*> Where(Predicate predicate) {
  std::vector<const OpInfo*> found;
  for (const OpInfo& op : Ops()) {
    if (predicate(op)) found.push_back(&op);
  }
  return found;
}

}  // namespace

std::span<const OpInfo> Ops() {
  static const std::vector<OpInfo> kOps = MakeOps();
  return kOps;
}

std::span<const OpInfo* const> OpsOf(StackType result) {
  static const auto kByResult = [] {
    std::map<StackType, std::vector<const OpInfo*>> map;
    for (const OpInfo& op : Ops()) map[op.result].push_back(&op);
    return map;
  }();
  const auto found = kByResult.find(result);
  return found == kByResult.end() ? std::span<const OpInfo* const>() : found->second;
}

std::span<const OpInfo* const> MemoryOps() {
  static const auto kFound = Where([](const OpInfo& op) { return op.HasMemory(); });
  return kFound;
}

std::span<const OpInfo* const> PlainOps() {
  static const auto kFound = Where([](const OpInfo& op) { return !op.HasMemory(); });
  return kFound;
}

}  // namespace guardc::validity
