// Every kind of trap in code of the compiler: a typed error, and a backtrace that names the guest's function. Both
// modes of memory access, strict and not.
#include <thread>

#include "tests/fixtures/wat.h"
#include "tests/trap/guest_fixture.h"

namespace guardc {
namespace {

using namespace std::chrono_literals;

struct Mode {
  const char* name;
  bool bounds_checks;
  bool strict_traps;
  int opt_level;
};

std::shared_ptr<const Module> Traps(const Mode& mode) {
  static std::map<std::string, std::shared_ptr<const Module>> loaded;
  std::shared_ptr<const Module>& module = loaded[mode.name];
  if (module == nullptr) {
    CompileOptions options{.opt_level = mode.opt_level, .profile = Profile::kWasi};
    options.bounds_checks = mode.bounds_checks;
    options.strict_traps = mode.strict_traps;
    Result<std::shared_ptr<const Module>> made = guardc::testing::CompileWatFile(GUARDC_TRAPS_WAT, options);
    if (!made) {
      fprintf(stderr, "traps.wat: %s\n", made.error().message.c_str());
      abort();
    }
    module = *std::move(made);
  }
  return module;
}

struct Expected {
  const char* function;
  TrapCode trap;
};

class Compiled : public ::testing::TestWithParam<Mode> {
 protected:
  Guest guest_{{.fail_after_trap = false}, Traps(GetParam())};
};

TEST_P(Compiled, EveryKindOfTrap) {
  const Expected kExpected[] = {
      {"unreachable", TrapCode::kUnreachable},
      {"load_end", TrapCode::kMemoryOutOfBounds},
      {"load_far", TrapCode::kMemoryOutOfBounds},
      {"store_end", TrapCode::kMemoryOutOfBounds},
      {"fill_end", TrapCode::kMemoryOutOfBounds},
      {"copy_end", TrapCode::kMemoryOutOfBounds},
      {"init_end", TrapCode::kMemoryOutOfBounds},
      {"table_get", TrapCode::kTableOutOfBounds},
      {"table_set", TrapCode::kTableOutOfBounds},
      {"table_init", TrapCode::kTableOutOfBounds},
      {"table_fill", TrapCode::kTableOutOfBounds},
      {"table_copy", TrapCode::kTableOutOfBounds},
      {"call_beyond", TrapCode::kUndefinedElement},
      {"call_null", TrapCode::kUninitializedElement},
      {"call_mistyped", TrapCode::kIndirectCallTypeMismatch},
      {"divide_zero", TrapCode::kIntegerDivideByZero},
      {"remainder_zero", TrapCode::kIntegerDivideByZero},
      {"divide_overflow", TrapCode::kIntegerOverflow},
      {"trunc_nan", TrapCode::kInvalidConversion},
      {"trunc_large", TrapCode::kIntegerOverflow},
      {"recurse", TrapCode::kStackExhausted},
  };
  for (const Expected& expected : kExpected) {
    // store_end in the middle of a run must not depend on what was before: memory is as it was.
    SCOPED_TRACE(expected.function);
    ExpectTrap(guest_.Run(expected.function), expected.trap, expected.function);
  }
  EXPECT_TRUE(guest_.Run("nothing"));
}

// Each size has its own code (codegen/libc_ir.cc).
TEST_P(Compiled, CopiesThatLeaveTheMemory) {
  std::vector<uint32_t> sizes{511, 512, 513, 1000, 30000};
  for (uint32_t size = 1; size <= 140; ++size) sizes.push_back(size);
  for (const uint32_t size : sizes) {
    SCOPED_TRACE(size);
    Guest guest({.fail_after_trap = false}, Traps(GetParam()));
    ASSERT_TRUE(guest.Run1("mark", size));
    ExpectTrap(guest.Run1("copy_out", size), TrapCode::kMemoryOutOfBounds, "copy_out");
    if (GetParam().opt_level >= 2) {
      EXPECT_EQ(guest.Run1("dirty", 200 + size).value(), 0u) << "some of it was written";
    }
    ExpectTrap(guest.Run1("copy_in", size), TrapCode::kMemoryOutOfBounds, "copy_in");
  }
  ASSERT_TRUE(guest_.Run1("copy_none", 65536));
  ExpectTrap(guest_.Run1("copy_none", 65537), TrapCode::kMemoryOutOfBounds, "copy_none");
}

TEST_P(Compiled, Interruptions) {
  for (const char* function : {"spin", "fill", "copy", "log_forever"}) {
    SCOPED_TRACE(function);
    for (int i = 0; i < 5; ++i) {
      const Result<void> result = guest_.Run(function, {.deadline = Clock::now() + 10ms});
      ASSERT_FALSE(result);
      EXPECT_EQ(result.error().kind, ErrorKind::kDeadline) << result.error().message;
      EXPECT_THAT(FrameNames(result.error()), ::testing::Contains(function)) << result.error().message;
    }
    std::stop_source source;
    std::jthread stopper([&] {
      std::this_thread::sleep_for(5ms);
      source.request_stop();
    });
    const Result<void> result = guest_.Run(function, {.stop = source.get_token()});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::kCancelled);
    guest_.log.lines.clear();
  }
}

TEST_P(Compiled, HostFunctions) {
  EXPECT_TRUE(guest_.Run("log"));
  EXPECT_THAT(guest_.log.lines, ::testing::ElementsAre("hello"));
  const Result<void> result = guest_.Run("exit");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kExit);
  EXPECT_EQ(result.error().details().exit_code, 3u);
}

TEST_P(Compiled, Growing) {
  EXPECT_EQ(guest_.Run1("grow", 1).value(), 1u);
  EXPECT_EQ(guest_.Run1("grow", 3).value(), 0xffffffffu);
  EXPECT_EQ(guest_.Run1("grow", 2).value(), 2u);
  EXPECT_TRUE(guest_.Run("store_end"));
  EXPECT_EQ(guest_.Run1("grow_table", 6).value(), 4u);
  EXPECT_EQ(guest_.Run1("grow_table", 1).value(), 0xffffffffu);
  EXPECT_TRUE(guest_.Run("table_get"));
}

INSTANTIATE_TEST_SUITE_P(Modes, Compiled,
                         ::testing::Values(Mode{"O2", false, false, 2}, Mode{"O0", false, false, 0},
                                           Mode{"Strict", false, true, 2}, Mode{"Checks", true, false, 2}),
                         [](const auto& mode) { return mode.param.name; });

TEST(StartFunction, IsInterruptedToo) {
  const auto module = guardc::testing::CompileWat("(module (func $s (loop $l (br $l))) (start $s))");
  ASSERT_TRUE(module) << module.error().message;
  Store store;
  const Result<Instance*> instance = store.Instantiate(*module, {}, {.deadline = Clock::now() + 10ms});
  ASSERT_FALSE(instance);
  EXPECT_EQ(instance.error().kind, ErrorKind::kDeadline);
  EXPECT_THAT(FrameNames(instance.error()), ::testing::Contains("s"));
}

TEST(StartFunction, MayTrap) {
  const auto module = guardc::testing::CompileWat("(module (func $s unreachable) (start $s))");
  ASSERT_TRUE(module) << module.error().message;
  Store store;
  const Result<Instance*> instance = store.Instantiate(*module, {});
  ASSERT_FALSE(instance);
  EXPECT_EQ(instance.error().details().trap, TrapCode::kUnreachable);
}

TEST(Stack, LargeFramesProbe) {
  // A function with thousands of live values has a frame of many kilobytes; 64 KiB of guard must not be stepped over.
  std::string text = "(module (func $f (export \"f\") (param i64) (result i64) (local $r i64)";
  constexpr int kValues = 12000;
  for (int i = 0; i < kValues; ++i) text += "(local i64)";
  for (int i = 0; i < kValues; ++i) {
    const std::string index = std::to_string(2 + i);
    text += "(local.set " + index + " (i64.mul (local.get 0) (i64.add (local.get 0) (i64.const " + std::to_string(i) +
            "))))";
  }
  text += "(local.set $r (call $f (i64.add (local.get 0) (i64.const 1))))";
  for (int i = 0; i < kValues; ++i) {
    text += "(local.set $r (i64.xor (local.get $r) (local.get " + std::to_string(2 + i) + ")))";
  }
  text += "(local.get $r)))";
  const auto module = guardc::testing::CompileWat(text, {.opt_level = 0, .profile = Profile::kWasi});
  ASSERT_TRUE(module) << module.error().message;
  Store store;
  const Result<Instance*> instance = store.Instantiate(*module, {});
  ASSERT_TRUE(instance);
  const Val args[] = {Val::I64(1)};
  ExpectTrap((*instance)->ExportedFunc("f")->Call(args), TrapCode::kStackExhausted, "f");
}

// The default level inlines all of these into the exported function.
TEST(Inlined, FunctionsAreNamedWhereTheyTrap) {
  Store store({.fail_after_trap = false});
  const auto module = guardc::testing::CompileWat(R"((module (memory 1)
    (func $gives_up (param i32) (if (local.get 0) (then unreachable)))
    (func $divides (param i32) (result i32) (i32.div_u (i32.const 7) (local.get 0)))
    (func $writes (param i32) (i32.store offset=1 (i32.mul (local.get 0) (i32.const 0x10000)) (i32.const 1)))
    (func $passes_on (param i32) (result i32)
      (call $gives_up (i32.eq (local.get 0) (i32.const 3)))
      (call $divides (local.get 0))
      (call $writes (local.get 0)))
    (func $runs (export "run") (param i32) (result i32) (call $passes_on (local.get 0)))))");
  ASSERT_TRUE(module) << module.error().message;
  const Func run = *(*store.Instantiate(*module, {}))->ExportedFunc("run");
  const auto trap_with = [&](uint32_t argument) {
    const Val args[] = {Val::I32(argument)};
    return run.Call(args);
  };
  const auto names = [](const char* innermost) { return ::testing::ElementsAre(innermost, "passes_on", "runs"); };
  EXPECT_THAT(FrameNames(trap_with(0).error()), names("divides"));
  EXPECT_THAT(FrameNames(trap_with(1).error()), names("writes"));
  EXPECT_THAT(FrameNames(trap_with(3).error()), names("gives_up"));
  EXPECT_THAT(trap_with(3).error().message, ::testing::HasSubstr("'gives_up'"));
}

TEST(Linked, ATrapFailsAllInstancesOnTheStack) {
  Store store;
  const auto library = guardc::testing::CompileWat(
      "(module $library (memory (export \"memory\") 1)"
      " (func $deep (export \"deep\") (drop (i32.load (i32.const 0x10000)))))");
  ASSERT_TRUE(library) << library.error().message;
  const auto user = guardc::testing::CompileWat(
      "(module $user (import \"l\" \"deep\" (func $deep)) (import \"l\" \"memory\" (memory 1))"
      " (func $calls (export \"calls\") (call $deep) (call $deep)) (func (export \"own\")"
      " (drop (i32.load (i32.const 0x10000)))))");
  ASSERT_TRUE(user) << user.error().message;
  Instance* provider = store.Instantiate(*library, {}).value();
  const Extern imports[] = {*provider->Export("deep"), *provider->Export("memory")};
  Instance* bystander = store.Instantiate(*user, imports).value();
  ExpectTrap(bystander->ExportedFunc("own")->Call({}), TrapCode::kMemoryOutOfBounds, "own");
  EXPECT_FALSE(provider->failed());
  const auto caller_module = guardc::testing::CompileWat(
      "(module $caller (import \"l\" \"deep\" (func $deep)) (import \"l\" \"memory\" (memory 1))"
      " (func $calls (export \"calls\") (call $deep) (call $deep)))");
  Instance* caller = store.Instantiate(*caller_module, imports).value();
  const auto result = caller->ExportedFunc("calls")->Call({});
  ExpectTrap(result, TrapCode::kMemoryOutOfBounds, "deep");
  EXPECT_THAT(FrameNames(result.error()), ::testing::ElementsAre("deep", "calls"));
  EXPECT_TRUE(caller->failed());
  EXPECT_TRUE(provider->failed());
}

TEST(Linked, AMemoryWithoutGuardIsNotImportedByCodeThatNeedsOne) {
  Store store;
  CompileOptions checked{.profile = Profile::kWasi};
  checked.bounds_checks = true;
  const auto provider = guardc::testing::CompileWat("(module (memory (export \"memory\") 1))", checked);
  ASSERT_TRUE(provider) << provider.error().message;
  constexpr std::string_view kUser = "(module (import \"p\" \"memory\" (memory 1)))";
  const Extern imports[] = {*store.Instantiate(*provider, {}).value()->Export("memory")};
  const auto trusting = guardc::testing::CompileWat(kUser);
  const Result<Instance*> refused = store.Instantiate(*trusting, imports);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kUnknownImport);
  const auto checking = guardc::testing::CompileWat(kUser, checked);
  EXPECT_TRUE(store.Instantiate(*checking, imports));
}

TEST(Linked, LimitsAreMatchedAsTheSpecificationSays) {
  Store store;
  const auto module = guardc::testing::CompileWat(
      "(module (import \"h\" \"m\" (memory 1 3)) (import \"h\" \"t\" (table 2 funcref))"
      " (import \"h\" \"g\" (global (mut i32))))");
  ASSERT_TRUE(module) << module.error().message;
  const auto instantiate = [&](Limits memory, Limits table, bool is_mutable) {
    const Extern imports[] = {store.NewMemory({memory}).value(),
                              store.NewTable({ValType::kFuncRef, table}, Val::Ref(ValType::kFuncRef, nullptr)).value(),
                              store.NewGlobal({ValType::kI32, is_mutable}, Val::I32(1)).value()};
    return store.Instantiate(*module, imports).has_value();
  };
  EXPECT_TRUE(instantiate({.min = 1, .max = 3}, {.min = 2}, true));
  EXPECT_TRUE(instantiate({.min = 2, .max = 2}, {.min = 5, .max = 6}, true));
  EXPECT_FALSE(instantiate({.min = 0, .max = 3}, {.min = 2}, true));
  EXPECT_FALSE(instantiate({.min = 1}, {.min = 2}, true));
  EXPECT_FALSE(instantiate({.min = 1, .max = 4}, {.min = 2}, true));
  EXPECT_FALSE(instantiate({.min = 1, .max = 3}, {.min = 1}, true));
  EXPECT_FALSE(instantiate({.min = 1, .max = 3}, {.min = 2}, false));
}

TEST(Linked, HostFunctionsInTablesAreCalled) {
  Store store;
  const auto module = guardc::testing::CompileWat(
      "(module (type $f (func (param i32 f64) (result i64))) (import \"h\" \"f\" (func $f (type $f)))"
      " (import \"h\" \"t\" (table $t 1 funcref)) (elem declare func $f)"
      " (func (export \"set\") (table.set $t (i32.const 0) (ref.func $f)))"
      " (func (export \"call\") (param i32 f64) (result i64)"
      "   (call_indirect $t (type $f) (local.get 0) (local.get 1) (i32.const 0))))");
  ASSERT_TRUE(module) << module.error().message;
  const Func host = store.NewFunc({{ValType::kI32, ValType::kF64}, {ValType::kI64}},
                                  [](std::span<const Val> args, std::span<Val> results) -> Result<void> {
                                    results[0] = Val::I64(args[0].i32() + args[1].i64());
                                    return {};
                                  });
  const Table table = store.NewTable({ValType::kFuncRef, {.min = 1}}, Val::Ref(ValType::kFuncRef, nullptr)).value();
  const Extern imports[] = {host, table};
  Instance* instance = store.Instantiate(*module, imports).value();
  ASSERT_TRUE(instance->ExportedFunc("set")->Call({}));
  const Val args[] = {Val::I32(5), Val::F64Bits(100)};
  EXPECT_EQ(instance->ExportedFunc("call")->Call(args)->at(0).i64(), 105u);
  Table again = table;
  EXPECT_TRUE(again.Set(0, host.Ref()));
  EXPECT_EQ(instance->ExportedFunc("call")->Call(args)->at(0).i64(), 105u);
}

TEST(Linked, ManyParametersAndResults) {
  Store store;
  const auto module = guardc::testing::CompileWat(
      "(module (type $f (func (param i32 i64 f32 f64 i32 i64 f32 f64 i32 i64 i32 i64) (result i64 f64 i32 f32)))"
      " (import \"h\" \"f\" (func $f (type $f)))"
      " (func (export \"f\") (type $f) (call $f (local.get 0) (local.get 1) (local.get 2) (local.get 3)"
      "  (local.get 4) (local.get 5) (local.get 6) (local.get 7) (local.get 8) (local.get 9) (local.get 10)"
      "  (local.get 11))))");
  ASSERT_TRUE(module) << module.error().message;
  const ValType i32 = ValType::kI32, i64 = ValType::kI64, f32 = ValType::kF32, f64 = ValType::kF64;
  const FuncType type{{i32, i64, f32, f64, i32, i64, f32, f64, i32, i64, i32, i64}, {i64, f64, i32, f32}};
  const Func host = store.NewFunc(type, [](std::span<const Val> args, std::span<Val> results) -> Result<void> {
    results[0] = args[11];
    results[1] = args[7];
    results[2] = args[8];
    results[3] = args[2];
    return {};
  });
  const Extern imports[] = {host};
  Instance* instance = store.Instantiate(*module, imports).value();
  const Val args[] = {Val::I32(0),     Val::I64(1),     Val::F32Bits(2), Val::F64Bits(3), Val::I32(4),  Val::I64(5),
                      Val::F32Bits(6), Val::F64Bits(7), Val::I32(8),     Val::I64(9),     Val::I32(10), Val::I64(11)};
  const auto results = instance->ExportedFunc("f")->Call(args);
  ASSERT_TRUE(results);
  EXPECT_EQ(results->at(0).i64(), 11u);
  EXPECT_EQ(results->at(1).i64(), 7u);
  EXPECT_EQ(results->at(2).i32(), 8u);
  EXPECT_EQ(results->at(3).i32(), 2u);
}

}  // namespace
}  // namespace guardc
