// Label calls: every sentence of docs/guard-abi.md, 2, about buffers, answers and the state of the guard after them.
#include <gtest/gtest.h>

#include <cstring>

#include "tests/unit/label/guard_fixture.h"

namespace guardc {
namespace {

using LabelCallTest = GuardTest;

TEST_F(LabelCallTest, AnswersComeBackByteForByte) {
  const auto guard = Script();
  for (const LabelFunction function : {LabelFunction::kAgent, LabelFunction::kResource, LabelFunction::kResponse}) {
    const std::string text = std::string("e{\"a\":\"\0\xff\"}", 11) + std::string(100'000, 'x');
    const auto answer = guard->Call(function, text);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(*answer, text);
  }
  EXPECT_TRUE(guard->healthy());
}

TEST_F(LabelCallTest, EachFunctionIsItsOwn) {
  const auto guard = Script();
  for (uint32_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(guard->Call(static_cast<LabelFunction>(i), "0"));
    const auto answer = guard->Call(static_cast<LabelFunction>(i), "c");
    ASSERT_TRUE(answer);
    ScriptCounters counters;
    std::memcpy(&counters, answer->data(), sizeof(counters));
    EXPECT_EQ(counters.which, i + 1);
  }
}

TEST_F(LabelCallTest, ZeroIsAnEmptyAnswer) {
  const auto guard = Script();
  EXPECT_EQ(Ask(*guard, "0").value(), "");
  EXPECT_EQ(Ask(*guard, "sSECRET").value(), "");
}

TEST_F(LabelCallTest, NegativeAnswersAreErrorsOfTheGuard) {
  const auto guard = Script();
  for (const int32_t code : {-1, -3, -100, INT32_MIN}) {
    const auto answer = Ask(*guard, Command('n', static_cast<uint32_t>(code)));
    ASSERT_EQ(KindOf(answer), ErrorKind::kGuardError);
    EXPECT_EQ(answer.error().details().guard_code, code);
    EXPECT_NE(answer.error().message.find("label_resource"), std::string::npos) << answer.error().message;
  }
  EXPECT_TRUE(guard->healthy());
  const ScriptCounters counters = Counters(*guard);
  EXPECT_EQ(counters.allocs, counters.deallocs + 2);
}

// ---- Sizes ----------------------------------------------------------------------------------------------------------

TEST_F(LabelCallTest, InputLimit) {
  options_.memory_cap_pages = 1024;
  const auto guard = Script();
  std::string input(8 * kMiB, ' ');
  input[0] = 'c';
  EXPECT_TRUE(Ask(*guard, input));
  input += ' ';
  const auto answer = Ask(*guard, input);
  ASSERT_EQ(KindOf(answer), ErrorKind::kLimit);
  EXPECT_EQ(answer.error().details().needed_size, 8 * kMiB + 1);
  EXPECT_EQ(answer.error().details().limit, 8 * kMiB);
  EXPECT_EQ(Counters(*guard).calls, 2u);  // it did not run
}

TEST_F(LabelCallTest, OutputStartsAtFourMiB) {
  const auto guard = Script();
  EXPECT_EQ(Counters(*guard).capacity, 4 * kMiB);
}

struct RetryCase {
  const char* name;
  std::string command;
  std::vector<uint32_t> capacities;
  ErrorKind outcome;  // kInternal: an answer
  uint64_t needed = 0;
};

std::string Retry(uint32_t needed) { return "2" + std::string(reinterpret_cast<const char*>(&needed), sizeof(needed)); }

TEST_F(LabelCallTest, RetriesWhenTheAnswerDoesNotFit) {
  const RetryCase kCases[] = {
      {"fits", Retry(4 * kMiB), {4 * kMiB}, ErrorKind::kInternal},
      {"the size needed", Retry(5 * kMiB), {4 * kMiB, 5 * kMiB}, ErrorKind::kInternal},
      {"the largest", Retry(16 * kMiB), {4 * kMiB, 16 * kMiB}, ErrorKind::kInternal},
      {"too large", Retry(16 * kMiB + 1), {4 * kMiB}, ErrorKind::kLimit, 16 * kMiB + 1},
      {"huge", Retry(0xffffffff), {4 * kMiB}, ErrorKind::kLimit, 0xffffffff},
      {"no size: doubles", "=", {4 * kMiB, 8 * kMiB, 16 * kMiB}, ErrorKind::kLimit, 32 * kMiB},
      {"ever more", "+", {4 * kMiB, 4 * kMiB + 1, 4 * kMiB + 2}, ErrorKind::kBufferProtocol, 4 * kMiB + 3},
  };
  for (const RetryCase& c : kCases) {
    SCOPED_TRACE(c.name);
    const auto guard = Script();
    // What an earlier answer left behind must not be taken for a size.
    ASSERT_TRUE(Ask(*guard, "s\xff\xff\xff\x7f"));
    ASSERT_TRUE(Ask(*guard, "r"));
    const auto answer = Ask(*guard, c.command);
    EXPECT_EQ(KindOf(answer), c.outcome);
    if (!answer) {
      EXPECT_EQ(answer.error().details().needed_size, c.needed) << answer.error().message;
      EXPECT_NE(answer.error().message.find(std::to_string(c.needed)), std::string::npos) << answer.error().message;
      EXPECT_TRUE(answer.error().details().limit);
    }
    EXPECT_TRUE(guard->healthy());
    const ScriptCounters counters = Counters(*guard);
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(counters.capacities[i], i < c.capacities.size()    ? c.capacities[i]
                                        : i == c.capacities.size() ? 4 * kMiB  // this call's
                                                                   : 0)
          << i;
    }
    EXPECT_EQ(counters.allocs, counters.deallocs + 2);  // all were freed but this call's
  }
}

// A size below the buffer's is none: it doubles instead.
TEST_F(LabelCallTest, SmallNeededSizesDouble) {
  const std::string wat = R"((module (memory (export "memory") 1)
    (global $calls (mut i32) (i32.const 0))
    (func $f (param $in i32) (param i32) (param $out i32) (param $cap i32) (result i32)
      (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
      (if (i32.lt_u (global.get $calls) (i32.const 3)) (then
        (i32.store (local.get $out)
          (select (i32.sub (local.get $cap) (i32.const 1)) (i32.const 100) (i32.eq (global.get $calls) (i32.const 2))))
        (return (i32.const -2))))
      (i32.store (local.get $out) (local.get $cap))
      (i32.const 4))
    (export "label_agent" (func $f)) (export "label_resource" (func $f)) (export "label_response" (func $f))))";
  const auto guard = Guard::Create(ModuleFromWat(wat), options_).value();
  const auto answer = Ask(*guard, "{}");
  ASSERT_TRUE(answer) << answer.error().message;
  uint32_t capacity = 0;
  std::memcpy(&capacity, answer->data(), sizeof(capacity));
  EXPECT_EQ(capacity, 16 * kMiB);
}

// The buffer's own size is taken at its word: the attempts are three, and the error has what was asked for.
TEST_F(LabelCallTest, TheSizeThatTheBufferHasIsAnAttemptLikeOthers) {
  const std::string wat = R"((module (memory (export "memory") 1)
    (global $calls (mut i32) (i32.const 0))
    (global $fits (mut i32) (i32.const 3))
    (func $f (param $in i32) (param i32) (param $out i32) (param $cap i32) (result i32)
      (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
      (i32.store (local.get $out) (local.get $cap))
      (select (i32.const 4) (i32.const -2) (i32.eq (global.get $calls) (global.get $fits))))
    (func $never (param i32 i32 i32 i32) (result i32)
      (global.set $fits (i32.const 0))
      (call $f (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
    (func $count (param i32 i32 i32 i32) (result i32)
      (i32.store (local.get 2) (global.get $calls))
      (i32.const 4))
    (export "label_agent" (func $f)) (export "label_resource" (func $never)) (export "label_response" (func $count))))";
  for (const uint32_t initial : {4 * kMiB, 16 * kMiB}) {
    options_.output_initial = initial;
    const auto guard = Guard::Create(ModuleFromWat(wat), options_).value();
    const auto number = [&](LabelFunction function) {
      uint32_t out = 0;
      const auto answer = guard->Call(function, "{}");
      if (answer && answer->size() == sizeof(out)) std::memcpy(&out, answer->data(), sizeof(out));
      return out;
    };
    EXPECT_EQ(number(LabelFunction::kAgent), initial);
    const auto answer = guard->Call(LabelFunction::kResource, "{}");
    EXPECT_EQ(KindOf(answer), ErrorKind::kBufferProtocol);
    EXPECT_EQ(answer.error().details().needed_size, initial);
    EXPECT_NE(answer.error().message.find("asks for " + std::to_string(initial)), std::string::npos);
    EXPECT_EQ(number(LabelFunction::kResponse), 6u);
    EXPECT_TRUE(guard->healthy());
  }
}

TEST_F(LabelCallTest, LimitsAreOptions) {
  options_.output_initial = 100;
  options_.output_limit = 250;
  options_.input_limit = 5;
  const auto guard = Script();
  EXPECT_TRUE(Ask(*guard, Retry(250)));
  EXPECT_EQ(KindOf(Ask(*guard, Retry(251))), ErrorKind::kLimit);
  EXPECT_EQ(KindOf(Ask(*guard, "=")), ErrorKind::kLimit);  // 100, 200, 250
  EXPECT_EQ(KindOf(Ask(*guard, "e67890")), ErrorKind::kLimit);
  options_.output_initial = 251;
  EXPECT_EQ(Guard::Create(ModuleFromWat(ScriptGuardWat()), options_).error().kind, ErrorKind::kInvalidArgument);
}

TEST_F(LabelCallTest, LengthsBeyondTheBufferAreNeverRead) {
  const auto guard = Script();
  for (const uint32_t length : {4 * kMiB + 1, 32 * kMiB, 0x7fffffffu}) {
    const auto answer = Ask(*guard, Command('n', length));
    EXPECT_EQ(KindOf(answer), ErrorKind::kBufferProtocol);
    EXPECT_NE(answer.error().message.find(std::to_string(length)), std::string::npos);
  }
  EXPECT_EQ(Ask(*guard, Command('n', 4 * kMiB)).value().size(), 4 * kMiB);
  EXPECT_TRUE(guard->healthy());
  const ScriptCounters counters = Counters(*guard);
  EXPECT_EQ(counters.allocs, counters.deallocs + 2);
}

// ---- alloc and dealloc ----------------------------------------------------------------------------------------------

TEST_F(LabelCallTest, BuffersAreAllocatedAndFreedInReverse) {
  const auto guard = Script();
  for (const char* command : {"e", "0", "=", "+", "n\xff\xff\xff\xff", "n\xff\xff\xff\x7f", "x\0\0\0\0"}) {
    (void)Ask(*guard, std::string_view(command, command[0] == 'n' || command[0] == 'x' ? 5 : 1));
    const ScriptCounters counters = Counters(*guard);
    EXPECT_EQ(counters.allocs, counters.deallocs + 2) << command;
    EXPECT_EQ(counters.input, 65536u) << command;
    EXPECT_EQ(counters.output, 65537u) << command;
    EXPECT_EQ(counters.top, 65537u + 4 * kMiB) << command;
  }
}

// Output is copied out of linear memory before anything else runs: here dealloc wipes what it frees.
TEST_F(LabelCallTest, TheAnswerIsCopiedBeforeItIsFreed) {
  const auto module = ModuleFromWat(R"((module
    (memory (export "memory") 200)
    (func (export "alloc") (param i32) (result i32)
      (select (i32.const 65536) (i32.const 131072) (i32.lt_u (local.get 0) (i32.const 65536))))
    (func (export "dealloc") (param i32 i32) (memory.fill (local.get 0) (i32.const 0xff) (local.get 1)))
    (func $echo (param i32 i32 i32 i32) (result i32)
      (memory.copy (local.get 2) (local.get 0) (local.get 1)) (local.get 1))
    (export "label_agent" (func $echo)) (export "label_resource" (func $echo)) (export "label_response" (func $echo))))");
  const auto guard = Guard::Create(module, options_);
  ASSERT_TRUE(guard) << guard.error().message;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Ask(**guard, "{\"kept\":true}").value(), "{\"kept\":true}");
}

TEST_F(LabelCallTest, BadPointersOfAlloc) {
  struct Case {
    uint32_t mode;
    uint32_t allocs;
    uint32_t deallocs;
    const char* says;
  };
  // Null for the input; null for the output, whereupon the input is freed; far outside; one byte outside.
  for (const Case& c :
       {Case{1, 1, 0, "null"}, Case{2, 2, 1, "null"}, Case{3, 1, 0, "4294967280"}, Case{8, 1, 0, "leaves"}}) {
    const auto guard = Script();
    const ScriptCounters before = Counters(*guard);
    ASSERT_TRUE(Ask(*guard, Command('a', c.mode)));
    const auto answer = Ask(*guard, "e");
    EXPECT_EQ(KindOf(answer), ErrorKind::kBufferProtocol) << c.mode;
    EXPECT_NE(answer.error().message.find(c.says), std::string::npos) << answer.error().message;
    EXPECT_TRUE(guard->healthy());
    (void)before;
  }
}

TEST_F(LabelCallTest, TrapInAllocPoisons) {
  const auto guard = Script();
  ASSERT_TRUE(Ask(*guard, Command('a', 4)));
  EXPECT_EQ(KindOf(Ask(*guard, "e")), ErrorKind::kTrap);
  EXPECT_FALSE(guard->healthy());
}

TEST_F(LabelCallTest, ExitInAllocDoesNot) {
  const auto guard = Script();
  ASSERT_TRUE(Ask(*guard, Command('a', 7)));
  EXPECT_EQ(KindOf(Ask(*guard, "e")), ErrorKind::kExit);
  EXPECT_TRUE(guard->healthy());
}

TEST_F(LabelCallTest, TrapInDeallocSparesTheAnswer) {
  const auto guard = Script();
  EXPECT_TRUE(Ask(*guard, Command('a', 5)));  // its own buffers are freed in the new mode already
  EXPECT_FALSE(guard->healthy());
  const auto answer = Ask(*guard, "e");
  ASSERT_EQ(KindOf(answer), ErrorKind::kInstanceFailed);
  ASSERT_NE(answer.error().details().cause, nullptr);
  EXPECT_EQ(answer.error().details().cause->kind, ErrorKind::kTrap);
}

TEST_F(LabelCallTest, EndlessDeallocIsEnded) {
  const auto guard = Script();
  const auto start = Clock::now();
  EXPECT_TRUE(Ask(*guard, Command('a', 6)));
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(5));
  EXPECT_FALSE(guard->healthy());
}

TEST_F(LabelCallTest, OneOfThemDoesNotCount) {
  for (const char* name : {"alloc", "dealloc"}) {
    const auto guard = Script({.exports = std::string("(export \"") + name + "\" (func $" + name + "))"});
    EXPECT_EQ(Ask(*guard, "e!").value(), "e!");
    const ScriptCounters counters = Counters(*guard);
    EXPECT_EQ(counters.allocs + counters.deallocs, 0u);
    EXPECT_EQ(counters.initialized, 0u);
  }
}

// ---- The end of memory ----------------------------------------------------------------------------------------------

class EndOfMemoryTest : public GuardTest {
 protected:
  static ScriptOptions Bare(const std::string& memory) { return {.memory = memory, .exports = ""}; }
};

TEST_F(EndOfMemoryTest, InputBelowOutputBelowTheEnd) {
  for (const char* memory : {"1", "17", "100", "1 512"}) {
    SCOPED_TRACE(memory);
    const uint32_t own = static_cast<uint32_t>(std::stoul(memory)) << 16;
    const auto guard = Script(Bare(memory));
    EXPECT_EQ(Ask(*guard, "e{}").value(), "e{}");
    const ScriptCounters counters = Counters(*guard);
    EXPECT_EQ(counters.output + counters.capacity, counters.memory_size);
    EXPECT_EQ(counters.input + counters.input_size, counters.output);
    EXPECT_GE(counters.input, own + 65536);  // 64 KiB to spare, and nothing of the guard's own
    EXPECT_LE(counters.memory_size, own + 4 * kMiB + 2 * 65536);
    // The same pages again.
    EXPECT_EQ(Counters(*guard).memory_size, counters.memory_size);
  }
}

TEST_F(EndOfMemoryTest, DataIsNotOverwritten) {
  auto script = Bare("17");
  script.data = R"((data (i32.const 60000) "precious"))";
  const auto guard = Script(script);
  std::string large(2 * kMiB, 'e');
  EXPECT_EQ(Ask(*guard, large).value(), large);
  EXPECT_EQ(Ask(*guard, "m").value(), "precious");
}

TEST_F(EndOfMemoryTest, GrowsForRetriesAndAroundTheGuest) {
  const auto guard = Script(Bare("1"));
  ASSERT_TRUE(Ask(*guard, "e"));
  ASSERT_TRUE(Ask(*guard, Command('g', 3)));  // the guest takes pages above our buffers
  const ScriptCounters before = Counters(*guard);
  EXPECT_EQ(before.output + before.capacity + 3 * 65536, before.memory_size);
  ASSERT_TRUE(Ask(*guard, Retry(16 * kMiB)));
  EXPECT_EQ(KindOf(Ask(*guard, "=")), ErrorKind::kLimit);
  EXPECT_TRUE(guard->healthy());
}

TEST_F(EndOfMemoryTest, SharesWithTheGuardWhereMemoryMayNotGrow) {
  const auto guard = Script(Bare("100 100"));
  EXPECT_EQ(Ask(*guard, "e{}").value(), "e{}");
  const ScriptCounters counters = Counters(*guard);
  EXPECT_EQ(counters.output + counters.capacity, counters.memory_size);
  EXPECT_EQ(counters.memory_size, 100u << 16);
  // And as far as it may, where that is just enough.
  const auto tight = Script(Bare("60 66"));
  EXPECT_EQ(Ask(*tight, "e{}").value(), "e{}");
  EXPECT_EQ(Counters(*tight).memory_size, 66u << 16);
}

TEST_F(EndOfMemoryTest, TooLittleMemoryIsAnError) {
  const auto guard = Script(Bare("1 64"));
  const auto answer = Ask(*guard, "e");
  EXPECT_EQ(KindOf(answer), ErrorKind::kLimit);
  EXPECT_TRUE(guard->healthy());
}

// The compiler warns of it.
TEST_F(EndOfMemoryTest, IsNoNewsToTheLog) {
  const auto guard = Script(Bare("1"));
  ASSERT_TRUE(Ask(*guard, "e"));
  EXPECT_EQ(log_->lines, std::vector<std::string>());
}

TEST_F(EndOfMemoryTest, TheExportedMemoryNeedNotBeTheFirst) {
  const std::string wat = R"((module
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (memory $other 1 1) (memory $own (export "memory") 1)
    (func $f (param $in i32) (param $len i32) (param $out i32) (param $cap i32) (result i32)
      (memory.copy $own $own (local.get $out) (local.get $in) (local.get $len))
      (if (call $random (i32.add (local.get $out) (local.get $len)) (i32.const 8)) (then unreachable))
      (i32.add (local.get $len) (i32.const 8)))
    (export "label_agent" (func $f)) (export "label_resource" (func $f)) (export "label_response" (func $f))))";
  const auto guard = Guard::Create(ModuleFromWat(wat), options_).value();
  const auto answer = Ask(*guard, "{}");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_TRUE(answer->starts_with("{}"));
  EXPECT_EQ(answer->size(), 10u);
}

// ---- Memory cap -----------------------------------------------------------------------------------------------------

TEST_F(LabelCallTest, MemoryIsCappedAtThirtyTwoMiB) {
  const auto guard = Script();
  const auto grow = [&](uint32_t pages) {
    int32_t old = 0;
    std::memcpy(&old, Ask(*guard, Command('g', pages)).value().data(), 4);
    return old;
  };
  EXPECT_EQ(grow(512), -1);
  EXPECT_EQ(grow(0x10000), -1);
  const int32_t now = grow(0);
  EXPECT_EQ(grow(512 - static_cast<uint32_t>(now)), now);
  EXPECT_EQ(grow(1), -1);
  EXPECT_TRUE(guard->healthy());
}

TEST_F(LabelCallTest, MemoryCapIsAnOption) {
  options_.memory_cap_pages = 80;
  const auto guard = Script();
  EXPECT_TRUE(Ask(*guard, "e"));
  EXPECT_EQ(KindOf(Ask(*guard, Retry(5 * kMiB))), ErrorKind::kBufferProtocol);  // alloc answers null
  options_.memory_cap_pages = 1;
  EXPECT_EQ(Guard::Create(ModuleFromWat(ScriptGuardWat({.memory = "2"})), options_).error().kind, ErrorKind::kLimit);
}

}  // namespace
}  // namespace guardc
