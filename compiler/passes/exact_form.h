// What a 64-bit value is as an exact integer, given two values x and y: a polynomial in atoms with integer
// coefficients. Atoms are x, y, values that are not looked into, and floor(P / 2^32) of a polynomial P.
//
// Every rule is an identity over the integers, so two values with the same form are equal whatever x and y are:
//   add, mul, shl    P - 2^64 floor(P / 2^64), where P is the exact result; P itself where it cannot reach 2^64
//   lshr 32          floor(P / 2^32)
//   low 32 bits      P - 2^32 floor(P / 2^32)
//   carry of a + b   floor((A + B) / 2^64)
// and floor((P + 2^32 Q) / 2^32) = floor(P / 2^32) + Q, which brings coefficients below a floor into 0 .. 2^32 - 1.
// Not every pair of equal values gets the same form; the schoolbook products that compilers write do.
#pragma once

#include <llvm/ADT/DenseMap.h>

#include <cstdint>
#include <map>
#include <vector>

namespace llvm {
class Instruction;
class Value;
}  // namespace llvm

namespace guardc::compiler {

inline constexpr unsigned kHalfBits = 32;  // of a 64-bit value

class ExactForms {
 public:
  using Atom = uint32_t;
  using Monomial = std::vector<Atom>;  // in order, one entry for each factor
  using Polynomial = std::map<Monomial, __int128>;

  ExactForms(const llvm::Value* x, const llvm::Value* y);

  // Of an i64 or i32 value.
  const Polynomial& Of(const llvm::Value* value) { return FormOf(value, 0).polynomial; }
  // The halves of the exact product of x and y.
  Polynomial ProductHigh() const { return product_high_; }
  Polynomial ProductLow() const { return product_low_; }

  // Does it hold nothing but x and y?
  bool IsKnown(const Polynomial& polynomial) const;
  static Polynomial Sum(const Polynomial& a, const Polynomial& b);

 private:
  using Unsigned = unsigned __int128;
  struct Form {
    Polynomial polynomial;
    Unsigned max;  // of the value
  };
  const Form& FormOf(const llvm::Value* value, unsigned depth);
  bool Derive(const llvm::Instruction& instruction, unsigned depth, Form& form);
  bool Shift(const llvm::Instruction& instruction, unsigned depth, Form& form);
  bool And(const llvm::Instruction& instruction, unsigned depth, Form& form);
  bool Or(const llvm::Instruction& instruction, unsigned depth, Form& form);
  bool Choice(const llvm::Value* condition, uint64_t if_true, uint64_t if_false, unsigned depth, Form& form);
  bool Carry(const llvm::Value* condition, unsigned depth, Polynomial& carry);

  Atom NewAtom(bool is_known);
  Polynomial High(const Polynomial& polynomial);
  Polynomial Low(const Form& form);
  Form Wrapped(Form exact, unsigned width);

  std::vector<bool> is_known_;  // by atom
  unsigned looked_into_ = 0;
  std::map<Polynomial, Atom> floors_;  // of these divided by 2^32
  llvm::DenseMap<const llvm::Value*, Form> forms_;
  Polynomial product_high_;
  Polynomial product_low_;
};

}  // namespace guardc::compiler
