// =====================================================================================================================
// THE SANDBOX. Every pointer into a guest's memory is made in this file and nowhere else. A mistake here lets a guest
// read or write the host. TWO READERS FOR EVERY CHANGE.
//
// MEM-1: a 32-bit memory without explicit checks owns abi::kMemoryReservation bytes of address space from its base. The
// index and the offset are both zero-extended, so that base + index + offset + width stays inside: a sign-extended
// index would reach 2 GiB below the base. No arithmetic here may be narrower than 64 bits, and no no-wrap flag may
// claim what the guest can falsify. With explicit checks (LowerOptions::bounds_checks, and every 64-bit memory) nothing
// is assumed of the address space.
// =====================================================================================================================
#include "compiler/lower/heap_address.h"

#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>

#include <limits>

#include "compiler/lower/require.h"
#include "guardc/types.h"

namespace guardc::compiler {
namespace {

bool NeedsCheck(const Emitter& e, uint32_t memory) {
  return e.m.options.bounds_checks || e.m.wasm.memory_types[memory].limits.is_64;
}

// index + offset + width <= size, where index is below 2^32 and so are offset and width: no 64-bit overflow.
void Check32(Emitter& e, uint32_t memory, llvm::Value* wide_index, uint64_t offset, uint32_t width) {
  llvm::Value* end = e.b.CreateAdd(wide_index, e.I64(offset + width), "", /*HasNUW=*/true, /*HasNSW=*/true);
  e.TrapIf(e.b.CreateICmpUGT(end, e.MemorySize(memory)), TrapCode::kMemoryOutOfBounds);
}

// The same for any 64-bit index and offset: first offset + width <= size, then index <= size - (offset + width).
void Check64(Emitter& e, uint32_t memory, llvm::Value* index, uint64_t offset, uint32_t width) {
  if (offset > std::numeric_limits<uint64_t>::max() - width) {
    e.TrapIf(e.b.getTrue(), TrapCode::kMemoryOutOfBounds);
    return;
  }
  const uint64_t reach = offset + width;
  llvm::Value* size = e.MemorySize(memory);
  llvm::Value* outside = e.b.CreateICmpUGT(index, e.b.CreateSub(size, e.I64(reach)));
  // A memory never shrinks: within its minimum the first comparison is decided.
  const uint64_t reach_pages = reach / kWasmPageSize + (reach % kWasmPageSize != 0);
  if (e.m.wasm.memory_types[memory].limits.min < reach_pages) {
    outside = e.b.CreateOr(e.b.CreateICmpULT(size, e.I64(reach)), outside);
  }
  e.TrapIf(outside, TrapCode::kMemoryOutOfBounds);
}

// An i64 that passed for the index of a 32-bit memory would be an address anywhere (VALID-2).
llvm::Value* WideIndex(Emitter& e, uint32_t memory, llvm::Value* index) {
  llvm::Type* type = e.m.wasm.memory_types[memory].limits.is_64 ? e.m.i64 : e.m.i32;
  Require(index->getType() == type, "an address is of its memory's index type");
  return e.b.CreateZExt(index, e.m.i64);
}

void RequireOffset(const Emitter& e, uint32_t memory, uint64_t offset, uint32_t width) {
  constexpr uint32_t kWidest = 16;  // v128
  const bool is_64 = e.m.wasm.memory_types[memory].limits.is_64;
  Require(width <= kWidest && (is_64 || offset <= std::numeric_limits<uint32_t>::max()),
          "an access to a 32-bit memory has an offset of 32 bits");
}

// Of what is compared as a number of 64 bits, and is no address yet.
llvm::Value* Wide(Emitter& e, llvm::Value* value) {
  Require(value->getType()->isIntegerTy(32) || value->getType()->isIntegerTy(64), "a count is an i32 or an i64");
  return e.b.CreateZExt(value, e.m.i64);
}

}  // namespace

llvm::Value* EffectiveAddress(Emitter& e, llvm::Value* index, uint64_t offset) {
  return e.b.CreateAdd(Wide(e, index), e.I64(offset));
}

void CheckInside(Emitter& e, uint32_t memory, llvm::Value* index, uint64_t offset, uint32_t width) {
  RequireOffset(e, memory, offset, width);
  if (e.m.wasm.memory_types[memory].limits.is_64) {
    Check64(e, memory, WideIndex(e, memory, index), offset, width);
  } else {
    Check32(e, memory, WideIndex(e, memory, index), offset, width);
  }
}

llvm::Value* HeapAddress(Emitter& e, uint32_t memory, llvm::Value* index, uint64_t offset, uint32_t width) {
  RequireOffset(e, memory, offset, width);
  if (NeedsCheck(e, memory)) CheckInside(e, memory, index, offset, width);
  llvm::Value* address = e.b.CreatePtrAdd(e.MemoryBase(memory), WideIndex(e, memory, index));
  return offset ? e.b.CreatePtrAdd(address, e.I64(offset)) : address;
}

llvm::Value* HeapRange(Emitter& e, uint32_t memory, llvm::Value* index, llvm::Value* count) {
  e.TrapIf(RangeExceeds(e, index, count, e.MemorySize(memory)), TrapCode::kMemoryOutOfBounds);
  return e.b.CreatePtrAdd(e.MemoryBase(memory), WideIndex(e, memory, index));
}

bool RangeFaults(const Emitter& e, uint32_t memory) {
  return !NeedsCheck(e, memory) && !e.m.options.strict_traps && !e.m.wasm.memory_types[memory].limits.is_shared;
}

// index + length < 2^33, so that all of the range is inside the reservation (MEM-1).
static_assert(uint64_t{std::numeric_limits<uint32_t>::max()} * 2 <= abi::kMemoryReservation);
llvm::Value* FaultingHeapRange(Emitter& e, uint32_t memory, llvm::Value* index) {
  Require(RangeFaults(e, memory), "only a memory with guard pages is accessed unchecked");
  return e.b.CreatePtrAdd(e.MemoryBase(memory), WideIndex(e, memory, index));
}

llvm::Value* RangeExceeds(Emitter& e, llvm::Value* index, llvm::Value* count, llvm::Value* size) {
  if (index->getType()->isIntegerTy(32) && count->getType()->isIntegerTy(32)) {
    return e.b.CreateICmpUGT(e.b.CreateAdd(Wide(e, index), Wide(e, count), "", true, true), size);
  }
  llvm::Value* wide_count = Wide(e, count);
  return e.b.CreateOr(e.b.CreateICmpUGT(wide_count, size),
                      e.b.CreateICmpUGT(Wide(e, index), e.b.CreateSub(size, wide_count)));
}

}  // namespace guardc::compiler
