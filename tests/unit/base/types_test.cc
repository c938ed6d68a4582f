#include "guardc/types.h"

#include <gtest/gtest.h>

namespace guardc {
namespace {

TEST(Types, Functions) {
  EXPECT_EQ(ToString(FuncType{}), "() -> ()");
  EXPECT_EQ(ToString(FuncType{{ValType::kI32, ValType::kI32}, {ValType::kI32}}), "(i32, i32) -> i32");
  EXPECT_EQ(ToString(FuncType{{ValType::kI64}, {ValType::kI32, ValType::kF64}}), "(i64) -> (i32, f64)");
}

TEST(Types, Externs) {
  EXPECT_EQ(ToString(ExternType{.kind = ExternKind::kFunc, .func = {{ValType::kI32}, {}}}), "func (i32) -> ()");
  EXPECT_EQ(ToString(ExternType{.kind = ExternKind::kMemory, .memory = {{.min = 17}}}), "memory 17.. pages");
  EXPECT_EQ(ToString(ExternType{.kind = ExternKind::kMemory, .memory = {{.min = 1, .max = 2, .is_shared = true}}}),
            "memory 1..2 shared pages");
  EXPECT_EQ(ToString(ExternType{.kind = ExternKind::kTable, .table = {ValType::kExternRef, {.min = 3, .max = 3}}}),
            "table 3..3 externref");
  EXPECT_EQ(ToString(ExternType{.kind = ExternKind::kGlobal, .global = {ValType::kI64, true}}), "global mut i64");
  EXPECT_EQ(ToString(ExternType{.kind = ExternKind::kGlobal, .global = {ValType::kF32, false}}), "global f32");
}

}  // namespace
}  // namespace guardc
