// What an instance may have of one kind altogether: the pages of its memories, or the elements of its tables. A cap for
// each alone would be no cap, since a module defines as many as it likes.
#pragma once

#include <cstdint>
#include <vector>

namespace guardc {

// `Member` is LinearMemory or TableObject: what the instance defines, not what it imports.
template <class Member>
struct Budget {
  uint64_t cap = 0;
  std::vector<const Member*> members;

  // Counted anew each time: a snapshot that is restored sets sizes without asking.
  uint64_t Left() const {
    uint64_t used = 0;
    for (const Member* member : members) used += member->units();
    return used < cap ? cap - used : 0;
  }
};

}  // namespace guardc
