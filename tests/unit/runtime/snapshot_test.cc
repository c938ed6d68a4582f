// Copies of instances: every kind of state goes along, and nothing is shared that can be written.
#include "runtime/instance/snapshot.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <cerrno>
#include <string>

#include "runtime/call/guest_call.h"
#include "runtime/instance/store_impl.h"
#include "tests/fixtures/wat.h"
#include "tests/support/few_mappings.h"
#include "tests/support/hosted_instance.h"
#include "tests/support/refused_call.h"

namespace guardc {
namespace {

// Everything that an instance may hold: `set N` changes all of it, `get K` looks at one piece.
constexpr std::string_view kSnapshotWat = R"((module
  (import "env" "host_log" (func $log (param i32 i32 i32)))
  (type $nullary (func (result i32)))
  (memory (export "memory") 3 600)
  (memory $second 1 4)
  (data (i32.const 100) "image")
  (data $passive "passive")
  (table $t (export "table") 4 100 funcref)
  (elem (table $t) (i32.const 0) func $one $two)
  (elem $segment func $three)
  (elem declare func $one $two $three $log)
  (global $i (mut i32) (i32.const 7))
  (global $f (mut funcref) (ref.func $one))
  (global $v (mut i64) (i64.const -1))
  (func $one (result i32) (i32.add (global.get $i) (i32.const 1000)))
  (func $two (result i32) (i32.const 2))
  (func $three (result i32) (i32.const 3))
  (func (export "log") (call $log (i32.const 1) (i32.const 100) (i32.const 5)))
  (func (export "set") (param $n i32) (result i32)
    (global.set $i (local.get $n))
    (global.set $v (i64.extend_i32_u (local.get $n)))
    (global.set $f (ref.func $two))
    (i32.store (i32.const 100) (local.get $n))
    (i32.store (i32.const 70000) (local.get $n))
    (i32.store $second (i32.const 8) (local.get $n))
    (table.set $t (i32.const 2) (ref.func $three))
    (table.set $t (i32.const 0) (ref.func $two))
    (drop (table.grow $t (ref.func $one) (i32.const 2)))
    (drop (memory.grow (i32.const 2)))
    (i32.store (i32.const 200000) (local.get $n))
    (i32.const 0))
  (func (export "drop") (param i32) (result i32) (data.drop $passive) (elem.drop $segment) (i32.const 0))
  (func (export "call") (param i32) (result i32) (call_indirect $t (type $nullary) (local.get 0)))
  (func (export "init") (param i32) (result i32)
    (memory.init $passive (i32.const 300) (i32.const 0) (local.get 0))
    (i32.load (i32.const 300)))
  (func (export "table_init") (param i32) (result i32)
    (table.init $t $segment (i32.const 3) (i32.const 0) (local.get 0)) (i32.const 0))
  (func (export "store") (param i32) (result i32) (i32.store (local.get 0) (i32.const -1)) (i32.const 0))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "load2") (param i32) (result i32) (i32.load $second (local.get 0)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "pages") (param i32) (result i32) (memory.size))
  (func (export "elements") (param i32) (result i32) (table.size $t))
  (func (export "i") (param i32) (result i32) (global.get $i))
  (func (export "v") (param i32) (result i32) (i32.wrap_i64 (global.get $v)))
  (func (export "f") (param i32) (result i32)
    (table.set $t (i32.const 3) (global.get $f))
    (call_indirect $t (type $nullary) (i32.const 3)))
))";

// With the guard region behind memory, and with code that checks each access.
class Snapshot : public ::testing::TestWithParam<bool> {
 protected:
  static std::shared_ptr<const Module> TheModule() {
    static std::shared_ptr<const Module> modules[2];
    auto& module = modules[GetParam() ? 1 : 0];
    if (module == nullptr) {
      module = testing::CompileWat(kSnapshotWat, {.profile = Profile::kWasi, .bounds_checks = GetParam()}).value();
    }
    return module;
  }
};

class OneInstance : public test::HostedInstance {
 public:
  using HostedInstance::HostedInstance;

  std::shared_ptr<const InstanceSnapshot> Snapshot() { return InstanceSnapshot::Take(impl()).value(); }
  // Kilobytes of memory and stack that this instance has in RAM.
  uint64_t ResidentKiB() {
    uint64_t pages = 0;
    const auto count = [&](const void* begin, uint64_t size) {
      std::vector<uint64_t> entries(size / 4096);
      FILE* file = fopen("/proc/self/pagemap", "rb");
      ASSERT_NE(file, nullptr);
      fseek(file, static_cast<long>(reinterpret_cast<uintptr_t>(begin) / 4096 * 8), SEEK_SET);
      ASSERT_EQ(fread(entries.data(), 8, entries.size(), file), entries.size());
      fclose(file);
      for (const uint64_t entry : entries)
        pages += (entry >> 63) != 0 && (entry >> 61 & 1) == 0;  // its own, not a file's
    };
    for (const LinearMemory* memory : impl().memories) count(memory->vm->base, memory->max_pages * kWasmPageSize);
    const Activation& activation = impl().activation;
    count(reinterpret_cast<const void*>(activation.stack_low), activation.stack_top - activation.stack_low);
    return pages * 4;
  }
};

void ExpectInitial(OneInstance& instance) {
  EXPECT_EQ(instance("i"), 7u);
  EXPECT_EQ(instance("v"), 0xffffffffu);
  EXPECT_EQ(instance("load", 100), 0x67616d69u);  // "imag"
  EXPECT_EQ(instance("load", 70000), 0u);
  EXPECT_EQ(instance("load2", 8), 0u);
  EXPECT_EQ(instance("pages"), 3u);
  EXPECT_EQ(instance("elements"), 4u);
  EXPECT_EQ(instance("call", 0), 1007u);
  EXPECT_EQ(instance("call", 1), 2u);
  EXPECT_EQ(instance("f"), 1007u);
}

void ExpectSet(OneInstance& instance, uint32_t n) {
  EXPECT_EQ(instance("i"), n);
  EXPECT_EQ(instance("v"), n);
  EXPECT_EQ(instance("load", 100), n);
  EXPECT_EQ(instance("load", 70000), n);
  EXPECT_EQ(instance("load", 200000), n);
  EXPECT_EQ(instance("load2", 8), n);
  EXPECT_EQ(instance("pages"), 5u);
  EXPECT_EQ(instance("elements"), 6u);
  EXPECT_EQ(instance("call", 0), 2u);
  EXPECT_EQ(instance("call", 2), 3u);
  EXPECT_EQ(instance("call", 5), n + 1000);
  EXPECT_EQ(instance("f"), 2u);
}

TEST_P(Snapshot, ACloneIsWhatTheOriginalWas) {
  OneInstance original(TheModule());
  const auto initial = original.Snapshot();
  original("set", 42);
  const auto set = original.Snapshot();
  original("store", 100);

  OneInstance first(*initial), second(*set), third(*set);
  ExpectInitial(first);
  ExpectSet(second, 42);
  ExpectSet(third, 42);
}

TEST_P(Snapshot, WhereMemoryFilesAreRefused) {
  const auto module = TheModule();
  const bool is_refused = WithRefusedCall(SYS_memfd_create, ENOSYS, [&] {
    OneInstance original(module);
    original("set", 42);
    const auto set = original.Snapshot();
    OneInstance one(*set), other(*set);
    one("store", 100);
    ExpectSet(other, 42);
    ASSERT_TRUE(set->Restore(one.impl()));
    ExpectSet(one, 42);
  });
  if (!is_refused) GTEST_SKIP() << "no seccomp filters here";
}

TEST_P(Snapshot, SaysWhereThereAreTooManyMappings) {
  if (!CanTakeAllMappings()) GTEST_SKIP() << "too many mappings to use up, or a sanitizer needs some of its own";
  OneInstance original(TheModule());
  original("set", 42);
  const auto snapshot = original.Snapshot();
  const auto clone = [&]() -> Result<void> {
    Store store({.memory_cap_pages = 600});
    HostState host;
    GUARDC_CHECK(CloneWithHost(store, *snapshot, host));
    return {};
  };
  EXPECT_GT(ExpectNoteUntilItWorks(clone), 0);
}

TEST_P(Snapshot, NothingIsShared) {
  OneInstance original(TheModule());
  const auto snapshot = original.Snapshot();
  OneInstance one(*snapshot), other(*snapshot);
  one("set", 1);
  ExpectInitial(other);
  ExpectInitial(original);
  other("set", 2);
  ExpectSet(one, 1);
  ExpectSet(other, 2);
  OneInstance late(*snapshot);
  ExpectInitial(late);
}

TEST_P(Snapshot, DroppedSegmentsStayDropped) {
  OneInstance original(TheModule());
  const auto before = original.Snapshot();
  original("drop");
  const auto after = original.Snapshot();
  OneInstance whole(*before), dropped(*after);
  EXPECT_EQ(whole("init", 4), 0x73736170u);
  EXPECT_EQ(whole("table_init", 1), 0u);
  EXPECT_EQ(dropped.Trap("init", 4), TrapCode::kMemoryOutOfBounds);
  OneInstance again(*after);
  EXPECT_EQ(again.Trap("table_init", 1), TrapCode::kTableOutOfBounds);
  // And come back where they were there.
  OneInstance back(*after);
  ASSERT_TRUE(before->Restore(back.impl()));
  EXPECT_EQ(back("init", 4), 0x73736170u);
  EXPECT_EQ(back("table_init", 1), 0u);
}

TEST_P(Snapshot, RestoringUndoesEverything) {
  OneInstance original(TheModule());
  const auto initial = original.Snapshot();
  original("set", 9);
  const auto set = original.Snapshot();
  OneInstance clone(*initial);
  for (uint32_t i = 0; i < 3; ++i) {
    clone("set", i);
    clone("drop");
    ASSERT_TRUE(initial->Restore(clone.impl()));
    ExpectInitial(clone);
    ASSERT_TRUE(set->Restore(clone.impl()));
    ExpectSet(clone, 9);
    ASSERT_TRUE(initial->Restore(clone.impl()));
  }
  // One that was not made from a snapshot as well.
  ASSERT_TRUE(initial->Restore(original.impl()));
  ExpectInitial(original);
}

// MEM-1: what a memory had grown by is out of bounds again, and empty when it is grown anew.
TEST_P(Snapshot, MemoryShrinks) {
  OneInstance original(TheModule());
  const auto snapshot = original.Snapshot();
  OneInstance clone(*snapshot);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(clone("grow", 20), 3u);
    clone("store", 1'000'000);
    ASSERT_TRUE(snapshot->Restore(clone.impl()));
    EXPECT_EQ(clone("pages"), 3u);
    EXPECT_EQ(clone("grow", 20), 3u);
    EXPECT_EQ(clone("load", 1'000'000), 0u);
    ASSERT_TRUE(snapshot->Restore(clone.impl()));
  }
  EXPECT_EQ(clone.Trap("store", 1'000'000), TrapCode::kMemoryOutOfBounds);
  EXPECT_FALSE(snapshot->Restore(clone.impl()));  // a failed instance stays failed
}

TEST_P(Snapshot, AResetGivesMemoryBack) {
  OneInstance original(TheModule());
  original("grow", 200);
  const auto snapshot = original.Snapshot();
  OneInstance clone(*snapshot);
  EXPECT_EQ(clone.ResidentKiB(), 0u);
  for (uint32_t at = 0; at < 200 * 65536; at += 4096) clone("store", at);
  EXPECT_GE(clone.ResidentKiB(), 200u * 64);
  ASSERT_TRUE(snapshot->Restore(clone.impl()));
  EXPECT_EQ(clone.ResidentKiB(), 0u);
}

TEST_P(Snapshot, StoresWhatIsNotZeroInFewRanges) {
  OneInstance original(TheModule());
  original("grow", 500);
  const auto small = original.Snapshot();
  EXPECT_LE(small->stored_bytes(), 4u * 4096);
  // A thousand pages far apart.
  for (uint32_t i = 0; i < 400; ++i) original("store", 65536 + i * 80000);
  const auto large = original.Snapshot();
  OneInstance clone(*large);
  for (uint32_t i = 0; i < 400; ++i) {
    EXPECT_EQ(clone("load", 65536 + i * 80000), 0xffffffffu);
    EXPECT_EQ(clone("load", 65536 + i * 80000 + 40000), 0u);
  }
}

TEST_P(Snapshot, OtherModulesAndSharedStateAreRefused) {
  OneInstance original(TheModule());
  const auto snapshot = original.Snapshot();
  const auto other = testing::CompileWat(R"((module (memory (export "memory") 1)))").value();
  OneInstance stranger(other);
  EXPECT_EQ(snapshot->Restore(stranger.impl()).error().kind, ErrorKind::kInternal);
  EXPECT_NE(original.Trap("load", 0x7fffffff), TrapCode::kNone);
  EXPECT_EQ(InstanceSnapshot::Take(original.impl()).error().kind, ErrorKind::kUnsupported);

  const auto importer = testing::CompileWat(R"((module (import "m" "memory" (memory 1))))").value();
  Store store;
  const Memory memory = store.NewMemory({.limits = {.min = 1}}).value();
  const Extern imports[] = {memory};
  Instance* instance = store.Instantiate(importer, imports).value();
  EXPECT_EQ(InstanceSnapshot::Take(instance->impl()).error().kind, ErrorKind::kUnsupported);
}

INSTANTIATE_TEST_SUITE_P(, Snapshot, ::testing::Bool(),
                         [](const auto& instance) { return instance.param ? "BoundsChecks" : "GuardRegion"; });

}  // namespace
}  // namespace guardc
