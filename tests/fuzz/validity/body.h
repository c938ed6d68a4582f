// Function bodies over a stack of types: each instruction finds what it takes, or what it takes is produced first.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "tests/fuzz/validity/generate.h"
#include "tests/fuzz/validity/opcodes.h"

namespace guardc::validity {

class BodyGenerator {
 public:
  BodyGenerator(Generator& gen, uint32_t func);
  void Write();

 private:
  using Types = std::vector<StackType>;
  enum class Block : uint8_t { kFunction, kBlock, kLoop, kIf, kElse };
  struct Frame {
    Block kind;
    Types params, results;
    size_t height = 0;
    bool unreachable = false;
    const Types& label() const { return kind == Block::kLoop ? params : results; }
  };

  // body.cc: the stack, numeric instructions, control.
  void Locals();
  void Step();
  void Close();
  void Open(Block kind);
  void OpenAs(Block kind, Types params, Types results);
  void Branch();
  void BrTable();
  void Leave();  // return and tail calls
  void Call();
  void NumericOp(const OpInfo& op, int depth);
  void SetUnreachable();
  void Drop();

  void Need(std::span<const StackType> types, int depth = 0);
  void Need(std::initializer_list<StackType> types, int depth = 0) {
    Need(std::span(types.begin(), types.size()), depth);
  }
  void NeedWrongly(const Types& rest, int depth);
  void Produce(StackType type, int depth);
  bool ProduceOtherwise(StackType type, int depth);
  void Push(StackType type) {
    if (type != kAny) stack_.push_back(type);
  }
  void Push(const Types& types) { stack_.insert(stack_.end(), types.begin(), types.end()); }

  // body_ops.cc: what has immediates of its own.
  void Variable();
  void Select();
  void MemoryOp();
  void TableOp();
  void Reference();
  void Opcode(uint8_t code) { out_.Byte(code); }
  void Opcode(uint8_t prefix, uint32_t code);
  void Immediates(const OpInfo& op, uint32_t memory);
  uint32_t Index(uint32_t index, size_t count);
  void BlockType(const Types& params, const Types& results);
  StackType AddressOf(uint32_t memory) const;
  StackType DrawStackType() { return OnStack(rng_.Pick(kAllTypes)); }
  // An index among those that fit, if there is one.
  template <class Predicate>
  std::optional<uint32_t> Find(size_t count, Predicate fits) {
    const uint32_t start = count == 0 ? 0 : rng_.Below(count);
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t index = (start + i) % count;
      if (fits(index)) return index;
    }
    return std::nullopt;
  }

  Generator& gen_;
  Plan& plan_;
  Rng& rng_;
  Faults& faults_;
  Writer& out_;
  Types locals_;
  Types stack_;
  std::vector<Frame> frames_;
  int budget_ = 0;
};

}  // namespace guardc::validity
