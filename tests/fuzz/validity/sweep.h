// What chance would take long to hit, in order: every instruction with every operand of every other type, with one
// immediate too large, every opcode that there could be, every byte of one module in all its values, and what stands at
// a limit or above it.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/fuzz/validity/writer.h"

namespace guardc::validity {

class Sweep {
 public:
  Sweep();

  uint64_t size() const { return limits_.size() + bodies_.size() + 256 * base_.size(); }
  Bytes Module(uint64_t index) const;

 private:
  std::vector<Bytes> limits_;
  std::vector<Bytes> bodies_;  // of the function in a module that has all things to name
  Bytes base_;                 // each of whose bytes is changed
};

}  // namespace guardc::validity
