// memory.grow and the bulk memory instructions (core specification 4.4.7). Bounds are checked here, in one go and
// before anything is written, but for copies that fault (heap_address.h): those are checked only where they are empty.
// What moves the bytes are calls to the artifact's own memset, memcpy and memmove (copy_calls.h), or inline code where
// the size is a small constant.
#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>

#include "compiler/lower/heap_address.h"
#include "compiler/lower/lower_function.h"

namespace guardc::compiler {

void FunctionLowering::MemoryGrow(uint32_t memory) {
  llvm::Value* pages = Wide(Pop(IndexType(memory)));
  llvm::Value* values = e_.CallBuiltin(Builtin::kMemoryGrow, {e_.I64(memory), pages});
  llvm::Value* old = b_.CreateAlignedLoad(m_.i64, values, llvm::Align(16));
  Push(b_.CreateTrunc(old, IndexType(memory)));
}

void FunctionLowering::MemoryFill(uint32_t memory) {
  llvm::Value* count = Pop(IndexType(memory));
  llvm::Value* byte = b_.CreateTrunc(Pop(m_.i32), m_.i8);
  llvm::Value* address = HeapRange(e_, memory, Pop(IndexType(memory)), count);
  b_.CreateMemSet(address, byte, Wide(count), llvm::Align(1), m_.options.strict_traps);
}

void FunctionLowering::CopyFaulting(uint32_t to, llvm::Value* target_index, uint32_t from, llvm::Value* source_index,
                                    llvm::Value* count) {
  llvm::BasicBlock* empty = e_.NewBlock();
  llvm::BasicBlock* some = e_.NewBlock();
  llvm::BasicBlock* done = e_.NewBlock();
  e_.BranchUnlikely(b_.CreateIsNull(count), empty, some);
  e_.StartBlock(empty);
  HeapRange(e_, to, target_index, count);
  HeapRange(e_, from, source_index, count);
  b_.CreateBr(done);
  e_.StartBlock(some);
  llvm::Value* target = FaultingHeapRange(e_, to, target_index);
  llvm::Value* source = FaultingHeapRange(e_, from, source_index);
  b_.CreateMemMove(target, llvm::Align(1), source, llvm::Align(1), Wide(count));
  b_.CreateBr(done);
  e_.StartBlock(done);
}

void FunctionLowering::MemoryCopy(uint32_t to, uint32_t from) {
  const bool is_64 = IndexType(to) == m_.i64 && IndexType(from) == m_.i64;
  llvm::Value* count = Pop(is_64 ? m_.i64 : m_.i32);
  llvm::Value* source_index = Pop(IndexType(from));
  llvm::Value* target_index = Pop(IndexType(to));
  if (RangeFaults(e_, to) && RangeFaults(e_, from)) {
    CopyFaulting(to, target_index, from, source_index, count);
    return;
  }
  llvm::Value* target = HeapRange(e_, to, target_index, count);
  llvm::Value* source = HeapRange(e_, from, source_index, count);
  // Two memories of a module may be one memory (imported twice), so memmove for those as well.
  b_.CreateMemMove(target, llvm::Align(1), source, llvm::Align(1), Wide(count), m_.options.strict_traps);
}

void FunctionLowering::MemoryInit(uint32_t segment, uint32_t memory) {
  llvm::Value* count = Pop(m_.i32);
  llvm::Value* source_index = Pop(m_.i32);
  llvm::Value* target_index = Pop(IndexType(memory));
  const bool is_passive = m_.wasm.data_segments[segment].mode == SegmentMode::kPassive;
  // An active segment was dropped when the instance was made, before any code could run.
  llvm::Value* segment_size = e_.I64(0);
  if (is_passive) segment_size = Wide(b_.CreateAlignedLoad(m_.i32, e_.DataSizePtr(segment), llvm::Align(4)));
  e_.TrapIf(RangeExceeds(e_, source_index, count, segment_size), TrapCode::kMemoryOutOfBounds);
  llvm::Value* target = HeapRange(e_, memory, target_index, count);
  if (!is_passive || m_.wasm.data_segments[segment].bytes.empty()) return;  // count is 0
  llvm::Value* source = b_.CreatePtrAdd(m_.DataBytes(segment), Wide(source_index));
  b_.CreateMemCpy(target, llvm::Align(1), source, llvm::Align(1), Wide(count), m_.options.strict_traps);
}

bool FunctionLowering::LowerBulkMemory(const Instr& instr) {
  const auto low = static_cast<uint32_t>(instr.imm);
  const auto high = static_cast<uint32_t>(instr.imm >> 32);
  switch (instr.op) {
    case Op::kMemoryGrow:  // memory.grow
      MemoryGrow(low);
      return true;
    case Op::kMemoryFill:  // memory.fill
      MemoryFill(low);
      return true;
    case Op::kMemoryCopy:  // memory.copy
      MemoryCopy(low, high);
      return true;
    case Op::kMemoryInit:  // memory.init
      MemoryInit(low, high);
      return true;
    case Op::kDataDrop:  // data.drop
      e_.StoreState(e_.I32(0), e_.DataSizePtr(low), llvm::Align(4));
      return true;
    default:
      return false;
  }
}

}  // namespace guardc::compiler
