// Random choices, and the one thing that a generated module has wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>

namespace guardc::validity {

// splitmix64: the same on every machine. Module `index` of a run is a function of the run's seed and `index` alone.
class Rng {
 public:
  Rng(uint64_t seed, uint64_t index) : state_(seed * 0x9e3779b97f4a7c15 + 0x632be59bd9b4e019) {
    state_ = Next() + index * 0xd1342543de82ef95;
  }

  uint64_t Next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  uint32_t Below(uint64_t n) { return static_cast<uint32_t>(((Next() >> 32) * n) >> 32); }
  uint32_t Between(uint32_t low, uint32_t high) { return low + Below(uint64_t{high} - low + 1); }
  bool OneIn(uint32_t n) { return Below(n) == 0; }
  bool Percent(uint32_t p) { return Below(100) < p; }
  // 0 to `high`, small ones more often.
  uint32_t Small(uint32_t high) { return Below(Below(high + 1) + 1); }
  // 1 to 2^bits, each size as often as another.
  uint32_t Magnitude(uint32_t bits) { return 1 + Below(uint64_t{1} << Below(bits + 1)); }

  template <class Container>
  auto& Pick(Container&& container) {
    return *std::next(std::begin(container), Below(std::size(container)));
  }

 private:
  uint64_t state_;
};

// What can be wrong. Generators ask at every place where it could be.
enum class Fault : uint8_t {
  kNone,
  kOperand,    // missing, too many, of another type
  kControl,    // end and else that lack or are too many
  kImmediate,  // an index, alignment, lane, depth out of range
  kByte,       // types, flags, kinds, opcodes
  kNumber,     // LEB128 that is too long or has bits too many
  kCount,      // counts and sizes
  kConstExpr,
  kSection,  // order, duplicates
};

class Faults {
 public:
  Faults() = default;
  // At the `place`-th place where it could be, and, where `again`, soon after once more.
  Faults(Fault fault, uint32_t place, bool again) : fault_(fault), left_(place + 1), again_(again) {}

  // To count the places of one kind.
  static Faults Counting(Fault fault) { return Faults(fault, UINT32_MAX - 1, false); }
  uint32_t count() const { return UINT32_MAX - left_; }

  bool At(Fault fault) {
    if (fault != fault_ || left_ == 0 || --left_ != 0) return false;
    if (again_) left_ = 3;
    again_ = false;
    return true;
  }

 private:
  Fault fault_ = Fault::kNone;
  uint32_t left_ = 0;
  bool again_ = false;
};

}  // namespace guardc::validity
