// What an instance leaves to the next one of its artifact: the address space, and nothing that was in it.
#include "runtime/memory/reservation_cache.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "runtime/call/guest_call.h"
#include "runtime/instance/snapshot.h"
#include "runtime/instance/store_impl.h"
#include "runtime/memory/address_space.h"
#include "tests/fixtures/wat.h"
#include "tests/support/hosted_instance.h"

namespace guardc {
namespace {

// `soil` writes to all that a guest can write to, `fill N` to the first N bytes of its memory; `recurse` to its stack.
constexpr std::string_view kReservationWat = R"((module
  (type $nullary (func (result i32)))
  (memory (export "memory") 3 600)
  (data (i32.const 100) "image")
  (data (i32.const 70000) "second page")
  (table $t (export "table") 4 100 funcref)
  (elem (table $t) (i32.const 0) func $one $two)
  (global $i (mut i32) (i32.const 7))
  (global $f (mut funcref) (ref.func $one))
  (func $one (result i32) (i32.const 1))
  (func $two (result i32) (i32.const 2))
  (func (export "soil") (param i32) (result i32)
    (global.set $i (local.get 0))
    (global.set $f (ref.func $two))
    (table.set $t (i32.const 0) (ref.func $two))
    (drop (table.grow $t (ref.func $one) (i32.const 2)))
    (memory.grow (i32.const 2)))
  (func (export "fill") (param i32) (result i32)
    (memory.fill (i32.const 0) (i32.const 0xa5) (local.get 0)) (i32.const 0))
  (func $recurse (export "recurse") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (call $recurse (i32.sub (local.get 0) (i32.const 1))) (local.get 0)))
      (else (i32.const 0))))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "call") (param i32) (result i32) (call_indirect $t (type $nullary) (local.get 0)))
  (func (export "elements") (param i32) (result i32) (table.size $t))
  (func (export "i") (param i32) (result i32) (global.get $i))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "trap") (param i32) (result i32) unreachable)
))";

class ReservedInstance : public test::HostedInstance {
 public:
  explicit ReservedInstance(const std::shared_ptr<const Module>& module, uint64_t stack_size = 256 * 1024)
      : HostedInstance(module, {.memory_cap_pages = 600, .stack_size = stack_size}) {}

  const std::byte* base() { return impl().space.begin(); }
  std::span<const std::byte> memory() {
    return {reinterpret_cast<const std::byte*>(impl().memories[0]->vm->base), impl().memories[0]->vm->size};
  }
  std::span<const std::byte> stack() {
    const Activation& activation = impl().activation;
    return {reinterpret_cast<const std::byte*>(activation.stack_low), activation.stack_top - activation.stack_low};
  }
};

std::vector<std::byte> Copy(std::span<const std::byte> bytes) { return {bytes.begin(), bytes.end()}; }

// Whether nobody, kernel included, may read there.
bool IsInaccessible(const std::byte* at) {
  int pipe_ends[2];
  EXPECT_EQ(pipe(pipe_ends), 0);
  const bool refused = write(pipe_ends[1], at, 1) == -1 && errno == EFAULT;
  close(pipe_ends[0]);
  close(pipe_ends[1]);
  return refused;
}

// Pages in RAM or in the swap.
size_t PagesHeld(const std::byte* begin, uint64_t size) {
  const Fd pagemap(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  std::vector<uint64_t> entries(size / page);
  const auto offset = static_cast<off_t>(reinterpret_cast<uintptr_t>(begin) / page * 8);
  EXPECT_EQ(pread(pagemap.get(), entries.data(), entries.size() * 8, offset), static_cast<ssize_t>(entries.size() * 8));
  size_t held = 0;
  for (const uint64_t entry : entries) held += (entry >> 62) != 0 ? 1 : 0;
  return held;
}

// With the guard region behind memory, and with code that checks each access.
class SpareSpaces : public ::testing::TestWithParam<bool> {
 protected:
  const std::shared_ptr<const Module> module_ =
      testing::CompileWat(kReservationWat, {.profile = Profile::kWasi, .bounds_checks = GetParam()}).value();
  size_t kept() const { return module_->artifact().for_runtime().spaces.size(); }
};
INSTANTIATE_TEST_SUITE_P(, SpareSpaces, ::testing::Bool(),
                         [](const auto& p) { return p.param ? "BoundsChecks" : "GuardRegion"; });

TEST_P(SpareSpaces, TheNextInstanceFindsNothingOfTheLast) {
  std::vector<std::byte> memory_at_first;
  const std::byte* base = nullptr;
  {
    ReservedInstance first(module_);
    base = first.base();
    memory_at_first = Copy(first.memory());
    EXPECT_EQ(first("soil", 99), 3u);
    EXPECT_EQ(first("fill", 5 * kWasmPageSize), 0u);
    first("recurse", 1000);
    EXPECT_EQ(first("i"), 99u);
    EXPECT_EQ(first("call", 0), 2u);
  }
  ASSERT_EQ(kept(), 1u);
  ReservedInstance next(module_);
  EXPECT_EQ(kept(), 0u);
  ASSERT_EQ(next.base(), base);

  EXPECT_EQ(Copy(next.memory()), memory_at_first);
  EXPECT_EQ(next.memory().size(), 3 * kWasmPageSize);
  EXPECT_EQ(std::memcmp(next.memory().data() + 100, "image", 5), 0);
  EXPECT_EQ(std::memcmp(next.memory().data() + 70000, "second page", 11), 0);
  // Instantiation has run in the uppermost page of it.
  for (const std::byte byte : next.stack().first(next.stack().size() - kLayoutPage)) ASSERT_EQ(byte, std::byte{0});
  EXPECT_EQ(next("i"), 7u);
  EXPECT_EQ(next("call", 0), 1u);
  EXPECT_EQ(next("elements"), 4u);

  // What the first had grown by is gone as well, and zero where this one grows.
  EXPECT_TRUE(IsInaccessible(next.memory().data() + next.memory().size()));
  EXPECT_EQ(next.Call("load", 3 * kWasmPageSize).error().details().trap, TrapCode::kMemoryOutOfBounds);
  ReservedInstance third(module_);
  EXPECT_EQ(third("grow", 2), 3u);
  for (uint32_t at = 3 * kWasmPageSize; at < 5 * kWasmPageSize; ++at) {
    ASSERT_EQ(third.memory()[at], std::byte{0}) << at;
  }
}

TEST_P(SpareSpaces, GrownAgainAfterReuseItIsZero) {
  {
    ReservedInstance first(module_);
    first("soil");
    first("fill", 5 * kWasmPageSize);
  }
  ReservedInstance next(module_);
  EXPECT_EQ(next("grow", 2), 3u);
  for (uint32_t at = 3 * kWasmPageSize; at < 5 * kWasmPageSize; at += 64) {
    ASSERT_EQ(next.memory()[at], std::byte{0}) << at;
  }
}

TEST_P(SpareSpaces, AnIdleOneHoldsNoPages) {
  const std::byte* base = nullptr;
  {
    ReservedInstance first(module_);
    base = first.base();
    first("soil");
    first("fill", 5 * kWasmPageSize);
    first("recurse", 1000);
    EXPECT_GT(PagesHeld(base, uint64_t{2} << 20), 16u);
  }
  ASSERT_EQ(kept(), 1u);
  EXPECT_EQ(PagesHeld(base, uint64_t{2} << 20), 0u);
}

TEST_P(SpareSpaces, OnlyWhatFitsIsTaken) {
  {
    const ReservedInstance first(module_);
  }
  ASSERT_EQ(kept(), 1u);
  const ReservedInstance other(module_, 512 * 1024);
  EXPECT_EQ(kept(), 1u);
  const ReservedInstance same(module_);
  EXPECT_EQ(kept(), 0u);
}

TEST_P(SpareSpaces, FewAreKept) {
  {
    std::vector<std::unique_ptr<ReservedInstance>> many;
    for (int i = 0; i < 10; ++i) many.push_back(std::make_unique<ReservedInstance>(module_));
  }
  EXPECT_EQ(kept(), spare_spaces::kMost);
}

TEST_P(SpareSpaces, AFailedInstanceLeavesNone) {
  {
    ReservedInstance first(module_);
    EXPECT_EQ(first.Call("trap").error().kind, ErrorKind::kTrap);
  }
  EXPECT_EQ(kept(), 0u);
}

// What a snapshot is mapped into is not as the artifact has it.
TEST_P(SpareSpaces, ARestoredInstanceLeavesNone) {
  {
    ReservedInstance first(module_);
    const auto snapshot = InstanceSnapshot::Take(first.impl()).value();
    ASSERT_TRUE(snapshot->Restore(first.impl()));
  }
  EXPECT_EQ(kept(), 0u);
}

TEST_P(SpareSpaces, TheyGoWithTheArtifact) {
  auto module = testing::CompileWat(kReservationWat, {.profile = Profile::kWasi, .bounds_checks = GetParam()}).value();
  const std::byte* base = nullptr;
  {
    ReservedInstance first(module);
    base = first.base();
  }
  ASSERT_EQ(module->artifact().for_runtime().spaces.size(), 1u);
  unsigned char resident = 0;
  ASSERT_EQ(mincore(const_cast<std::byte*>(base), 4096, &resident), 0);
  module.reset();
  EXPECT_EQ(mincore(const_cast<std::byte*>(base), 4096, &resident), -1);
}

// In a child: the limit stays.
TEST_P(SpareSpaces, NoneAreKeptWhereAddressSpaceIsLimited) {
  EXPECT_EXIT(
      {
        rlimit limit = {};
        limit.rlim_cur = limit.rlim_max = uint64_t{1} << 62;  // more than there is

        setrlimit(RLIMIT_AS, &limit);
        {
          const ReservedInstance first(module_);
        }
        _exit(kept() == 0 ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

// Locked pages cannot be given back: such a space is not kept.
TEST_P(SpareSpaces, WhatTheSystemDoesNotTakeBackIsUnmapped) {
  auto& artifact = module_->artifact();
  constexpr uint64_t kSize = 64 * kLayoutPage;
  Mapping space = ReserveAddressSpace(kSize, "a test").value();
  ASSERT_TRUE(Commit(space.begin(), kSize / 2));
  // Not by mlock(), which does nothing under sanitizers.
  if (syscall(SYS_mlock, space.begin(), kLayoutPage) != 0) GTEST_SKIP() << "no memory may be locked";
  std::byte* const base = space.begin();
  spare_spaces::Keep(artifact, std::move(space), 1, kSize / 2, kSize / 2);
  EXPECT_EQ(kept(), 0u);
  unsigned char resident = 0;
  EXPECT_EQ(mincore(base, kLayoutPage, &resident), -1);
}

}  // namespace
}  // namespace guardc
