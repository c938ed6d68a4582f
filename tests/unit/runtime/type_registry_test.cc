#include "runtime/instance/type_registry.h"

#include <gtest/gtest.h>

namespace guardc {
namespace {

TEST(TypeRegistry, EqualTypesHaveOneId) {
  const FuncType a{{ValType::kI32, ValType::kI64}, {ValType::kF32}};
  const FuncType b{{ValType::kI32, ValType::kI64}, {ValType::kF32}};
  EXPECT_NE(InternType(a), 0u);
  EXPECT_EQ(InternType(a), InternType(b));
  EXPECT_EQ(TypeOf(InternType(a)), a);
}

TEST(TypeRegistry, ParametersAndResultsAreToldApart) {
  const uint32_t none = InternType({});
  const uint32_t param = InternType({{ValType::kI32}, {}});
  const uint32_t result = InternType({{}, {ValType::kI32}});
  EXPECT_NE(none, param);
  EXPECT_NE(none, result);
  EXPECT_NE(param, result);
}

}  // namespace
}  // namespace guardc
