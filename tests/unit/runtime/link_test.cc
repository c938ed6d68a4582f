// Imports of the hand-written guest: env.host_log (i32, i32, i32) -> () and wasi_snapshot_preview1.proc_exit (i32) ->
// ().
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "guardc/instance.h"
#include "tests/fixtures/fixture.h"

#ifdef GUARDC_TRAP_GUEST

namespace guardc {
namespace {

using ::testing::HasSubstr;

Result<void> Nothing(std::span<const Val>, std::span<Val>) { return {}; }
constexpr ValType kI32 = ValType::kI32;

class Link : public ::testing::Test {
 protected:
  Func Host(std::vector<ValType> params) { return store_.NewFunc({std::move(params), {}}, Nothing); }
  Result<Instance*> Give(std::vector<Extern> imports) {
    return store_.Instantiate(guardc::testing::TrapGuest(), imports);
  }
  Store store_;
};

TEST_F(Link, HostFunctionsAreImportedExportedAndCalled) {
  std::vector<uint32_t> seen;
  const Func log = store_.NewFunc({{kI32, kI32, kI32}, {}}, [&](std::span<const Val> args, auto) -> Result<void> {
    for (const Val& arg : args) seen.push_back(arg.i32());
    return {};
  });
  const Result<Instance*> instance = Give({log, Host({kI32})});
  ASSERT_TRUE(instance) << instance.error().message;
  EXPECT_TRUE((*instance)->ExportedFunc("log")->Call({}));
  EXPECT_THAT(seen, ::testing::ElementsAre(1, 16, 5));
  const Val address[] = {Val::I32(16)};
  EXPECT_EQ((*instance)->ExportedFunc("load")->Call(address)->at(0).i32(), 0x6c6c6568u);
  EXPECT_EQ((*instance)->ExportedMemory("memory")->pages(), 2u);
  EXPECT_FALSE((*instance)->Export("nothing"));
  EXPECT_FALSE((*instance)->ExportedMemory("load"));
}

TEST_F(Link, AnErrorOfAHostFunctionEndsTheCall) {
  const Func log = store_.NewFunc({{kI32, kI32, kI32}, {}},
                                  [](auto, auto) -> Result<void> { return Fail(ErrorKind::kHostError, "no more"); });
  const Result<Instance*> instance = Give({log, Host({kI32})});
  ASSERT_TRUE(instance);
  const auto result = (*instance)->ExportedFunc("log")->Call({});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kHostError);
  EXPECT_EQ(result.error().message, "no more");
  EXPECT_TRUE((*instance)->failed());
}

TEST_F(Link, AnotherTypeIsNamed) {
  const Result<Instance*> instance = Give({Host({kI32}), Host({kI32})});
  ASSERT_FALSE(instance);
  EXPECT_EQ(instance.error().kind, ErrorKind::kUnknownImport);
  EXPECT_THAT(instance.error().message, HasSubstr("env.host_log"));
  EXPECT_THAT(instance.error().message, HasSubstr("(i32, i32, i32) -> ()"));
  EXPECT_THAT(instance.error().message, HasSubstr("(i32) -> ()"));
}

TEST_F(Link, AnotherKindOrNumberIsNamed) {
  const Global global = store_.NewGlobal({kI32, false}, Val::I32(1)).value();
  const Result<Instance*> kind = Give({Host({kI32, kI32, kI32}), global});
  ASSERT_FALSE(kind);
  EXPECT_THAT(kind.error().message, HasSubstr("global i32"));
  const Result<Instance*> number = Give({Host({kI32, kI32, kI32})});
  ASSERT_FALSE(number);
  EXPECT_EQ(number.error().kind, ErrorKind::kUnknownImport);
}

TEST_F(Link, ImportsOfAnotherStoreAreRefused) {
  Store other;
  const Result<Instance*> instance = Give({other.NewFunc({{kI32, kI32, kI32}, {}}, Nothing), Host({kI32})});
  ASSERT_FALSE(instance);
  EXPECT_EQ(instance.error().kind, ErrorKind::kInvalidArgument);
}

TEST_F(Link, AnExportOfOneInstanceIsTheImportOfAnother) {
  const Result<Instance*> first = Give({Host({kI32, kI32, kI32}), Host({kI32})});
  ASSERT_TRUE(first);
  // A function of type () -> () is not what is wanted, but the attempt must not harm either.
  EXPECT_FALSE(Give({*(*first)->ExportedFunc("log"), Host({kI32})}));
}

// Once a module of the Store has code for that type, a host function is a funcref like any other.
TEST_F(Link, AHostFunctionBecomesAFuncref) {
  Table table = store_.NewTable({ValType::kFuncRef, {.min = 1}}, Val::Ref(ValType::kFuncRef, nullptr)).value();
  EXPECT_FALSE(table.Set(0, Host({kI32}).Ref()));
  ASSERT_TRUE(Give({Host({kI32, kI32, kI32}), Host({kI32})}));
  EXPECT_TRUE(table.Set(0, Host({kI32}).Ref()));
}

}  // namespace
}  // namespace guardc

#endif  // GUARDC_TRAP_GUEST
