// Caps that hold for all memories and all tables of an instance together, so that many small ones are no way around.
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "runtime/call/guest_call.h"
#include "runtime/instance/snapshot.h"
#include "runtime/instance/store_impl.h"
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

std::shared_ptr<const Module> Twenty() {
  static const auto module = testing::CompileWat(ManyOfEach(20)).value();
  return module;
}

// An instance in a Store of its own, or in another's.
class Grower {
 public:
  explicit Grower(const StoreOptions& options) : own_(std::in_place, options), instance_(Make(*own_)) {}
  Grower(Store& store, HostState& host) : host_(host), instance_(Make(store)) {}
  Grower(const StoreOptions& options, const InstanceSnapshot& from)
      : own_(std::in_place, options), instance_(*CloneWithHost(*own_, from, host_).value()) {}

  // How many of the memories or tables grew by so much.
  uint32_t Memories(uint32_t by) { return Call("grow_memories", by); }
  uint32_t Tables(uint32_t by) { return Call("grow_tables", by); }
  Instance::Impl& impl() { return instance_.impl(); }

 private:
  Instance& Make(Store& store) { return *InstantiateWithHost(store, Twenty(), host_).value(); }
  uint32_t Call(std::string_view name, uint32_t argument) {
    abi::Value value = {.i32 = argument};
    const auto function = GuestFunction::Bind(instance_, name, {{ValType::kI32}, {ValType::kI32}}).value();
    EXPECT_TRUE(function.Call(&value, host_, {}));
    return value.i32;
  }

  HostState own_host_;  // outlives the Store, as one from elsewhere has to
  HostState& host_ = own_host_;
  std::optional<Store> own_;
  Instance& instance_;
};

TEST(Budgets, AreForAllMemoriesTogether) {
  Grower grower({.memory_cap_pages = 25});
  EXPECT_EQ(grower.Memories(6), 0u);
  EXPECT_EQ(grower.Memories(2), 2u);
  EXPECT_EQ(grower.Memories(1), 1u);
  EXPECT_EQ(grower.Memories(1), 0u);
  EXPECT_EQ(grower.Memories(0), 20u);
}

TEST(Budgets, AreForAllTablesTogether) {
  Grower grower({.table_cap = 1000});
  EXPECT_EQ(grower.Tables(801), 0u);
  EXPECT_EQ(grower.Tables(300), 2u);
  EXPECT_EQ(grower.Tables(200), 1u);
  EXPECT_EQ(grower.Tables(1), 0u);
}

TEST(Budgets, AreEachInstancesOwn) {
  HostState first_host, second_host;
  Store store({.memory_cap_pages = 21, .table_cap = 201});
  Grower first(store, first_host), second(store, second_host);
  EXPECT_EQ(first.Memories(1), 1u);
  EXPECT_EQ(second.Memories(1), 1u);
  EXPECT_EQ(first.Tables(1), 1u);
  EXPECT_EQ(second.Tables(1), 1u);
}

TEST(Budgets, RefuseWhatBeginsAboveThem) {
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

// Each is within the cap, and no reservation is tried before they are counted together.
TEST(Budgets, CountTheLargestMinimaTogether) {
  constexpr uint64_t kMost = uint64_t{1} << 48;  // pages that a 64-bit memory may ask for
  const auto module = testing::CompileWat("(module (memory i64 0x1000000000000) (memory i64 0x1000000000000))");
  ASSERT_TRUE(module) << module.error().message;
  HostState host;
  Store store({.memory_cap_pages = kMost});
  const auto created = InstantiateWithHost(store, *module, host);
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().kind, ErrorKind::kLimit);
  EXPECT_EQ(created.error().details().needed_size, 2 * kMost);
}

// What an instance had grown to is given back to its budget by a reset.
TEST(Budgets, AreWholeAgainAfterAReset) {
  const StoreOptions options{.memory_cap_pages = 22, .table_cap = 220};
  Grower grower(options);
  const auto snapshot = InstanceSnapshot::Take(grower.impl()).value();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(grower.Memories(1), 2u);
    EXPECT_EQ(grower.Tables(10), 2u);
    ASSERT_TRUE(snapshot->Restore(grower.impl()));
  }
  Grower clone(options, *snapshot);
  EXPECT_EQ(clone.Memories(1), 2u);
  EXPECT_EQ(clone.Tables(10), 2u);
}

}  // namespace
}  // namespace guardc
