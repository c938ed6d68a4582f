// What is decided before code is lowered: constant expressions, static tables, the context's layout.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "artifact/abi.h"
#include "compiler/frontend/wasm_module.h"
#include "compiler/lower/const_expr.h"
#include "compiler/lower/context_layout.h"
#include "compiler/lower/lower.h"
#include "compiler/lower/module_parts.h"
#include "compiler/lower/static_table.h"

namespace guardc::compiler {
namespace {

constexpr uint32_t kPage = 4096;

Instr Make(Op op, uint64_t imm = 0) {
  Instr instr{.op = op};
  instr.imm = imm;
  return instr;
}

ConstExpr Expr(std::vector<Instr> body) { return {.body = std::move(body), .v128s = {}}; }

TEST(ConstExpr, WrapsLikeI32) {
  EXPECT_EQ(EvaluateInteger(Expr({Make(Op::kI32Const, 1), Make(Op::kI32Const, 2), Make(Op::kI32Sub)})), 0xffffffffu);
  EXPECT_EQ(EvaluateInteger(Expr({Make(Op::kI64Const, 1), Make(Op::kI64Const, 2), Make(Op::kI64Sub)})), ~uint64_t{0});
}

TEST(ConstExpr, LeavesGlobalsToInit) {
  EXPECT_FALSE(EvaluateInteger(Expr({Make(Op::kGlobalGet, 0)})));
  EXPECT_FALSE(EvaluateInteger(Expr({Make(Op::kI32Const, 1), Make(Op::kGlobalGet, 0), Make(Op::kI32Add)})));
  EXPECT_FALSE(EvaluateInteger(Expr({})));
}

// Two functions of structurally equal types, a table of three elements that holds the second.
Module TableModule() {
  Module module;
  module.types = {{{ValType::kI32}, {}}, {{ValType::kI32}, {}}, {{}, {ValType::kI32}}};
  module.func_types = {0, 1};
  module.functions.resize(2);
  for (Function& function : module.functions) function.body = {Make(Op::kEnd)};
  module.table_types = {{ValType::kFuncRef, {.min = 3}}};
  ElemSegment segment;
  segment.mode = SegmentMode::kActive;
  segment.offset = Expr({Make(Op::kI32Const, 2)});
  segment.items = {Expr({Make(Op::kRefFunc, 1)})};
  module.elem_segments = {segment};
  return module;
}

TEST(StaticTable, HoldsWhatItsSegmentsSay) {
  const Module module = TableModule();
  EXPECT_TRUE(FindStaticTables(module)[0]);
  EXPECT_EQ(StaticTableContents(module, FindStaticTables(module))[0],
            (std::vector<uint32_t>{kNoFunction, kNoFunction, 1}));
}

TEST(StaticTable, NotWhereSomebodyMayChangeIt) {
  Module exported = TableModule();
  exported.exports = {{"t", ExternKind::kTable, 0}};
  EXPECT_FALSE(FindStaticTables(exported)[0]);

  Module imported = TableModule();
  imported.num_imported_tables = 1;
  EXPECT_FALSE(FindStaticTables(imported)[0]);

  for (Op op : {Op::kTableGet, Op::kTableSet, Op::kTableGrow, Op::kTableFill, Op::kTableInit, Op::kTableCopy}) {
    Module changed = TableModule();
    changed.functions[0].body.insert(changed.functions[0].body.begin(), Make(op, 0));
    EXPECT_FALSE(FindStaticTables(changed)[0]) << OpName(op);
  }
}

TEST(StaticTable, NotWhereASegmentMayTrap) {
  Module outside = TableModule();
  outside.elem_segments[0].offset = Expr({Make(Op::kI32Const, 3)});
  EXPECT_FALSE(FindStaticTables(outside)[0]);

  Module unknown = TableModule();
  unknown.elem_segments[0].offset = Expr({Make(Op::kGlobalGet, 0)});
  EXPECT_FALSE(FindStaticTables(unknown)[0]);
}

TEST(ContextLayout, StructurallyEqualTypesAreOne) {
  const auto layout = ComputeContextLayout(TableModule(), kPage);
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->canonical_type, (std::vector<uint32_t>{0, 0, 2}));
}

TEST(ContextLayout, OnlyWhatEscapesHasAFuncref) {
  Module module = TableModule();
  EXPECT_TRUE(ComputeContextLayout(module, kPage)->escaping_funcs.empty());
  module.exports = {{"f", ExternKind::kFunc, 0}};
  EXPECT_EQ(ComputeContextLayout(module, kPage)->escaping_funcs, (std::vector<uint32_t>{0}));
  // A table that can change holds references.
  module.exports.push_back({"t", ExternKind::kTable, 0});
  const auto layout = ComputeContextLayout(module, kPage);
  EXPECT_EQ(layout->escaping_funcs, (std::vector<uint32_t>{0, 1}));
  EXPECT_EQ(layout->funcref_slot.at(1), 1u);
}

TEST(ContextLayout, KeepsAlignmentAndPages) {
  Module module = TableModule();
  module.memory_types = {{}};
  module.globals.resize(300);
  module.global_types.resize(300);
  const auto layout = ComputeContextLayout(module, kPage);
  ASSERT_TRUE(layout);
  EXPECT_GE(layout->memories, sizeof(abi::VmContext));
  EXPECT_EQ(layout->globals % alignof(abi::Value), 0u);
  EXPECT_GE(layout->tables, layout->memories + sizeof(abi::VmMemory));
  EXPECT_GE(layout->globals, layout->tables + sizeof(abi::VmTable));
  EXPECT_GE(layout->type_ids, layout->globals + 300 * sizeof(abi::Value));
  EXPECT_EQ(layout->context_size % kPage, 0u);
  EXPECT_GE(layout->context_size, layout->funcrefs);
}

TEST(ModuleParts, InitOnlyWhereThereIsSomethingToDo) {
  Module module = TableModule();
  const auto layout = ComputeContextLayout(module, kPage);
  EXPECT_FALSE(NeedsInit(module, *layout, {}));
  module.data_segments.resize(1);
  module.data_segments[0].mode = SegmentMode::kActive;
  EXPECT_TRUE(NeedsInit(module, *layout, {false}));
  EXPECT_FALSE(NeedsInit(module, *layout, {true}));
}

TEST(FunctionSymbol, IsPrintableAndUnique) {
  Module module = TableModule();
  module.func_names = {"a\"b@c\n", ""};
  EXPECT_EQ(FunctionSymbol(module, 0), "wasm[0]::a_b_c_");
  EXPECT_EQ(FunctionSymbol(module, 1), "wasm[1]");
}

}  // namespace
}  // namespace guardc::compiler
