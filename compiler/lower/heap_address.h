// The single place where guest addresses become pointers. See the .cc.
#pragma once

#include <cstdint>

#include "compiler/lower/emitter.h"

namespace guardc::compiler {

// The pointer to `width` bytes at index + offset of a memory; where the memory needs explicit checks, traps unless they
// lie inside. `index` is of the memory's index type.
llvm::Value* HeapAddress(Emitter& e, uint32_t memory, llvm::Value* index, uint64_t offset, uint32_t width);

// The pointer to `count` bytes at `index`, always checked (bulk instructions: a length of 0 past the end traps too).
// Index and count are i32 or i64.
llvm::Value* HeapRange(Emitter& e, uint32_t memory, llvm::Value* index, llvm::Value* count);

// Does an access to any range of a memory that is not empty trap by itself where it leaves the memory, and is that
// early enough? Code may write what is inside before it traps (TRAP-4: a trapped instance is not looked at again),
// unless traps are strict or other threads see the memory.
bool RangeFaults(const Emitter& e, uint32_t memory);

// The pointer to a range of such a memory at `index`, an i32, unchecked. The range's length is an i32 as well, not 0.
llvm::Value* FaultingHeapRange(Emitter& e, uint32_t memory, llvm::Value* index);

// Traps unless `width` bytes at index + offset lie inside the memory.
void CheckInside(Emitter& e, uint32_t memory, llvm::Value* index, uint64_t offset, uint32_t width);

// index + offset as the guest sees it, i64; may wrap for a 64-bit memory.
llvm::Value* EffectiveAddress(Emitter& e, llvm::Value* index, uint64_t offset);

}  // namespace guardc::compiler
