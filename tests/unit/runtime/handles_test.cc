// Values, and externs that the host makes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "guardc/instance.h"

namespace guardc {
namespace {

using ::testing::HasSubstr;

TEST(Val, KeepsBits) {
  EXPECT_EQ(Val::I32(7).i32(), 7u);
  EXPECT_EQ(Val::I64(~uint64_t{0}).i64(), ~uint64_t{0});
  EXPECT_EQ(Val::F64Bits(0x7ff0000000000001).i64(), 0x7ff0000000000001u);  // a signalling NaN
  EXPECT_EQ(Val::Ref(ValType::kExternRef, nullptr).ref(), nullptr);
}

TEST(Global, TypeAndMutabilityAreChecked) {
  Store store;
  Global constant = store.NewGlobal({ValType::kI32, false}, Val::I32(5)).value();
  EXPECT_EQ(constant.Get().i32(), 5u);
  EXPECT_EQ(constant.Set(Val::I32(6)).error().kind, ErrorKind::kInvalidArgument);
  Global variable = store.NewGlobal({ValType::kI64, true}, Val::I64(5)).value();
  EXPECT_EQ(variable.Set(Val::I32(6)).error().kind, ErrorKind::kInvalidArgument);
  EXPECT_TRUE(variable.Set(Val::I64(6)));
  EXPECT_EQ(variable.Get().i64(), 6u);
  EXPECT_FALSE(store.NewGlobal({ValType::kI64, true}, Val::I32(5)));
}

TEST(Table, HoldsWhatWasSet) {
  Store store;
  int object = 0;
  Table table = store.NewTable({ValType::kExternRef, {.min = 2}}, Val::Ref(ValType::kExternRef, &object)).value();
  EXPECT_EQ(table.size(), 2u);
  EXPECT_EQ(table.Get(1)->ref(), &object);
  EXPECT_TRUE(table.Set(1, Val::Ref(ValType::kExternRef, nullptr)));
  EXPECT_EQ(table.Get(1)->ref(), nullptr);
  EXPECT_FALSE(table.Get(2));
  EXPECT_FALSE(table.Set(0, Val::Ref(ValType::kFuncRef, nullptr)));
}

TEST(Table, MinimumAboveTheCap) {
  Store store({.table_cap = 10});
  const auto table = store.NewTable({ValType::kExternRef, {.min = 11}}, Val::Ref(ValType::kExternRef, nullptr));
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().kind, ErrorKind::kLimit);
}

TEST(Func, AHostFunctionIsCalledDirectly) {
  Store store;
  const Func add = store.NewFunc({{ValType::kI32, ValType::kI32}, {ValType::kI32}},
                                 [](std::span<const Val> args, std::span<Val> results) -> Result<void> {
                                   results[0] = Val::I32(args[0].i32() + args[1].i32());
                                   return {};
                                 });
  const Val args[] = {Val::I32(3), Val::I32(4)};
  EXPECT_EQ(add.Call(args)->at(0).i32(), 7u);
  EXPECT_EQ(add.Call({}).error().kind, ErrorKind::kInvalidArgument);
  const Val wrong[] = {Val::I32(3), Val::I64(4)};
  EXPECT_EQ(add.Call(wrong).error().kind, ErrorKind::kInvalidArgument);
}

TEST(Func, ErrorsOfHostFunctions) {
  Store store;
  const Func fails = store.NewFunc({}, [](auto, auto) -> Result<void> { return Fail(ErrorKind::kBackend, "no"); });
  EXPECT_EQ(fails.Call({}).error().kind, ErrorKind::kBackend);
  const Func throws = store.NewFunc({}, [](auto, auto) -> Result<void> { throw std::runtime_error("oops"); });
  EXPECT_EQ(throws.Call({}).error().kind, ErrorKind::kHostError);
  EXPECT_THAT(throws.Call({}).error().message, HasSubstr("oops"));
  const Func lies = store.NewFunc({{}, {ValType::kI32}}, [](auto, std::span<Val> results) -> Result<void> {
    results[0] = Val::I64(1);
    return {};
  });
  EXPECT_EQ(lies.Call({}).error().kind, ErrorKind::kInvalidArgument);
}

TEST(Func, AHostFunctionWithoutCodeIsNoFuncref) {
  Store store;
  const Func odd = store.NewFunc({{ValType::kF64, ValType::kF32}, {}}, [](auto, auto) -> Result<void> { return {}; });
  Table table = store.NewTable({ValType::kFuncRef, {.min = 1}}, Val::Ref(ValType::kFuncRef, nullptr)).value();
  EXPECT_EQ(table.Set(0, odd.Ref()).error().kind, ErrorKind::kUnsupported);
}

TEST(Interruption, TheSignalMustBeARealTimeOne) {
  EXPECT_EQ(SetInterruptionSignal(11).error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(SetInterruptionSignal(65).error().kind, ErrorKind::kInvalidArgument);
}

}  // namespace
}  // namespace guardc
