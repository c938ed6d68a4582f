// What the default mode may do around an access that faults, and strict traps may not: the table in docs/traps.md, an
// example each, by its number. An example that stops showing its licence is news for that table.
#include <thread>

#include "tests/fixtures/wat.h"
#include "tests/trap/guest_fixture.h"

namespace guardc {
namespace {

using namespace std::chrono_literals;

// Address 70000 lies outside, 65532 holds the last four bytes. "look" reads four bytes.
std::string Wat(std::string_view body) {
  return "(module (memory (export \"memory\") 1) (global $g (mut i32) (i32.const 1))"
         "(func (export \"look\") (param i32) (result i32) (i32.load (local.get 0)))"
         "(func (export \"size\") (result i32) (i32.const 70000))"
         "(func (export \"f\") (param i32) (result i32) " +
         std::string(body) + "))";
}

class Licence : public ::testing::Test {
 protected:
  static std::unique_ptr<Guest> Make(std::string_view body, bool strict) {
    CompileOptions options{.profile = Profile::kWasi};
    options.strict_traps = strict;
    auto module = guardc::testing::CompileWat(Wat(body), options);
    EXPECT_TRUE(module) << module.error().message;
    return std::make_unique<Guest>(StoreOptions{.fail_after_trap = false}, *module);
  }
  // The trap of f(argument), or kNone.
  static TrapCode Trap(Guest& guest, uint32_t argument = 0) {
    const auto result = guest.Run1("f", argument, {.deadline = Clock::now() + 200ms});
    if (result) return TrapCode::kNone;
    return result.error().kind == ErrorKind::kDeadline ? TrapCode::kInterrupted : result.error().details().trap;
  }
  static void ExpectTraps(std::string_view body, TrapCode by_default, TrapCode strict, uint32_t argument = 0) {
    EXPECT_EQ(Trap(*Make(body, false), argument), by_default) << body;
    EXPECT_EQ(Trap(*Make(body, true), argument), strict) << body;
  }
};

// A store before the trap is missing, since one behind it overwrites it.
TEST_F(Licence, L1MemoryAfterATrapIsUnspecified) {
  constexpr std::string_view kBody =
      "(i32.store (i32.const 8) (i32.const 1)) (local.set 0 (i32.load (i32.const 70000)))"
      "(i32.store (i32.const 8) (i32.const 2)) (local.get 0)";
  for (const bool strict : {false, true}) {
    const auto guest = Make(kBody, strict);
    EXPECT_EQ(Trap(*guest), TrapCode::kMemoryOutOfBounds);
    const uint32_t left = guest->Run1("look", 8).value();
    if (strict) {
      EXPECT_EQ(left, 1u);
    } else {
      EXPECT_NE(left, 1u);
    }
  }
}

TEST_F(Licence, L2ACopyMayBeDoneInPart) {
  constexpr std::string_view kBody =
      "(memory.fill (i32.const 0) (i32.const 7) (i32.const 100))"
      "(memory.copy (i32.const 65526) (i32.const 0) (local.get 0)) (i32.const 0)";
  const auto strict = Make(kBody, true);
  EXPECT_EQ(Trap(*strict, 20), TrapCode::kMemoryOutOfBounds);
  EXPECT_EQ(strict->Run1("look", 65526).value(), 0u);
  // How much is copied is the copy's own affair; that it traps is not.
  EXPECT_EQ(Trap(*Make(kBody, false), 20), TrapCode::kMemoryOutOfBounds);
}

// The load is only used where the branch does not go to `unreachable`.
TEST_F(Licence, L3AnotherTrapThatIsDueMayBeReported) {
  ExpectTraps(
      "(local $v i32) (local.set $v (i32.load (i32.const 70000))) (if (i32.eqz (local.get 0)) (then (unreachable)))"
      "(local.get $v)",
      TrapCode::kUnreachable, TrapCode::kMemoryOutOfBounds);
}

TEST_F(Licence, L4ALoadMayMoveToThePathThatUsesIt) {
  constexpr std::string_view kBody =
      "(local $v i32) (local.set $v (i32.load (i32.const 70000)))"
      "(if (result i32) (local.get 0) (then (local.get $v)) (else (i32.const 3)))";
  ExpectTraps(kBody, TrapCode::kNone, TrapCode::kMemoryOutOfBounds, 0);
  ExpectTraps(kBody, TrapCode::kMemoryOutOfBounds, TrapCode::kMemoryOutOfBounds, 1);
}

TEST_F(Licence, L5ALoadThatDecidesNothingMayGo) {
  ExpectTraps("(i32.and (i32.load (i32.const 70000)) (i32.const 0))", TrapCode::kNone, TrapCode::kMemoryOutOfBounds);
  // One that nothing uses stays.
  ExpectTraps("(drop (i32.load (i32.const 70000))) (i32.const 0)", TrapCode::kMemoryOutOfBounds,
              TrapCode::kMemoryOutOfBounds);
}

TEST_F(Licence, L6AnAccessMayBeNarrowed) {
  ExpectTraps("(i32.wrap_i64 (i64.load (i32.const 65532)))", TrapCode::kNone, TrapCode::kMemoryOutOfBounds);
}

// Else a store keeps its trap: what overwrites it faults as well.
TEST_F(Licence, L7AStoreThatIsOverwrittenMayGo) {
  ExpectTraps(
      "(i32.store (i32.const 70000) (i32.const 1)) (loop $l (br_if $l (global.get $g)))"
      "(i32.store (i32.const 70000) (i32.const 2)) (i32.const 0)",
      TrapCode::kInterrupted, TrapCode::kMemoryOutOfBounds);
  ExpectTraps("(i32.store (i32.const 70000) (i32.const 1)) (i32.store (i32.const 70000) (i32.const 2)) (i32.const 0)",
              TrapCode::kMemoryOutOfBounds, TrapCode::kMemoryOutOfBounds);
  ExpectTraps("(i64.store (i32.const 65532) (i64.const 1)) (i32.store (i32.const 65532) (i32.const 2)) (i32.const 0)",
              TrapCode::kMemoryOutOfBounds, TrapCode::kMemoryOutOfBounds);
  ExpectTraps("(loop $l (i32.store (i32.const 70000) (i32.const 1)) (br $l)) (i32.const 0)",
              TrapCode::kMemoryOutOfBounds, TrapCode::kMemoryOutOfBounds);
}

// L5 before a loop that has a way out and never takes it.
TEST_F(Licence, L8TheTrapOfALoadThatMayGoMayBecomeAnEndlessLoop) {
  ExpectTraps("(if (i32.load (i32.const 70000)) (then)) (loop $l (br_if $l (global.get $g))) (i32.const 0)",
              TrapCode::kInterrupted, TrapCode::kMemoryOutOfBounds);
}

// No licence: where only an endless loop follows, loads keep their trap.
TEST_F(Licence, LoopsWithoutAWayOutKeepTheirLoads) {
  for (const std::string_view body : {
           "(loop $l (br_if $l (i32.load (i32.const 70000))) (br $l)) (unreachable)",
           "(loop $l (if (i32.load (i32.const 70000)) (then)) (br $l)) (i32.const 0)",
           "(if (i32.load (i32.const 70000)) (then)) (loop $l (br $l)) (i32.const 0)",
           "(loop $l (global.set $g (i32.add (global.get $g) (i32.const 1)))"
           "  (br_if $l (i32.load (i32.const 70000))) (br $l)) (unreachable)",
           "(loop $o (loop $l (br_if $l (i32.load8_u (i32.const 70000))) (br $o))) (unreachable)",
           "(loop $l (local.set 0 (i32.and (i32.load (i32.const 70000)) (i32.const 0))) (br $l)) (i32.const 0)",
           "(loop $l (br_if $l (i64.eqz (i64.load (i32.const 65532)))) (br $l)) (unreachable)",
       }) {
    ExpectTraps(body, TrapCode::kMemoryOutOfBounds, TrapCode::kMemoryOutOfBounds);
  }
}

}  // namespace
}  // namespace guardc
