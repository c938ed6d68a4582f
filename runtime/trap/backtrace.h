// Which guest functions were on the stack when the guest was left.
#pragma once

#include <vector>

#include "guardc/result.h"
#include "loader/loaded_artifact.h"
#include "runtime/trap/activation.h"

namespace guardc {

struct Backtrace {
  std::vector<Frame> frames;  // innermost first, 64 at most
  // Whose functions were on the part of the stack that was walked, each once.
  std::vector<const loader::LoadedArtifact*> artifacts;
  // The walk has come to the host's entry. Where it has not, others may have been on the stack.
  bool is_complete = false;
};

// After the trap, before anything else runs on that stack. `to_the_end`: for all `artifacts`, also beyond 64 frames.
Backtrace WalkGuestStack(const Activation& activation, bool to_the_end);

}  // namespace guardc
