// VALID-2: what two validators vouch for is asserted once more where a mistake would let a guest out: addresses,
// widths, references, what calls and branches hand over. In release builds too; such a module is not compiled.
#pragma once

namespace guardc::compiler {

[[noreturn]] void RequirementFailed(const char* what);

// `what` says what should be true.
inline void Require(bool holds, const char* what) {
  if (!holds) [[unlikely]]
    RequirementFailed(what);
}

}  // namespace guardc::compiler
