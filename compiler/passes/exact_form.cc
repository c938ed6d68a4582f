#include "compiler/passes/exact_form.h"

#include <llvm/IR/Constants.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/PatternMatch.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace guardc::compiler {
namespace {

namespace match = llvm::PatternMatch;
using Polynomial = ExactForms::Polynomial;

constexpr uint64_t kHalfMask = 0xffffffff;
// Bound the work on code that has many products.
constexpr unsigned kMaxDepth = 24;
constexpr unsigned kMaxLookedInto = 200;
// What is larger is not looked into. With so few and such small coefficients no sum or product of them overflows.
constexpr size_t kMaxTerms = 24;
constexpr __int128 kMaxCoefficient = __int128{1} << 100;

// Of 1 to 128 bits.
constexpr unsigned __int128 MaxOf(unsigned width) { return ~static_cast<unsigned __int128>(0) >> (128 - width); }
static_assert(MaxOf(1) == 1 && MaxOf(64) == ~uint64_t{0} && MaxOf(128) + 1 == 0);

void AddTerm(Polynomial& sum, const ExactForms::Monomial& monomial, __int128 coefficient) {
  __int128& term = sum[monomial];
  term += coefficient;
  if (term == 0) sum.erase(monomial);
}

Polynomial Scaled(const Polynomial& polynomial, __int128 factor) {
  Polynomial scaled;
  for (const auto& [monomial, coefficient] : polynomial) AddTerm(scaled, monomial, coefficient * factor);
  return scaled;
}

Polynomial Constant(uint64_t value) {
  Polynomial polynomial;
  AddTerm(polynomial, {}, value);
  return polynomial;
}

bool IsSmall(const Polynomial& polynomial, __int128 limit) {
  return polynomial.size() <= kMaxTerms && std::ranges::all_of(polynomial, [&](const auto& term) {
           return -limit <= term.second && term.second <= limit;
         });
}

// No result where it could overflow or grow without end.
std::optional<Polynomial> Product(const Polynomial& a, const Polynomial& b) {
  constexpr __int128 kLimit = __int128{1} << 60;
  if (!IsSmall(a, kLimit) || !IsSmall(b, kLimit)) return std::nullopt;
  Polynomial product;
  for (const auto& [left, left_coefficient] : a) {
    for (const auto& [right, right_coefficient] : b) {
      ExactForms::Monomial both(left);
      both.insert(both.end(), right.begin(), right.end());
      std::ranges::sort(both);
      AddTerm(product, both, left_coefficient * right_coefficient);
    }
  }
  return product;
}

}  // namespace

ExactForms::ExactForms(const llvm::Value* x, const llvm::Value* y) {
  for (const llvm::Value* factor : {x, y}) {
    if (forms_.contains(factor)) continue;  // a square
    Form form{{}, MaxOf(64)};
    AddTerm(form.polynomial, {NewAtom(true)}, 1);
    forms_.try_emplace(factor, std::move(form));
  }
  const Polynomial product = *Product(forms_[x].polynomial, forms_[y].polynomial);
  product_high_ = High(High(product));
  product_low_ = Wrapped({product, MaxOf(128)}, 64).polynomial;
}

bool ExactForms::IsKnown(const Polynomial& polynomial) const {
  return std::ranges::all_of(polynomial, [&](const auto& term) {
    return std::ranges::all_of(term.first, [&](Atom atom) { return is_known_[atom]; });
  });
}

Polynomial ExactForms::Sum(const Polynomial& a, const Polynomial& b) {
  Polynomial sum(a);
  for (const auto& [monomial, coefficient] : b) AddTerm(sum, monomial, coefficient);
  return sum;
}

ExactForms::Atom ExactForms::NewAtom(bool is_known) {
  is_known_.push_back(is_known);
  return static_cast<Atom>(is_known_.size() - 1);
}

// floor(P / 2^32): what is a multiple of 2^32 comes out of the floor.
Polynomial ExactForms::High(const Polynomial& polynomial) {
  Polynomial high;
  Polynomial rest;
  for (const auto& [monomial, coefficient] : polynomial) {
    AddTerm(high, monomial, coefficient >> kHalfBits);
    AddTerm(rest, monomial, coefficient & kHalfMask);
  }
  if (rest.empty() || (rest.size() == 1 && rest.contains({}))) return high;
  const auto [place, is_new] = floors_.try_emplace(rest, 0);
  if (is_new) place->second = NewAtom(IsKnown(rest));
  AddTerm(high, {place->second}, 1);
  return high;
}

Polynomial ExactForms::Low(const Form& form) {
  if (form.max <= kHalfMask) return form.polynomial;
  return Sum(form.polynomial, Scaled(High(form.polynomial), -(__int128{1} << kHalfBits)));
}

ExactForms::Form ExactForms::Wrapped(Form exact, unsigned width) {
  if (exact.max <= MaxOf(width)) return exact;
  Polynomial above = High(exact.polynomial);
  if (width == 64) above = High(above);
  return {Sum(exact.polynomial, Scaled(above, -(__int128{1} << width))), MaxOf(width)};
}

const ExactForms::Form& ExactForms::FormOf(const llvm::Value* value, unsigned depth) {
  if (const auto known = forms_.find(value); known != forms_.end()) return known->second;
  const unsigned width = value->getType()->getIntegerBitWidth();
  Form form{{}, MaxOf(width)};
  if (const auto* constant = llvm::dyn_cast<llvm::ConstantInt>(value)) {
    form = {Constant(constant->getZExtValue()), constant->getZExtValue()};
  } else {
    const auto* instruction = llvm::dyn_cast<llvm::Instruction>(value);
    const bool is_derived = instruction && depth < kMaxDepth && (width == 64 || width == kHalfBits) &&
                            looked_into_++ < kMaxLookedInto && Derive(*instruction, depth + 1, form) &&
                            IsSmall(form.polynomial, kMaxCoefficient);
    if (!is_derived) {
      form = {{}, MaxOf(width)};
      AddTerm(form.polynomial, {NewAtom(false)}, 1);
    }
  }
  return forms_.try_emplace(value, std::move(form)).first->second;
}

bool ExactForms::Derive(const llvm::Instruction& instruction, unsigned depth, Form& form) {
  const unsigned width = instruction.getType()->getIntegerBitWidth();
  // Copies: looking at one operand may move what is known of the other.
  const auto operand = [&](unsigned i) -> Form { return FormOf(instruction.getOperand(i), depth); };
  switch (instruction.getOpcode()) {
    case llvm::Instruction::Add: {
      const Form a = operand(0), b = operand(1);
      form = Wrapped({Sum(a.polynomial, b.polynomial), a.max + b.max}, width);
      return true;
    }
    case llvm::Instruction::Mul: {
      const Form a = operand(0), b = operand(1);
      std::optional<Polynomial> product = Product(a.polynomial, b.polynomial);
      if (!product) return false;
      form = Wrapped({std::move(*product), a.max * b.max}, width);
      return true;
    }
    case llvm::Instruction::Shl:
    case llvm::Instruction::LShr:
      return Shift(instruction, depth, form);
    case llvm::Instruction::And:
      return And(instruction, depth, form);
    case llvm::Instruction::Or:
      return Or(instruction, depth, form);
    case llvm::Instruction::Trunc: {
      if (!instruction.getOperand(0)->getType()->isIntegerTy(64) || width != kHalfBits) return false;
      const Form wide = operand(0);
      form = {Low(wide), std::min<Unsigned>(wide.max, kHalfMask)};
      return true;
    }
    case llvm::Instruction::ZExt:
      if (instruction.getOperand(0)->getType()->isIntegerTy(kHalfBits)) {
        form = operand(0);
        return true;
      }
      return instruction.getOperand(0)->getType()->isIntegerTy(1) &&
             Choice(instruction.getOperand(0), 1, 0, depth, form);
    case llvm::Instruction::Select: {
      const auto* if_true = llvm::dyn_cast<llvm::ConstantInt>(instruction.getOperand(1));
      const auto* if_false = llvm::dyn_cast<llvm::ConstantInt>(instruction.getOperand(2));
      return if_true && if_false &&
             Choice(instruction.getOperand(0), if_true->getZExtValue(), if_false->getZExtValue(), depth, form);
    }
    default:
      return false;
  }
}

bool ExactForms::Shift(const llvm::Instruction& instruction, unsigned depth, Form& form) {
  const unsigned width = instruction.getType()->getIntegerBitWidth();
  const auto* count = llvm::dyn_cast<llvm::ConstantInt>(instruction.getOperand(1));
  if (!count || count->getZExtValue() >= width) return false;
  const Form value = FormOf(instruction.getOperand(0), depth);
  if (instruction.getOpcode() == llvm::Instruction::Shl) {
    const uint64_t bits = count->getZExtValue();
    // Of 64 bits shifted by 32 the lower half is left.
    const bool drops_half = width == 64 && bits == kHalfBits;
    const Form kept = drops_half ? Form{Low(value), std::min<Unsigned>(value.max, kHalfMask)} : value;
    if (!IsSmall(kept.polynomial, __int128{1} << 36)) return false;
    form = Wrapped({Scaled(kept.polynomial, __int128{1} << bits), kept.max << bits}, width);
    return true;
  }
  if (width != 64 || count->getZExtValue() != kHalfBits) return false;
  form = {value.max <= kHalfMask ? Polynomial() : High(value.polynomial), value.max >> kHalfBits};
  return true;
}

bool ExactForms::And(const llvm::Instruction& instruction, unsigned depth, Form& form) {
  const auto* mask = llvm::dyn_cast<llvm::ConstantInt>(instruction.getOperand(1));
  if (!mask || mask->getZExtValue() != kHalfMask) return false;
  const Form value = FormOf(instruction.getOperand(0), depth);
  form = {Low(value), std::min<Unsigned>(value.max, kHalfMask)};
  return true;
}

// Of two values with no bit in common: their sum.
bool ExactForms::Or(const llvm::Instruction& instruction, unsigned depth, Form& form) {
  if (!instruction.getType()->isIntegerTy(64)) return false;
  if (llvm::cast<llvm::PossiblyDisjointInst>(instruction).isDisjoint()) {
    const Form a = FormOf(instruction.getOperand(0), depth), b = FormOf(instruction.getOperand(1), depth);
    form = {Sum(a.polynomial, b.polynomial), std::min(a.max + b.max, MaxOf(64))};
    return true;
  }
  for (unsigned i = 0; i < 2; ++i) {
    const llvm::Value* upper = instruction.getOperand(i);
    if (!match::match(upper, match::m_Shl(match::m_Value(), match::m_SpecificInt(kHalfBits)))) continue;
    const Form high = FormOf(upper, depth), low = FormOf(instruction.getOperand(1 - i), depth);
    if (low.max > kHalfMask) continue;
    form = {Sum(high.polynomial, low.polynomial), MaxOf(64)};
    return true;
  }
  return false;
}

bool ExactForms::Choice(const llvm::Value* condition, uint64_t if_true, uint64_t if_false, unsigned depth, Form& form) {
  Polynomial carry;
  if (!Carry(condition, depth, carry)) return false;
  const __int128 difference = __int128{if_true} - __int128{if_false};
  form = {Sum(Constant(if_false), Scaled(carry, difference)), std::max(if_true, if_false)};
  return true;
}

// a + b < a and a + b < b, wrapped, or ~a < b: does the sum of a and b reach 2^64?
bool ExactForms::Carry(const llvm::Value* condition, unsigned depth, Polynomial& carry) {
  const auto* compare = llvm::dyn_cast<llvm::ICmpInst>(condition);
  if (!compare || !compare->getOperand(0)->getType()->isIntegerTy(64)) return false;
  const llvm::Value* less = compare->getOperand(0);
  const llvm::Value* more = compare->getOperand(1);
  if (compare->getPredicate() == llvm::CmpInst::ICMP_UGT) {
    std::swap(less, more);
  } else if (compare->getPredicate() != llvm::CmpInst::ICMP_ULT) {
    return false;
  }
  const llvm::Value* a = nullptr;
  const llvm::Value* b = nullptr;
  if (match::match(less, match::m_Not(match::m_Value(a)))) {
    b = more;
  } else if (!match::match(less, match::m_Add(match::m_Value(a), match::m_Value(b))) || (a != more && b != more)) {
    return false;
  }
  const Polynomial first = FormOf(a, depth).polynomial;
  carry = High(High(Sum(first, FormOf(b, depth).polynomial)));
  return true;
}

}  // namespace guardc::compiler
