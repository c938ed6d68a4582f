// VALID-1 and VALID-2: a module that no validator saw, or that one let through, is not lowered.
#include <gmock/gmock.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>

#include <functional>

#include "compiler/codegen/llvm_errors.h"
#include "compiler/frontend/wabt_reader.h"
#include "compiler/lower/emitter.h"
#include "compiler/lower/heap_address.h"
#include "compiler/lower/lower.h"
#include "tests/unit/compiler/wat.h"

namespace guardc::compiler {
namespace {

using testing::HasSubstr;

Module Read(std::string_view text) {
  auto module = ReadModule(test::Wat(text), {});
  EXPECT_TRUE(module.has_value()) << module.error().message;
  return module ? *std::move(module) : Module();
}

// One function of a module, half lowered.
struct Workbench {
  explicit Workbench(std::string_view text, const LowerOptions& lower_options = {})
      : module(Read(text)),
        layout(*ComputeContextLayout(module, 4096)),
        options(lower_options),
        target("test", llvm),
        context(target, module, layout, options),
        function(context.DefinedFunction(module.num_imported_funcs)),
        e(context, *function) {}

  Module module;
  ContextLayout layout;
  LowerOptions options;
  llvm::LLVMContext llvm;
  llvm::Module target;
  ModuleContext context;
  llvm::Function* function;
  Emitter e;
};

void ExpectStopped(const std::function<void()>& work, const char* text) {
  const Result<void> result = GuardLlvm([&]() -> Result<void> {
    work();
    return {};
  });
  ASSERT_FALSE(result.has_value()) << text;
  EXPECT_THAT(result.error().message, HasSubstr(text));
}

TEST(Require, AddressesAreOfTheirMemorysIndexType) {
  for (const bool bounds_checks : {false, true}) {
    Workbench bench("(module (memory 1) (memory i64 1) (func))", {.bounds_checks = bounds_checks});
    Emitter& e = bench.e;
    const char* text = "an address is of its memory's index type";
    ExpectStopped([&] { HeapAddress(e, 0, e.I64(0), 0, 4); }, text);
    ExpectStopped([&] { HeapAddress(e, 1, e.I32(0), 0, 4); }, text);
    ExpectStopped([&] { HeapAddress(e, 0, llvm::ConstantPointerNull::get(e.m.ptr), 0, 4); }, text);
    ExpectStopped([&] { HeapRange(e, 0, e.I64(0), e.I32(1)); }, text);
    ExpectStopped([&] { HeapRange(e, 1, e.I32(0), e.I32(1)); }, text);
    ExpectStopped([&] { CheckInside(e, 0, e.I64(0), 0, 4); }, text);
    ExpectStopped([&] { CheckInside(e, 1, e.I32(0), 0, 4); }, text);
    if (!bounds_checks) ExpectStopped([&] { FaultingHeapRange(e, 0, e.I64(0)); }, text);
    ExpectStopped([&] { FaultingHeapRange(e, 1, e.I64(0)); }, "only a memory with guard pages");
    ExpectStopped([&] { HeapRange(e, 0, e.I32(0), llvm::ConstantPointerNull::get(e.m.ptr)); }, "a count is");
    ExpectStopped([&] { HeapAddress(e, 0, e.I32(0), uint64_t{1} << 32, 4); }, "an offset of 32 bits");
    ExpectStopped([&] { HeapAddress(e, 0, e.I32(0), 0, 17); }, "an access to a 32-bit memory");
    EXPECT_NE(HeapAddress(e, 0, e.I32(0), UINT32_MAX, 16), nullptr);
    EXPECT_NE(HeapAddress(e, 1, e.I64(0), UINT64_MAX, 16), nullptr);
  }
}

TEST(Require, CallsAndReturnsHandOverWhatIsDeclared) {
  Workbench bench("(module (func (param i32) (result i64) unreachable))");
  Emitter& e = bench.e;
  Values results;
  ExpectStopped([&] { e.CallFunction(0, {}, results); }, "arguments are of the callee's parameter types");
  ExpectStopped([&] { e.CallFunction(0, {e.I64(0)}, results); }, "arguments are of the callee's parameter types");
  ExpectStopped([&] { e.CallFunction(0, {e.I32(0), e.I32(0)}, results); }, "parameter types");
  ExpectStopped([&] { e.Return(bench.module.types[0], {e.I32(0)}, nullptr); }, "values of its result types");
  ExpectStopped([&] { e.Return(bench.module.types[0], {}, nullptr); }, "values of its result types");
}

TEST(Require, BuiltinsGetWhatTheyTake) {
  Workbench bench("(module (table 1 funcref) (func))");
  Emitter& e = bench.e;
  ExpectStopped([&] { e.CallBuiltin(Builtin::kTableGrow, {e.I64(0), e.I64(0), e.I64(1)}); }, "of the types");
  ExpectStopped([&] { e.CallBuiltin(Builtin::kMemoryGrow, {e.I64(0), e.I32(0)}); }, "of the types");
  ExpectStopped([&] { e.CallBuiltin(Builtin::kMemoryGrow, {e.I64(0)}); }, "as many arguments");
}

TEST(Require, AnElementIsOfItsTablesType) {
  Module module = Read("(module (table 1 externref) (elem (i32.const 0) externref (ref.null extern)) (func))");
  module.elem_segments[0].items[0].body[0] = {.op = Op::kRefFunc, .imm = 0};
  const ContextLayout layout = *ComputeContextLayout(module, 4096);
  llvm::LLVMContext llvm;
  llvm::Module target("test", llvm);
  const LowerOptions options;
  Lowering lowering(target, module, layout, options);
  ExpectStopped([&] { (void)lowering.DefineModuleParts({}); }, "of its segment's type");
}

// The lowering asks the validator for each instruction, whatever came before.
TEST(Require, WhatIsNotValidIsNotLowered) {
  const char* text = R"((module (memory 1) (table 2 funcref) (global $g (mut i32) (i32.const 0))
    (func (export "f") (param $x i64) (local $y i32)
      i32.const 0 i32.load drop
      i32.const 0 local.set $y
      i32.const 0 global.set $g
      i32.const 0 ref.null func table.set 0)))";
  size_t refused = 0;
  const size_t size = Read(text).functions[0].body.size();
  for (size_t i = 0; i < size; ++i) {
    Module module = Read(text);
    Instr& instr = module.functions[0].body[i];
    if (instr.op != Op::kI32Const && instr.op != Op::kRefNull) continue;
    instr = {.op = Op::kLocalGet, .offset = 77, .imm = 0};  // an i64
    const ContextLayout layout = *ComputeContextLayout(module, 4096);
    llvm::LLVMContext llvm;
    llvm::Module target("test", llvm);
    const Result<void> lowered = Lowering(target, module, layout, {}).DefineFunction(0);
    ASSERT_FALSE(lowered.has_value()) << i;
    EXPECT_EQ(ErrorKindName(lowered.error().kind), ErrorKindName(ErrorKind::kInvalidWasm));
    EXPECT_THAT(lowered.error().message, HasSubstr("found i64"));
    ++refused;
  }
  EXPECT_EQ(refused, 5u);
}

}  // namespace
}  // namespace guardc::compiler
