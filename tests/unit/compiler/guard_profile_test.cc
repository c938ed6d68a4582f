// compiler/frontend/guard_profile.h: what a guard must keep to, and what the refusals say.
#include "compiler/frontend/guard_profile.h"

#include <gmock/gmock.h>

#include "artifact/host_imports.h"
#include "compiler/frontend/wabt_reader.h"
#include "tests/unit/compiler/wat.h"

namespace guardc::compiler {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Result<void> Check(std::span<const std::byte> wasm) {
  auto module = ReadModule(wasm, {});
  if (!module) return std::unexpected(module.error());
  return CheckGuardProfile(*module);
}

template <class Matcher>
void ExpectRefused(std::string_view wat, ErrorKind kind, Matcher matcher) {
  const auto result = Check(test::Wat(wat));
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(ErrorKindName(result.error().kind), ErrorKindName(kind));
  EXPECT_THAT(result.error().message, matcher);
}

constexpr const char kMemory[] = "(memory (export \"memory\") 1)";
constexpr const char kLabels[] = R"(
  (func $l (export "label_agent") (export "label_resource") (export "label_response")
    (param i32 i32 i32 i32) (result i32) i32.const 0))";

std::string ModuleOf(std::initializer_list<std::string_view> fields) {
  std::string text = "(module ";
  for (const auto field : fields) text += field;
  return text + ")";
}

TEST(GuardProfile, AcceptsAGuard) {
  const auto result = Check(test::Guard(R"(
    (import "env" "call_backend" (func (param i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
    (func (export "_initialize")) (func (export "_start"))
    (func (export "alloc") (param i32) (result i32) i32.const 0) (func (export "dealloc") (param i32 i32)))"));
  EXPECT_TRUE(result.has_value()) << result.error().message;
}

TEST(GuardProfile, EveryHostImportIsAccepted) {
  EXPECT_EQ(HostImports().size(), 48u);
  for (const HostImport& import : HostImports()) {
    std::string type;
    const FuncType func = import.type();
    for (const ValType v : func.params) type += "(param " + std::string(ValTypeName(v)) + ")";
    for (const ValType v : func.results) type += "(result " + std::string(ValTypeName(v)) + ")";
    const auto result = Check(test::Guard("(import \"" + std::string(import.module) + "\" \"" +
                                          std::string(import.name) + "\" (func " + type + "))"));
    EXPECT_TRUE(result.has_value()) << import.name << ": " << result.error().message;
  }
}

TEST(GuardProfile, Commands) {
  ExpectRefused("(module (memory (export \"memory\") 1) (func (export \"_start\")))", ErrorKind::kGuardAbi,
                AllOf(HasSubstr("_start"), HasSubstr("command"), HasSubstr("reactor")));
}

TEST(GuardProfile, Memory) {
  ExpectRefused(ModuleOf({kLabels}), ErrorKind::kGuardAbi, HasSubstr("no memory"));
  ExpectRefused(ModuleOf({kLabels, "(func (export \"memory\"))"}), ErrorKind::kGuardAbi, HasSubstr("no memory"));
  ExpectRefused(ModuleOf({kLabels, "(memory (export \"memory\") i64 1)"}), ErrorKind::kGuardAbi, HasSubstr("64-bit"));
}

TEST(GuardProfile, LabelFunctions) {
  ExpectRefused(
      ModuleOf({kMemory, R"((func (export "label_agent") (param i32 i32 i32 i32) (result i32) i32.const 0))"}),
      ErrorKind::kGuardAbi, AllOf(HasSubstr("label_resource"), HasSubstr("(i32, i32, i32, i32) -> i32")));
  ExpectRefused(ModuleOf({kMemory, R"((func (export "label_agent") (param i64) (result i32) i32.const 0))"}),
                ErrorKind::kGuardAbi,
                AllOf(HasSubstr("label_agent"), HasSubstr("(i64) -> i32"), HasSubstr("(i32, i32, i32, i32) -> i32")));
  ExpectRefused(ModuleOf({kMemory, R"((global (export "label_agent") i32 (i32.const 0)))"}), ErrorKind::kGuardAbi,
                AllOf(HasSubstr("label_agent"), HasSubstr("a global")));
}

TEST(GuardProfile, OptionalFunctions) {
  ExpectRefused(ModuleOf({kMemory, kLabels, "(func (export \"alloc\") (param i64)) (func (export \"dealloc\"))"}),
                ErrorKind::kGuardAbi, AllOf(HasSubstr("alloc"), HasSubstr("(i32) -> i32")));
  ExpectRefused(ModuleOf({kMemory, kLabels, "(func (export \"_initialize\") (param i32))"}), ErrorKind::kGuardAbi,
                HasSubstr("_initialize"));
  // One without the other is never used.
  EXPECT_TRUE(Check(test::Wat(ModuleOf({kMemory, kLabels, "(func (export \"alloc\") (param i64))"}))).has_value());
}

TEST(GuardProfile, UnknownImports) {
  ExpectRefused("(module (import \"env\" \"secret\" (func (param i32) (result i64))))", ErrorKind::kUnknownImport,
                AllOf(HasSubstr("env.secret"), HasSubstr("(i32) -> i64")));
  ExpectRefused("(module (import \"env\" \"host_log\" (func (param i32))))", ErrorKind::kUnknownImport,
                AllOf(HasSubstr("env.host_log"), HasSubstr("(i32) -> ()"), HasSubstr("(i32, i32, i32) -> ()")));
  ExpectRefused("(module (import \"env\" \"memory\" (memory 1)))", ErrorKind::kUnknownImport, HasSubstr("env.memory"));
  ExpectRefused("(module (import \"env\" \"abort\" (func (param i32 i32 i32 i32))))", ErrorKind::kUnknownImport,
                HasSubstr("--use abort="));
  ExpectRefused("(module (import \"env\" \"seed\" (func (result f64))))", ErrorKind::kUnknownImport,
                AllOf(HasSubstr("Math.random"), HasSubstr("--use seed=")));
  ExpectRefused("(module (import \"env\" \"trace\" (func (param i32))))", ErrorKind::kUnknownImport,
                HasSubstr("--use trace="));
  ExpectRefused("(module (import \"env\" \"__cxa_throw\" (func (param i32 i32 i32))))", ErrorKind::kUnknownImport,
                HasSubstr("-fno-exceptions"));
  ExpectRefused("(module (import \"env\" \"host_lgo\" (func (param i32))))", ErrorKind::kUnknownImport,
                HasSubstr("did you mean 'host_log'?"));
  ExpectRefused("(module (import \"env\" \"undefined_thing\" (func)))", ErrorKind::kUnknownImport,
                HasSubstr("--allow-undefined"));
  ExpectRefused("(module (import \"env\" \"memory\" (memory 1)))", ErrorKind::kUnknownImport,
                HasSubstr("export the memory"));
}

}  // namespace
}  // namespace guardc::compiler
