// Caps that hold for all memories and all tables of an instance together, so that many small ones are no way around.
#include <gtest/gtest.h>

#include <string>

#include "runtime/guest_call.h"
#include "runtime/snapshot.h"
#include "runtime/store_impl.h"
#include "tests/fixtures/wat.h"

namespace guardc {
namespace {

// `count` memories of one page and tables of ten elements. "grow_memories" and "grow_tables" grow each by the argument
// and answer how many did.
std::string ManyOfEach(int count) {
  std::string memories, tables, grow_memories, grow_tables;
  for (int i = 0; i < count; ++i) {
    const std::string n = std::to_string(i);
    memories += "(memory $m" + n + " 1)\n";
    tables += "(table $t" + n + " 10 externref)\n";
    const auto count_if_grown = [](const std::string& grow) {
      return "(local.set $grown (i32.add (local.get $grown) (i32.ne (i32.const -1) " + grow + ")))\n";
    };
    grow_memories += count_if_grown("(memory.grow $m" + n + " (local.get $by))");
    grow_tables += count_if_grown("(table.grow $t" + n + " (ref.null extern) (local.get $by))");
  }
  return "(module\n" + memories + tables + "(func (export \"grow_memories\") (param $by i32) (result i32)\n" +
         "(local $grown i32)\n" + grow_memories + "(local.get $grown))\n" +
         "(func (export \"grow_tables\") (param $by i32) (result i32) (local $grown i32)\n" + grow_tables +
         "(local.get $grown)))";
}

class Budgets : public ::testing::Test {
 protected:
  static std::shared_ptr<const Module> Twenty() {
    static const auto module = testing::CompileWat(ManyOfEach(20)).value();
    return module;
  }
};

uint32_t Call(Instance& instance, HostState& host, std::string_view name, uint32_t argument) {
  abi::Value value = {.i32 = argument};
  const auto function = GuestFunction::Bind(instance, name, {{ValType::kI32}, {ValType::kI32}}).value();
  const auto done = function.Call(&value, host, {});
  EXPECT_TRUE(done);
  return value.i32;
}

TEST_F(Budgets, AreForAllMemoriesTogether) {
  HostState host;
  Store store({.memory_cap_pages = 25});
  Instance& instance = *InstantiateWithHost(store, Twenty(), host).value();
  EXPECT_EQ(Call(instance, host, "grow_memories", 6), 0u);
  EXPECT_EQ(Call(instance, host, "grow_memories", 2), 2u);
  EXPECT_EQ(Call(instance, host, "grow_memories", 1), 1u);
  EXPECT_EQ(Call(instance, host, "grow_memories", 1), 0u);
  EXPECT_EQ(Call(instance, host, "grow_memories", 0), 20u);
}

TEST_F(Budgets, AreForAllTablesTogether) {
  HostState host;
  Store store({.table_cap = 1000});
  Instance& instance = *InstantiateWithHost(store, Twenty(), host).value();
  EXPECT_EQ(Call(instance, host, "grow_tables", 801), 0u);
  EXPECT_EQ(Call(instance, host, "grow_tables", 300), 2u);
  EXPECT_EQ(Call(instance, host, "grow_tables", 200), 1u);
  EXPECT_EQ(Call(instance, host, "grow_tables", 1), 0u);
}

TEST_F(Budgets, AreEachInstancesOwn) {
  HostState first_host, second_host;
  Store store({.memory_cap_pages = 21, .table_cap = 201});
  Instance& first = *InstantiateWithHost(store, Twenty(), first_host).value();
  Instance& second = *InstantiateWithHost(store, Twenty(), second_host).value();
  EXPECT_EQ(Call(first, first_host, "grow_memories", 1), 1u);
  EXPECT_EQ(Call(second, second_host, "grow_memories", 1), 1u);
  EXPECT_EQ(Call(first, first_host, "grow_tables", 1), 1u);
  EXPECT_EQ(Call(second, second_host, "grow_tables", 1), 1u);
}

TEST_F(Budgets, RefuseWhatBeginsAboveThem) {
  HostState host;
  Store pages({.memory_cap_pages = 19});
  auto created = InstantiateWithHost(pages, Twenty(), host);
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().kind, ErrorKind::kLimit);
  EXPECT_EQ(created.error().details().needed_size, 20u);
  EXPECT_EQ(created.error().details().limit, 19u);
  Store elements({.table_cap = 199});
  created = InstantiateWithHost(elements, Twenty(), host);
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().kind, ErrorKind::kLimit);
  EXPECT_EQ(created.error().details().needed_size, 200u);
  EXPECT_EQ(created.error().details().limit, 199u);
  Store enough({.memory_cap_pages = 20, .table_cap = 200});
  EXPECT_TRUE(InstantiateWithHost(enough, Twenty(), host));
}

// A module that says that it needs 2^48 pages twenty times must not wrap to few.
TEST_F(Budgets, AreNotPassedBySumsThatWrap) {
  const auto module = testing::CompileWat(
      "(module (table 0xffffffff externref) (table 0xffffffff externref) "
      "(memory 65536) (memory 65536) (func (export \"f\") "
      "(drop (table.grow 0 (ref.null extern) (i32.const 1))) "
      "(drop (table.grow 1 (ref.null extern) (i32.const 1)))))");
  if (!module) GTEST_SKIP() << "refused when compiled: " << module.error().message;
  HostState host;
  Store store;
  const auto created = InstantiateWithHost(store, *module, host);
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().kind, ErrorKind::kLimit);
}

// What an instance had grown to is given back to its budget by a reset.
TEST_F(Budgets, AreWholeAgainAfterAReset) {
  HostState host;
  Store store({.memory_cap_pages = 22, .table_cap = 220});
  Instance& instance = *InstantiateWithHost(store, Twenty(), host).value();
  const auto snapshot = InstanceSnapshot::Take(instance.impl()).value();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Call(instance, host, "grow_memories", 1), 2u);
    EXPECT_EQ(Call(instance, host, "grow_tables", 10), 2u);
    ASSERT_TRUE(snapshot->Restore(instance.impl()));
  }
  Store another({.memory_cap_pages = 22, .table_cap = 220});
  HostState another_host;
  Instance& clone = *CloneWithHost(another, *snapshot, another_host).value();
  EXPECT_EQ(Call(clone, another_host, "grow_memories", 1), 2u);
  EXPECT_EQ(Call(clone, another_host, "grow_tables", 10), 2u);
}

}  // namespace
}  // namespace guardc
