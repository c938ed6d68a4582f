// Writes the binary format, with every form of encoding that is allowed and, at a fault, one that is not.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "guardc/types.h"
#include "tests/fuzz/validity/random.h"

namespace guardc::validity {

using Bytes = std::vector<uint8_t>;

class Writer {
 public:
  // `padding`: of so many LEB128 in a hundred, which are longer than they must be.
  Writer(Rng& rng, Faults& faults, uint32_t padding) : rng_(rng), faults_(faults), padding_(padding) {}

  Bytes& bytes() { return bytes_; }

  void Raw(uint8_t byte) { bytes_.push_back(byte); }
  void Raw(std::span<const uint8_t> bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  // A byte that has a meaning: flags, kinds, opcodes.
  void Byte(uint8_t byte);
  void Type(ValType type);
  void U32(uint32_t value) { Unsigned(value, 32); }
  void U64(uint64_t value) { Unsigned(value, 64); }
  void S32(int32_t value) { Signed(value, 32); }
  void S33(int64_t value) { Signed(value, 33); }
  void S64(int64_t value) { Signed(value, 64); }
  // A number of things that follow.
  void Count(uint32_t count);
  void Name(std::string_view name);
  // Puts the size of what was written since Open() before it.
  size_t Open() const { return bytes_.size(); }
  void Close(size_t open);

 private:
  // By chance, a number that is none: a byte too long, or with bits in its last byte that the type has not, or that say
  // that it goes on. Answers those bits.
  uint8_t BreakNumber(uint32_t bits, uint32_t longest, uint32_t& size);
  void Unsigned(uint64_t value, uint32_t bits);
  void Signed(int64_t value, uint32_t bits);

  Bytes bytes_;
  Rng& rng_;
  Faults& faults_;
  uint32_t padding_;
};

// As short as possible.
void AppendU32(Bytes& bytes, uint32_t value);

}  // namespace guardc::validity
