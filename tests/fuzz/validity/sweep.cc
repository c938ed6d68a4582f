#include "tests/fuzz/validity/sweep.h"

#include <initializer_list>

#include "tests/fuzz/validity/limits.h"
#include "tests/fuzz/validity/opcodes.h"
#include "tests/fuzz/validity/plan.h"

namespace guardc::validity {
namespace {

constexpr StackType kI32 = OnStack(ValType::kI32);
constexpr StackType kI64 = OnStack(ValType::kI64);
constexpr StackType kF32 = OnStack(ValType::kF32);
constexpr StackType kV128 = OnStack(ValType::kV128);
constexpr StackType kFuncRef = OnStack(ValType::kFuncRef);
constexpr StackType kExternRef = OnStack(ValType::kExternRef);
constexpr uint32_t kTypes = std::size(kAllTypes);

void Append(Bytes& to, const Bytes& from) { to.insert(to.end(), from.begin(), from.end()); }

void Section(Bytes& wasm, uint8_t id, const Bytes& content) {
  wasm.push_back(id);
  AppendU32(wasm, static_cast<uint32_t>(content.size()));
  Append(wasm, content);
}

// A module that has: types () -> (), (f32 externref) -> (v128), (i32) -> (i64); an imported function of the second;
// tables of funcref and externref; a 32-bit and a 64-bit memory; a mutable global of each type and one that is not; an
// element segment of each type; a data segment. `body` is that of a function () -> () with a local of each type.
Bytes Around(const Bytes& body) {
  Bytes wasm = {0, 'a', 's', 'm', 1, 0, 0, 0};
  Section(wasm, 1, {3, 0x60, 0, 0, 0x60, 2, 0x7d, 0x6f, 1, 0x7b, 0x60, 1, 0x7f, 1, 0x7e});
  Section(wasm, 2, {2, 1, 'm', 1, 'f', 0, 1, 1, 'm', 1, 'g', 3, 0x7f, 0});
  Section(wasm, 3, {1, 0});
  Section(wasm, 4, {2, 0x70, 0, 1, 0x6f, 1, 1, 2});
  Section(wasm, 5, {2, 3, 1, 2, 5, 1, 2});
  Bytes globals = {kTypes, 0x7f, 1, 0x23, 0, 0x41, 1, 0x6a, 0x0b, 0x7e, 1,    0x42, 0,
                   0x0b,   0x7d, 1, 0x43, 0, 0,    0, 0,    0x0b, 0x7c, 1,    0x44, 0,
                   0,      0,    0, 0,    0, 0,    0, 0x0b, 0x7b, 1,    0xfd, 0x0c};
  globals.insert(globals.end(), 16, 0);
  Append(globals, {0x0b, 0x70, 1, 0xd2, 0, 0x0b, 0x6f, 1, 0xd0, 0x6f, 0x0b});
  Section(wasm, 6, globals);
  Section(wasm, 7, {1, 1, 'x', 0, 1});
  Section(wasm, 8, {1});
  Section(wasm, 9, {3, 5, 0x70, 1, 0xd2, 0, 0x0b, 5, 0x6f, 1, 0xd0, 0x6f, 0x0b, 0, 0x41, 0, 0x0b, 1, 0});
  Section(wasm, 12, {2});
  Bytes entry = {kTypes};
  for (const ValType type : kAllTypes) Append(entry, {1, static_cast<uint8_t>(type)});
  Append(entry, body);
  Bytes code = {1};
  AppendU32(code, static_cast<uint32_t>(entry.size()));
  Append(code, entry);
  Section(wasm, 10, code);
  Section(wasm, 11, {2, 1, 1, 'd', 2, 1, 0x42, 0, 0x0b, 0});
  return wasm;
}

uint8_t LocalOf(StackType type) {
  uint8_t local = 0;
  while (OnStack(kAllTypes[local]) != type) ++local;
  return local;
}

class Bodies {
 public:
  std::vector<Bytes> Take() {
    for (const OpInfo& op : Ops()) FromTable(op);
    ByHand();
    Opcodes();
    return std::move(bodies_);
  }

 private:
  using Types = std::vector<StackType>;

  void Add(Bytes body) {
    body.push_back(0x0b);
    bodies_.push_back(std::move(body));
  }
  // Takes its operands from locals and leaves its result in one.
  void Add(const Bytes& code, const Types& params, StackType result) {
    Bytes body;
    for (const StackType type : params) Append(body, {0x20, LocalOf(type)});
    Append(body, code);
    if (result != kAny) Append(body, {0x21, LocalOf(result)});
    Add(body);
  }
  // Right, and with each operand and the result of each type, one too few and one too many, and in unreachable code.
  void AddAll(const Bytes& code, const Types& params, StackType result) {
    Add(code, params, result);
    for (size_t i = 0; i < params.size(); ++i) {
      for (const ValType type : kAllTypes) {
        Types changed = params;
        changed[i] = OnStack(type);
        Add(code, changed, result);
      }
    }
    for (const ValType type : kAllTypes) {
      Add(code, params, OnStack(type));
      Types more = params;
      more.insert(more.begin(), OnStack(type));
      Add(code, more, result);
      // Unreachable, but for one operand on top.
      Bytes body = {0x00, 0x20, LocalOf(OnStack(type))};
      Append(body, code);
      Add(body);
    }
    if (!params.empty()) Add(code, Types(params.begin() + 1, params.end()), result);
    Bytes body = {0x00};
    Append(body, code);
    Add(body);
  }

  static Bytes Opcode(const OpInfo& op) {
    Bytes code;
    if (op.prefix == 0) return {static_cast<uint8_t>(op.code)};
    code.push_back(op.prefix);
    AppendU32(code, op.code);
    return code;
  }

  void FromTable(const OpInfo& op) {
    const Bytes opcode = Opcode(op);
    const auto with = [&](std::initializer_list<uint8_t> immediates) {
      Bytes code = opcode;
      code.insert(code.end(), immediates);
      return code;
    };
    Types params = op.params;
    switch (op.immediate) {
      case Immediate::kNone:
        return AddAll(opcode, params, op.result);
      case Immediate::kLane:
        AddAll(with({0}), params, op.result);
        for (uint8_t lane = 1; lane < 64; ++lane) Add(with({lane}), params, op.result);
        return Add(with({255}), params, op.result);
      case Immediate::kShuffle:
        for (uint8_t wrong = 0; wrong <= 16; ++wrong) {
          Bytes code = opcode;
          for (uint8_t i = 0; i < 16; ++i) code.push_back(i == wrong ? 32 : i + 16);
          wrong == 16 ? AddAll(code, params, op.result) : Add(code, params, op.result);
        }
        return;
      case Immediate::kMemory:
      case Immediate::kMemoryLane:
        break;
    }
    // The 32-bit memory, the 64-bit one, one that there is not.
    for (uint8_t memory = 0; memory < 3; ++memory) {
      params[0] = memory == 1 ? kI64 : kI32;
      const auto access = [&](uint8_t align, std::initializer_list<uint8_t> offset, uint8_t lane) {
        Bytes code = memory == 0 ? with({align}) : with({static_cast<uint8_t>(align | 0x40), memory});
        code.insert(code.end(), offset);
        if (op.immediate == Immediate::kMemoryLane) code.push_back(lane);
        return code;
      };
      AddAll(access(op.align, {0}, 0), params, op.result);
      for (uint8_t align = 0; align < 0x40; ++align) Add(access(align, {0}, 0), params, op.result);
      for (uint8_t lane = 1; lane < 32 && op.lanes != 0; ++lane) Add(access(op.align, {0}, lane), params, op.result);
      Add(access(op.align, {0xff, 0xff, 0xff, 0xff, 0x0f}, 0), params, op.result);
      Add(access(op.align, {0xff, 0xff, 0xff, 0xff, 0x1f}, 0), params, op.result);
      Add(access(op.align, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, 0), params, op.result);
      Add(access(op.align, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x03}, 0), params, op.result);
    }
  }

  void ByHand() {
    // With an index in the last byte, and with each index up to what there is.
    const auto indexed = [&](Bytes code, const Types& params, StackType result) {
      AddAll(code, params, result);
      for (uint8_t index = 0; index < 10; ++index) {
        code.back() = index;
        Add(code, params, result);
      }
    };
    const auto indexed_pair = [&](Bytes code, const Types& params) {
      AddAll(code, params, kAny);
      for (uint8_t first = 0; first < 4; ++first) {
        for (uint8_t second = 0; second < 4; ++second) {
          code[code.size() - 2] = first;
          code.back() = second;
          Add(code, params, kAny);
        }
      }
    };
    for (uint8_t i = 0; i < kTypes; ++i) {
      const StackType type = OnStack(kAllTypes[i]);
      const auto global = static_cast<uint8_t>(i + 1);
      indexed({0x20, i}, {}, type);
      indexed({0x21, i}, {type}, kAny);
      indexed({0x22, i}, {type}, type);
      indexed({0x23, global}, {}, type);
      indexed({0x24, global}, {type}, kAny);
      AddAll({0x1a}, {type}, kAny);
      AddAll({0x1b}, {type, type, kI32}, type);
      AddAll({0x1c, 1, type}, {type, type, kI32}, type);
      AddAll({0xd0, type}, {}, type);
      AddAll({0xd1}, {type}, kI32);
      // Blocks, and branches with a value: their type inline.
      for (const uint8_t op : {0x02, 0x03}) AddAll({op, type, 0x20, i, 0x0b}, {}, type);
      AddAll({0x04, type, 0x20, i, 0x05, 0x20, i, 0x0b}, {kI32}, type);
      AddAll({0x04, type, 0x20, i, 0x0b}, {kI32}, type);
      AddAll({0x02, type, 0x20, i, 0x0c, 0, 0x0b}, {}, type);
      AddAll({0x02, type, 0x20, i, 0x20, 0, 0x0d, 0, 0x0b}, {}, type);
      AddAll({0x02, type, 0x20, i, 0x20, 0, 0x0e, 1, 0, 0, 0x0b}, {}, type);
      AddAll({0x02, type, 0x20, i, 0x20, 0, 0x0e, 1, 1, 0, 0x0b}, {}, type);
      AddAll({0x02, type, 0x20, i, 0x0f, 0x0b}, {}, type);
    }
    AddAll({0x1c, 0}, {kI32, kI32, kI32}, kI32);
    AddAll({0x1c, 2, kI32, kI32}, {kI32, kI32, kI32}, kI32);
    AddAll({0x02, 2, 0xac, 0x0b}, {kI32}, kI64);
    AddAll({0x03, 2, 0xac, 0x0b}, {kI32}, kI64);
    AddAll({0x03, 2, 0x20, 0, 0x0d, 0, 0xac, 0x0b}, {kI32}, kI64);
    AddAll({0x04, 2, 0xac, 0x05, 0xac, 0x0b}, {kI32, kI32}, kI64);
    AddAll({0x04, 2, 0xac, 0x0b}, {kI32, kI32}, kI64);
    AddAll({0x04, 2, 0x0b}, {kI32, kI32}, kI64);
    for (const uint8_t op : {0x0c, 0x0f, 0x00, 0x01}) AddAll({op, 0}, {}, kAny);
    indexed({0x0d, 0}, {kI32}, kAny);
    indexed({0x0e, 0, 0}, {kI32}, kAny);
    indexed({0x10, 0}, {kF32, kExternRef}, kV128);
    indexed_pair({0x11, 1, 0}, {kF32, kExternRef, kI32});
    AddAll({0x11, 1, 0}, {kF32, kExternRef, kI32}, kV128);
    AddAll({0x11, 2, 0}, {kI32, kI32}, kI64);
    indexed({0x12, 0}, {kF32, kExternRef}, kAny);
    indexed({0x12, 1}, {}, kAny);
    indexed_pair({0x13, 0, 0}, {kI32});
    indexed({0xd2, 0}, {}, kFuncRef);
    for (uint8_t table = 0; table < 2; ++table) {
      const StackType type = table == 0 ? kFuncRef : kExternRef;
      indexed({0x25, table}, {kI32}, type);
      indexed({0x26, table}, {kI32, type}, kAny);
      indexed({0xfc, 15, table}, {type, kI32}, kI32);
      indexed({0xfc, 16, table}, {}, kI32);
      indexed({0xfc, 17, table}, {kI32, type, kI32}, kAny);
      indexed_pair({0xfc, 14, table, table}, {kI32, kI32, kI32});
      indexed_pair({0xfc, 12, table, table}, {kI32, kI32, kI32});
    }
    indexed({0xfc, 13, 0}, {}, kAny);
    indexed({0xfc, 9, 0}, {}, kAny);
    for (uint8_t memory = 0; memory < 2; ++memory) {
      const StackType address = memory == 0 ? kI32 : kI64;
      const auto other = static_cast<uint8_t>(1 - memory);
      indexed({0x3f, memory}, {}, address);
      indexed({0x40, memory}, {address}, address);
      indexed({0xfc, 11, memory}, {address, kI32, address}, kAny);
      indexed_pair({0xfc, 10, memory, memory}, {address, address, address});
      indexed_pair({0xfc, 10, memory, other}, {address, memory == 0 ? kI64 : kI32, kI32});
      indexed_pair({0xfc, 8, 0, memory}, {address, kI32, kI32});
    }
    indexed({0xfe, 3, 0}, {}, kAny);
    AddAll({0x41, 0}, {}, kI32);
    AddAll({0x42, 0}, {}, kI64);
    AddAll({0x43, 0, 0, 0, 0}, {}, kF32);
    AddAll({0x44, 0, 0, 0, 0, 0, 0, 0, 0}, {}, OnStack(ValType::kF64));
    Bytes vector = {0xfd, 0x0c};
    vector.insert(vector.end(), 16, 0);
    AddAll(vector, {}, kV128);
  }

  // In unreachable code, where any operands are there. What is no immediate is `unreachable` again.
  void Opcodes() {
    const auto add = [&](Bytes opcode) {
      for (const size_t zeros : {0, 1, 2, 3, 16, 24}) {
        Bytes body = {0x00};
        Append(body, opcode);
        body.insert(body.end(), zeros, 0);
        Add(body);
        if (zeros == 1) {
          body.push_back(0x0b);
          Add(body);
        }
      }
    };
    for (uint32_t code = 0; code < 256; ++code) add({static_cast<uint8_t>(code)});
    for (const uint8_t prefix : {0xfb, 0xfc, 0xfd, 0xfe}) {
      for (uint32_t code = 0; code < 0x200; ++code) {
        Bytes opcode = {prefix};
        AppendU32(opcode, code);
        add(opcode);
      }
    }
  }

  std::vector<Bytes> bodies_;
};

}  // namespace

Sweep::Sweep()
    : limits_(LimitModules()),
      bodies_(Bodies().Take()),
      base_(Around({0x02, 0x40, 0x20, 0, 0x0e, 1, 0,    1, 0x0b, 0x20, 0,    0x04, 0x7e, 0x20, 1,    0x05, 0x42, 0,
                    0x0b, 0x1a, 0x20, 0, 0x02, 2, 0x28, 2, 0,    0xac, 0x0b, 0x20, 1,    0x20, 0,    0x1c, 1,    0x7e,
                    0x21, 1,    0x20, 0, 0x25, 0, 0x21, 5, 0x10, 1,    0xfd, 0x0c, 0,    0,    0,    0,    0,    0,
                    0,    0,    0,    0, 0,    0, 0,    0, 0,    0,    0xfd, 0x15, 3,    0x1a, 0x12, 1,    0x0b})) {}

Bytes Sweep::Module(uint64_t index) const {
  if (index < limits_.size()) return limits_[index];
  index -= limits_.size();
  if (index < bodies_.size()) return Around(bodies_[index]);
  index -= bodies_.size();
  Bytes wasm = base_;
  wasm[index / 256] = static_cast<uint8_t>(index);
  return wasm;
}

}  // namespace guardc::validity
