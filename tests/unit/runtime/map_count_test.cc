// At vm.max_map_count each step that maps something fails with an error that says so, however many mappings are left.
#include "base/map_count.h"

#include <gmock/gmock.h>

#include <array>
#include <chrono>

#include "guardc/call.h"
#include "guardc/instance.h"
#include "tests/fixtures/wat.h"
#include "tests/support/few_mappings.h"

namespace guardc {
namespace {

constexpr std::string_view kWat = R"((module
  (memory (export "memory") 3 600)
  (memory $second 2 4)
  (data (i32.const 100) "image")
  (data (i32.const 70000) "second page")
  (func (export "f") (param i32) (result i32) (local.get 0))
))";

class MapCountTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!CanTakeAllMappings()) GTEST_SKIP() << "too many mappings to use up, or a sanitizer needs some of its own";
  }
};

TEST_F(MapCountTest, NothingIsSaidWhereThereIsRoom) { EXPECT_EQ(MapCountNote(), ""); }

TEST_F(MapCountTest, InstancesSaySo) {
  const auto module = testing::CompileWat(kWat).value();
  const auto instantiate = [&]() -> Result<void> {
    Store store({.memory_cap_pages = 600});
    GUARDC_CHECK(store.Instantiate(module, {}));
    return {};
  };
  EXPECT_GT(ExpectNoteUntilItWorks(instantiate), 0);
}

TEST_F(MapCountTest, TheFirstCallSaysSo) {
  const auto module = testing::CompileWat(kWat).value();
  Store store({.memory_cap_pages = 600});
  const auto instance = store.Instantiate(module, {});
  ASSERT_TRUE(instance) << instance.error().message;
  const auto function = (*instance)->ExportedFunc("f");
  ASSERT_TRUE(function);
  ExpectNoteUntilItWorks([&]() -> Result<void> {
    GUARDC_CHECK(function->Call(std::array{Val::I32(7)}, {.deadline = Clock::now() + std::chrono::minutes(1)}));
    return {};
  });
}

}  // namespace
}  // namespace guardc
