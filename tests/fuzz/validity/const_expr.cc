// Constant expressions.
#include <algorithm>
#include <array>
#include <vector>

#include "tests/fuzz/validity/generate.h"

namespace guardc::validity {
namespace {

constexpr uint8_t kEnd = 0x0b;

bool IsInteger(ValType type) { return type == ValType::kI32 || type == ValType::kI64; }

ValType OtherType(Rng& rng, ValType type) {
  ValType other = rng.Pick(kAllTypes);
  while (other == type) other = rng.Pick(kAllTypes);
  return other;
}

void WriteTerm(Generator& gen, ValType type, int depth) {
  std::vector<uint32_t> globals;
  for (uint32_t i = 0; i < gen.plan.visible_globals; ++i) {
    if (!gen.plan.globals[i].is_mutable && gen.plan.globals[i].type == type) globals.push_back(i);
  }
  if (!globals.empty() && gen.rng.OneIn(2)) {
    gen.out.Byte(0x23);
    return gen.out.U32(gen.rng.Pick(globals));
  }
  if (IsInteger(type) && depth < 3 && gen.rng.OneIn(3)) {
    WriteTerm(gen, type, depth + 1);
    WriteTerm(gen, type, depth + 1);
    return gen.out.Byte(static_cast<uint8_t>((type == ValType::kI32 ? 0x6a : 0x7c) + gen.rng.Below(3)));
  }
  if (type == ValType::kFuncRef && !gen.plan.funcs.empty() && gen.rng.OneIn(2)) {
    const uint32_t func = gen.rng.Below(gen.plan.funcs.size());
    gen.plan.declared.push_back(func);
    gen.out.Byte(0xd2);
    return gen.out.U32(func);
  }
  WriteConst(gen, type);
}

void WriteFault(Generator& gen, ValType type) {
  Rng& rng = gen.rng;
  // Not constant, with what they take where that is simple.
  static constexpr std::array<uint8_t, 6> kOthers[] = {
      {0x41, 0, 0x45},                    // i32.eqz
      {0x41, 1, 0x41, 2, 0x6d},           // i32.div_s
      {0x41, 1, 0x41, 2, 0x71},           // i32.and
      {0x42, 1, 0x42, 2, 0x83},           // i64.and
      {0x42, 1, 0xa7},                    // i32.wrap_i64
      {0x20, 0},                          // local.get
      {0x10, 0},                          // call
      {0x00, 0x41, 0},                    // unreachable
      {0x3f, 0},                          // memory.size
      {0x41, 0, 0x41, 0, 0x41, 0},        // three values
      {0x02, 0x7f, 0x41, 0, 0x0b, 0x01},  // block
      {0x0f},                             // return
      {0x1a},                             // drop
      {0x41, 0, 0x28, 2, 0},              // i32.load
      {0xd1},                             // ref.is_null
      {0xd0, 0x70, 0xd1},                 // ref.null, ref.is_null
      {0xfc, 0x10, 0},                    // table.size
      {0x41, 0, 0xfd, 0x11},              // i32x4.splat
      {0xfe, 0x03, 0},                    // atomic.fence
      {0x05},                             // else
  };
  switch (rng.Below(8)) {
    case 0:
      return WriteTerm(gen, OtherType(rng, type), 0);
    case 1:
      WriteTerm(gen, type, 0);
      return WriteTerm(gen, type, 0);
    case 2:
      return;
    case 3:
      gen.out.Raw(0x01);
      return WriteTerm(gen, type, 0);
    case 4:
      gen.out.Raw(0x23);
      return gen.out.U32(rng.Below(gen.plan.globals.size() + 2));
    case 5:
      gen.out.Raw(0xd2);
      return gen.out.U32(rng.Below(gen.plan.funcs.size() + 2));
    case 6:
      WriteTerm(gen, type, 0);
      WriteTerm(gen, OtherType(rng, type), 0);
      return gen.out.Raw(rng.OneIn(2) ? 0x6a : 0x7c);
    default: {
      const auto& other = rng.Pick(kOthers);
      size_t size = other.size();
      while (size > 1 && other[size - 1] == 0) --size;
      return gen.out.Raw(std::span(other).first(std::min(other.size(), size + rng.Below(2))));
    }
  }
}

}  // namespace

void WriteConst(Generator& gen, ValType type) {
  Rng& rng = gen.rng;
  static constexpr int64_t kInteresting[] = {0, 1, -1, 63, 64, -64, -65, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
  const auto number = [&] {
    return rng.OneIn(2) ? rng.Pick(kInteresting) : static_cast<int64_t>(rng.Next() >> rng.Below(64));
  };
  const auto bits = [&](int count) {
    for (int i = 0; i < count; ++i) gen.out.Raw(static_cast<uint8_t>(rng.OneIn(2) ? 0 : rng.Next()));
  };
  switch (type) {
    case ValType::kI32:
      gen.out.Byte(0x41);
      return gen.out.S32(static_cast<int32_t>(number()));
    case ValType::kI64:
      gen.out.Byte(0x42);
      return gen.out.S64(number());
    case ValType::kF32:
      gen.out.Byte(0x43);
      return bits(4);
    case ValType::kF64:
      gen.out.Byte(0x44);
      return bits(8);
    case ValType::kV128:
      gen.out.Byte(0xfd);
      gen.out.U32(0x0c);
      return bits(16);
    case ValType::kFuncRef:
    case ValType::kExternRef:
      gen.out.Byte(0xd0);
      return gen.out.Type(type);
  }
}

void WriteConstExpr(Generator& gen, ValType type) {
  if (gen.faults.At(Fault::kConstExpr)) {
    WriteFault(gen, type);
    if (gen.rng.OneIn(8)) return;
  } else {
    WriteTerm(gen, type, 0);
  }
  gen.out.Byte(kEnd);
}

}  // namespace guardc::validity
