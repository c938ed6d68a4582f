// What a destroyed instance leaves to the next one of its artifact: its reservation, accessible and mapped as an
// instance finds it before its first instruction, and nothing in it. Saves the next one most of its system calls.
//
// Nothing of the old instance can be read by the next: all its pages have gone back to the system, and what it had
// grown by is inaccessible again. A reservation of which the system does not take that back is unmapped, as is one of
// an instance that failed, and all where the process's address space is limited. At most kMost lie with an artifact,
// and go with it. Thread-safe.
#pragma once

#include <cstdint>

#include "base/file.h"
#include "loader/loaded_artifact.h"

namespace guardc::spare_spaces {

inline constexpr size_t kMost = 2;

// One with a stack of this size, `size` bytes in all; empty where there is none.
Mapping Take(const loader::LoadedArtifact& artifact, uint64_t size, uint64_t stack_size);

// `initial_size` bytes of `space` are the instance's before its first instruction, `size_now` what it ended with.
void Keep(const loader::LoadedArtifact& artifact, Mapping space, uint64_t stack_size, uint64_t initial_size,
          uint64_t size_now);

}  // namespace guardc::spare_spaces
