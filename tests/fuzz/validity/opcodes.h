// Every instruction that has a fixed signature, with what an encoder has to know. The rest (control, variables, tables,
// bulk memory, constants) is written by hand in body.cc.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "guardc/types.h"

namespace guardc::validity {

// A type on the stack of the generator; kAny where code is unreachable.
using StackType = uint8_t;
inline constexpr StackType kAny = 0;
constexpr StackType OnStack(ValType type) { return static_cast<StackType>(type); }

enum class Immediate : uint8_t { kNone, kMemory, kMemoryLane, kLane, kShuffle };

struct OpInfo {
  uint8_t prefix = 0;  // 0xfc, 0xfd, 0xfe, or none
  uint32_t code = 0;
  StackType result = kAny;  // or none
  std::vector<StackType> params;
  Immediate immediate = Immediate::kNone;
  uint8_t align = 0;  // the largest log2
  bool is_atomic = false;
  uint8_t lanes = 0;
  // Of a memory access; the first parameter is its address then.
  bool HasMemory() const { return immediate == Immediate::kMemory || immediate == Immediate::kMemoryLane; }
};

// All of them; the list is the same on every machine.
std::span<const OpInfo> Ops();
// Those that give the type.
std::span<const OpInfo* const> OpsOf(StackType result);
// With a memory access, and without.
std::span<const OpInfo* const> MemoryOps();
std::span<const OpInfo* const> PlainOps();

}  // namespace guardc::validity
