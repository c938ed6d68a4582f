// Which addresses are guest code: asked by the signal handler, without a lock (TRAP-2), and by backtraces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "loader/loaded_artifact.h"

namespace guardc {

struct CodeRange {
  uintptr_t begin = 0;
  uintptr_t end = 0;
  bool Contains(uintptr_t pc) const { return pc >= begin && pc < end; }
};

// Registers an artifact's text for as long as it lives. Any number of them may name the same artifact.
class RegisteredCode {
 public:
  explicit RegisteredCode(const loader::LoadedArtifact& artifact);
  ~RegisteredCode();
  RegisteredCode(const RegisteredCode&) = delete;
  RegisteredCode& operator=(const RegisteredCode&) = delete;

 private:
  uintptr_t begin_;  // 0: nothing to register
};

// The registered text around `pc`, or an empty range. Safe in a signal handler.
CodeRange FindCode(uintptr_t pc);

// The artifact whose text holds `pc`, or null. Takes a lock. Valid while its owner is registered.
const loader::LoadedArtifact* FindArtifact(uintptr_t pc);

}  // namespace guardc
