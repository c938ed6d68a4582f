// The validation of a function's body, instruction by instruction: the algorithm of the specification (core 2.0,
// appendix "Validation Algorithm"), from that text alone. wabt has validated the module before; this is the second
// validator, that knows nothing of the first one, so that a hole in wabt is not a way out of the sandbox. The lowering
// has one of these beside its stack of LLVM values, and lowers no instruction that did not pass.
//
// VALID-1: whatever reaches code generation passed Step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compiler/frontend/wasm_module.h"
#include "compiler/validate/op_signature.h"
#include "guardc/result.h"

namespace guardc::compiler {

class FunctionValidator {
 public:
  // An operand of any type, below which unreachable code has no stack.
  static constexpr ValType kUnknown{};

  // `func` is a defined function's index; the module must outlive this. Its declarations may be invalid.
  FunctionValidator(const Module& module, uint32_t func);

  // Takes the next instruction. False where it is not valid; then error() says why, and no further step may follow.
  [[nodiscard]] bool Step(const Instr& instr);
  // After the last instruction: whether it was the function's end.
  [[nodiscard]] bool Finish();
  std::unexpected<Error> error();

  // The operand stack's types, the deepest first, and how many of them the last step left as they were.
  std::span<const ValType> stack() const { return stack_; }
  size_t kept() const { return kept_; }
  // Whether the operands of the block that is open are all known, as they are in code that can be reached.
  bool is_reachable() const { return !frames_.empty() && !frames_.back().is_unreachable; }

 private:
  using Types = std::span<const ValType>;

  struct Frame {
    Op op;  // kBlock (a function's body too), kLoop, kIf, kElse
    Types params;
    Types results;
    size_t height;
    bool is_unreachable = false;

    Types LabelTypes() const { return op == Op::kLoop ? params : results; }
  };

  bool Fail(std::string text);
  bool FailType(ValType expected, std::string_view found);
  bool CheckIndex(uint64_t index, size_t size, std::string_view what);

  void Push(ValType type) { stack_.push_back(type); }
  void Push(Types types) { stack_.insert(stack_.end(), types.begin(), types.end()); }
  bool Pop(ValType expected);
  bool PopAny(ValType& type);
  bool Pop(Types expected);
  // Whether the operands on top could be popped as `expected`.
  bool Matches(Types expected);

  bool PushFrame(Op op, uint64_t block_type);
  bool PopFrame();
  void SetUnreachable();
  bool LabelAt(uint64_t depth, Types& types);

  bool StepTyped(const OpSignature& signature, const Instr& instr);
  bool StepOwn(const Instr& instr);
  bool Else();
  bool End();
  bool BranchIf(Types types);
  bool BranchTable(const BrTable& table);
  bool Select();
  bool SelectTyped(const Instr& instr);
  bool Call(uint32_t func);
  bool CallIndirect(uint64_t imm, const FuncType*& type);
  bool TailCall(const FuncType& type);
  bool StepVariable(const Instr& instr);
  bool StepMemory(const Instr& instr);
  bool StepTable(const Instr& instr);
  bool StepReference(const Instr& instr);
  bool IndexType(uint64_t memory, ValType& type);

  const Module& module_;
  const Function& body_;
  const FuncType& type_;
  std::vector<ValType> stack_;
  std::vector<Frame> frames_;
  size_t kept_ = 0;
  const Instr* instr_ = nullptr;  // the one being looked at
  std::optional<Error> error_;
};

}  // namespace guardc::compiler
