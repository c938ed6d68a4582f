// SIMD loads and stores (core specification 4.4.7).
#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Intrinsics.h>

#include "compiler/lower/lower_function.h"

namespace guardc::compiler {

// One lane of the vector on top of the stack is replaced by what the memory holds.
void FunctionLowering::LoadLane(llvm::FixedVectorType* type, const Instr& instr) {
  RequireLane(type, instr);
  llvm::Value* vector = PopV(type);
  llvm::Value* lane = GuestLoad(type->getElementType(), instr);
  PushV(b_.CreateInsertElement(vector, lane, uint64_t{instr.lane}));
}

void FunctionLowering::StoreLane(llvm::FixedVectorType* type, const Instr& instr) {
  RequireLane(type, instr);
  llvm::Value* lane = b_.CreateExtractElement(PopV(type), uint64_t{instr.lane});
  GuestStore(lane, instr);
}

void FunctionLowering::LoadSplat(llvm::FixedVectorType* type, const Instr& instr) {
  PushV(b_.CreateVectorSplat(type->getNumElements(), GuestLoad(type->getElementType(), instr)));
}

void FunctionLowering::LoadZero(llvm::FixedVectorType* type, const Instr& instr) {
  llvm::Value* lane = GuestLoad(type->getElementType(), instr);
  PushV(b_.CreateInsertElement(llvm::Constant::getNullValue(type), lane, uint64_t{0}));
}

// Reads half of `type`'s lanes, at half its width, and widens them.
void FunctionLowering::LoadWiden(llvm::FixedVectorType* type, bool is_signed, const Instr& instr) {
  auto* half = llvm::FixedVectorType::get(type->getElementType(), type->getNumElements() / 2);
  PushV(Widened(GuestLoad(half, instr), is_signed));
}

bool FunctionLowering::LowerSimdMemory(const Instr& instr) {
  switch (instr.op) {
    case Op::kV128Load:  // v128.load
      Load(m_.i64x2, instr);
      return true;
    case Op::kV128Store:  // v128.store
      Store(m_.i64x2, instr);
      return true;
    case Op::kV128Load8X8S:  // v128.load8x8_s
      LoadWiden(m_.i8x16, true, instr);
      return true;
    case Op::kV128Load8X8U:  // v128.load8x8_u
      LoadWiden(m_.i8x16, false, instr);
      return true;
    case Op::kV128Load16X4S:  // v128.load16x4_s
      LoadWiden(m_.i16x8, true, instr);
      return true;
    case Op::kV128Load16X4U:  // v128.load16x4_u
      LoadWiden(m_.i16x8, false, instr);
      return true;
    case Op::kV128Load32X2S:  // v128.load32x2_s
      LoadWiden(m_.i32x4, true, instr);
      return true;
    case Op::kV128Load32X2U:  // v128.load32x2_u
      LoadWiden(m_.i32x4, false, instr);
      return true;
    case Op::kV128Load8Splat:  // v128.load8_splat
      LoadSplat(m_.i8x16, instr);
      return true;
    case Op::kV128Load16Splat:  // v128.load16_splat
      LoadSplat(m_.i16x8, instr);
      return true;
    case Op::kV128Load32Splat:  // v128.load32_splat
      LoadSplat(m_.i32x4, instr);
      return true;
    case Op::kV128Load64Splat:  // v128.load64_splat
      LoadSplat(m_.i64x2, instr);
      return true;
    case Op::kV128Load32Zero:  // v128.load32_zero
      LoadZero(m_.i32x4, instr);
      return true;
    case Op::kV128Load64Zero:  // v128.load64_zero
      LoadZero(m_.i64x2, instr);
      return true;
    case Op::kV128Load8Lane:  // v128.load8_lane
      LoadLane(m_.i8x16, instr);
      return true;
    case Op::kV128Load16Lane:  // v128.load16_lane
      LoadLane(m_.i16x8, instr);
      return true;
    case Op::kV128Load32Lane:  // v128.load32_lane
      LoadLane(m_.i32x4, instr);
      return true;
    case Op::kV128Load64Lane:  // v128.load64_lane
      LoadLane(m_.i64x2, instr);
      return true;
    case Op::kV128Store8Lane:  // v128.store8_lane
      StoreLane(m_.i8x16, instr);
      return true;
    case Op::kV128Store16Lane:  // v128.store16_lane
      StoreLane(m_.i16x8, instr);
      return true;
    case Op::kV128Store32Lane:  // v128.store32_lane
      StoreLane(m_.i32x4, instr);
      return true;
    case Op::kV128Store64Lane:  // v128.store64_lane
      StoreLane(m_.i64x2, instr);
      return true;
    default:
      return false;
  }
}

}  // namespace guardc::compiler
