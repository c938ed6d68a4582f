// One wasm function -> one LLVM function. The flat instruction stream drives an explicit control stack and a stack of
// values, so that nesting depth costs no host stack. Each file of this room lowers one class of instructions:
// LowerX(instr) returns false for an instruction that is not of its class.
#pragma once

#include <llvm/ADT/ArrayRef.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/Instructions.h>

#include <cstdint>
#include <vector>

#include "compiler/frontend/wasm_module.h"
#include "compiler/lower/emitter.h"
#include "compiler/lower/require.h"
#include "compiler/validate/function_validator.h"
#include "guardc/result.h"

namespace guardc::compiler {

class FunctionLowering {
 public:
  FunctionLowering(ModuleContext& module, llvm::Function& function, uint32_t func);

  Result<void> Run();

 private:
  // A label: what `end` closes and `br` targets.
  struct Control {
    enum class Kind : uint8_t { kFunction, kBlock, kLoop, kIf, kElse };
    Kind kind;
    bool is_dead = false;  // opened in unreachable code: only its end counts
    size_t height = 0;     // of the value stack, parameters not included
    llvm::ArrayRef<ValType> params;
    llvm::ArrayRef<ValType> results;
    llvm::BasicBlock* label = nullptr;  // a loop's header, else the block after the end
    size_t branches = 0;                // edges into `label` other than falling through
    llvm::SmallVector<llvm::PHINode*, 2> phis;
    llvm::BasicBlock* else_block = nullptr;
    Values else_params;
  };
  struct BlockType {
    llvm::ArrayRef<ValType> params;
    llvm::ArrayRef<ValType> results;
  };

  void LowerInstr(const Instr& instr);

  // ---- The value stack, beside the one of types that the validator keeps
  void Push(llvm::Value* value) { stack_.push_back(value); }
  llvm::Value* Pop();
  llvm::Value* Pop(llvm::Type* type);  // which it must be of
  Values PopN(size_t count);
  // After each instruction: what it pushed is of the types that the validator pushed.
  void CheckStack() const;
  llvm::ArrayRef<llvm::Value*> Top(size_t count) const;

  // ---- control.cc
  bool LowerControl(const Instr& instr);
  BlockType BlockTypeOf(uint64_t imm) const;
  void PushControl(Control::Kind kind, uint64_t imm);
  void CreateLabel(Control& control, llvm::ArrayRef<ValType> types);
  Control& LabelAt(uint64_t depth) { return control_[control_.size() - 1 - depth]; }
  static size_t Arity(const Control& control);
  void AddEdge(Control& target);  // from the current block with the values on top of the stack
  void BranchTo(Control& target);
  void SetUnreachable();
  void FallThrough(Control& control);
  void StartElse(Control& control);
  void Else();
  void End();
  void BranchIf(uint64_t depth);
  void BranchTable(const BrTable& table);
  void Select();

  // ---- call.cc
  bool LowerCall(const Instr& instr);
  struct Callee {
    llvm::Value* code;
    llvm::Value* context;  // null: our own
    llvm::Value* funcref;  // null where `context` is
  };
  Callee ResolveIndirect(uint32_t type_index, uint32_t table);
  Callee ResolveStatic(uint32_t type_index, uint32_t table, llvm::Value* index);
  Callee ResolveDynamic(uint32_t type_index, uint32_t table, llvm::Value* index);
  void Call(uint32_t func);
  void CallIndirect(uint32_t type_index, uint32_t table);
  void ReturnCall(uint32_t func);
  void ReturnCallIndirect(uint32_t type_index, uint32_t table);
  void TailCall(uint32_t type_index, llvm::Value* code, llvm::ArrayRef<llvm::Value*> arguments);
  void ReturnCalled(llvm::ArrayRef<llvm::Value*> results);

  // ---- variable.cc
  bool LowerVariable(const Instr& instr);
  void CreateLocals();
  llvm::AllocaInst* LocalAt(uint64_t index) const;

  // ---- memory.cc
  bool LowerMemory(const Instr& instr);
  llvm::LoadInst* GuestLoad(llvm::Type* type, const Instr& instr);  // pops the index
  void GuestStore(llvm::Value* value, const Instr& instr);          // pops the index
  void Load(llvm::Type* type, const Instr& instr);
  void LoadExtend(llvm::Type* narrow, llvm::Type* wide, bool is_signed, const Instr& instr);
  void Store(llvm::Type* type, const Instr& instr);
  void StoreNarrow(llvm::Type* narrow, llvm::Type* wide, const Instr& instr);
  llvm::Type* IndexType(uint32_t memory) const;

  // ---- bulk_memory.cc
  bool LowerBulkMemory(const Instr& instr);
  void MemoryGrow(uint32_t memory);
  void MemoryFill(uint32_t memory);
  void MemoryCopy(uint32_t to, uint32_t from);
  void CopyFaulting(uint32_t to, llvm::Value* target_index, uint32_t from, llvm::Value* source_index,
                    llvm::Value* count);
  void MemoryInit(uint32_t segment, uint32_t memory);

  // ---- table.cc
  bool LowerTable(const Instr& instr);
  llvm::Value* TableElementPtr(uint32_t table, llvm::Value* index, TrapCode code);
  llvm::Value* TableSize(uint32_t table);  // i64
  llvm::Type* TableIndexType(uint32_t table) const;
  llvm::Value* Wide(llvm::Value* index);

  // ---- integer.cc
  bool LowerInteger(const Instr& instr);
  void Compare(llvm::CmpInst::Predicate predicate);
  void Divide(bool is_signed);
  void Remainder(bool is_signed);
  void Shift(llvm::Instruction::BinaryOps op);
  void Rotate(bool left);
  void BitCount(unsigned intrinsic);

  // ---- floating.cc: scalars and, for the operations that they share, vectors
  bool LowerFloating(const Instr& instr);
  void FloatUnary(unsigned intrinsic);
  llvm::Value* FloatMinMax(llvm::Value* x, llvm::Value* y, bool is_min);
  // The canonical NaN for any NaN, where the options ask for it.
  llvm::Value* Canonical(llvm::Value* value);

  // ---- convert.cc
  bool LowerConvert(const Instr& instr);
  void Truncate(llvm::Type* type, bool is_signed);
  void TruncateSaturating(llvm::Type* type, bool is_signed);
  void ConvertInteger(llvm::Type* type, bool is_signed);
  void SignExtend(llvm::Type* narrow);

  // ---- atomics.cc
  bool LowerAtomic(const Instr& instr);
  void CheckAligned(llvm::Value* index, const Instr& instr, uint32_t width);
  llvm::Value* AtomicAddress(llvm::Value* index, const Instr& instr, uint32_t width);
  void AtomicLoad(llvm::Type* narrow, llvm::Type* wide, const Instr& instr);
  void AtomicStore(llvm::Type* narrow, llvm::Type* wide, const Instr& instr);
  void AtomicRmw(llvm::AtomicRMWInst::BinOp op, llvm::Type* narrow, llvm::Type* wide, const Instr& instr);
  void AtomicCompareExchange(llvm::Type* narrow, llvm::Type* wide, const Instr& instr);
  void AtomicNotify(const Instr& instr);
  void AtomicWait(uint32_t width, const Instr& instr);
  bool LowerAtomicAccess(const Instr& instr);
  bool LowerAtomicRmw(const Instr& instr);

  // ---- simd*.cc
  bool LowerSimd(const Instr& instr);
  bool LowerSimdMemory(const Instr& instr);
  bool LowerSimdLane(const Instr& instr);
  bool LowerSimdInteger(const Instr& instr);
  bool LowerSimdWiden(const Instr& instr);
  bool LowerSimdFloat(const Instr& instr);
  bool LowerSimdConvert(const Instr& instr);
  bool LowerSimdRelaxed(const Instr& instr);
  llvm::Value* PopV(llvm::Type* type);
  void PushV(llvm::Value* value);

  void LoadLane(llvm::FixedVectorType* type, const Instr& instr);
  void StoreLane(llvm::FixedVectorType* type, const Instr& instr);
  void LoadSplat(llvm::FixedVectorType* type, const Instr& instr);
  void LoadZero(llvm::FixedVectorType* type, const Instr& instr);
  void LoadWiden(llvm::FixedVectorType* type, bool is_signed, const Instr& instr);

  llvm::Type* ScalarOf(llvm::FixedVectorType* type) const;
  static void RequireLane(llvm::FixedVectorType* type, const Instr& instr);
  void Splat(llvm::FixedVectorType* type);
  void ExtractLane(llvm::FixedVectorType* type, bool is_signed, const Instr& instr);
  void ReplaceLane(llvm::FixedVectorType* type, const Instr& instr);
  void Shuffle(const V128& lanes);
  void Swizzle(bool is_relaxed);
  void BitSelect();

  void VectorBinary(llvm::FixedVectorType* type, llvm::Instruction::BinaryOps op);
  void VectorIntrinsic(llvm::FixedVectorType* type, unsigned intrinsic);  // of two operands
  void VectorCompare(llvm::FixedVectorType* type, llvm::CmpInst::Predicate predicate);
  void VectorShift(llvm::FixedVectorType* type, llvm::Instruction::BinaryOps op);
  void VectorAbs(llvm::FixedVectorType* type);
  void VectorNegate(llvm::FixedVectorType* type);
  void AllTrue(llvm::FixedVectorType* type);
  void Bitmask(llvm::FixedVectorType* type);
  void Average(llvm::FixedVectorType* type);

  llvm::Value* Half(llvm::Value* vector, bool high);
  llvm::Value* EveryOther(llvm::Value* vector, bool odd);
  llvm::Value* Widened(llvm::Value* vector, bool is_signed);  // lanes of twice the width
  void Narrow(llvm::FixedVectorType* from, bool is_signed);
  void Extend(llvm::FixedVectorType* from, bool high, bool is_signed);
  void ExtendedMultiply(llvm::FixedVectorType* from, bool high, bool is_signed);
  void PairwiseAdd(llvm::FixedVectorType* from, bool is_signed);
  llvm::Value* AddPairs(llvm::Value* vector, bool is_signed);
  llvm::Value* DotI16(llvm::Value* x, llvm::Value* y);
  void RoundingMultiplyQ15(bool is_relaxed);

  void VectorFloatUnary(llvm::FixedVectorType* type, unsigned intrinsic);
  void VectorFloatBinary(llvm::FixedVectorType* type, llvm::Instruction::BinaryOps op);
  void VectorFloatMinMax(llvm::FixedVectorType* type, bool is_min);
  void PseudoMinMax(llvm::FixedVectorType* type, bool is_min);
  llvm::Value* TruncSatF32x4(llvm::Value* x, bool is_signed);
  llvm::Value* TruncSatF64x2(llvm::Value* x, bool is_signed);
  void MultiplyAdd(llvm::FixedVectorType* type, bool is_negated);
  llvm::Value* RelaxedDotI8(llvm::Value* x, llvm::Value* y);

  // ---- Once the function is complete, or given up
  void AbandonBlocks();
  void PromoteLocals();

  ModuleContext& m_;
  Emitter e_;
  llvm::IRBuilder<>& b_;
  const Function& body_;
  const FuncType& type_;
  const uint32_t func_;
  FunctionValidator validator_;
  std::vector<llvm::Value*> stack_;
  std::vector<Control> control_;
  bool is_reachable_ = true;
  std::vector<llvm::AllocaInst*> locals_;
  llvm::Value* results_memory_ = nullptr;     // for more than two results
  std::vector<llvm::LoadInst*> guest_loads_;  // for MarkDeadLoadsVolatile
  const Instr* unsupported_ = nullptr;
  size_t phi_entries_ = 0;
};

}  // namespace guardc::compiler
