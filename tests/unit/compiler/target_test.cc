// compiler/codegen/target.h: names of targets and CPUs, and what is recorded of them.
#include "compiler/codegen/target.h"

#include <gmock/gmock.h>

namespace guardc::compiler {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

TEST(Target, X86Levels) {
  const auto v2 = ResolveTarget("baseline", "x86_64-linux-gnu");
  ASSERT_TRUE(v2.has_value()) << v2.error().message;
  EXPECT_EQ(v2->identity.triple, "x86_64-unknown-linux-gnu");
  EXPECT_EQ(v2->identity.cpu, "x86-64-v2");
  EXPECT_THAT(v2->identity.features, Contains("sse4.1"));
  EXPECT_THAT(v2->identity.features, Not(Contains("avx")));
  EXPECT_EQ(v2->page_size, 4096u);
  const auto v3 = ResolveTarget("x86-64-v3", "x86_64-pc-linux-musl");
  ASSERT_TRUE(v3.has_value()) << v3.error().message;
  EXPECT_EQ(v3->identity.triple, "x86_64-unknown-linux-gnu");
  EXPECT_THAT(v3->identity.features, Contains("avx2"));
}

TEST(Target, Aarch64) {
  const auto target = ResolveTarget("baseline", "aarch64-linux-gnu");
  ASSERT_TRUE(target.has_value()) << target.error().message;
  EXPECT_TRUE(target->is_aarch64);
  EXPECT_EQ(target->identity.cpu, "generic");
  EXPECT_TRUE(target->identity.features.empty());
  EXPECT_EQ(target->page_size, 65536u);
  const auto neoverse = ResolveTarget("neoverse-n1", "aarch64-linux-gnu");
  ASSERT_TRUE(neoverse.has_value()) << neoverse.error().message;
  EXPECT_THAT(neoverse->identity.features, Contains("lse"));
}

TEST(Target, Native) {
  const auto target = ResolveTarget("native", "");
  ASSERT_TRUE(target.has_value()) << target.error().message;
  EXPECT_NE(target->identity.cpu, "native");
}

TEST(Target, Refusals) {
  const auto expect = [](std::string_view cpu, std::string_view triple, ErrorKind kind, const char* text) {
    const auto target = ResolveTarget(cpu, triple);
    ASSERT_FALSE(target.has_value()) << cpu << " " << triple;
    EXPECT_EQ(ErrorKindName(target.error().kind), ErrorKindName(kind));
    EXPECT_THAT(target.error().message, HasSubstr(text));
  };
  expect("pentium", "x86_64-linux-gnu", ErrorKind::kInvalidArgument, "pentium");
  expect("x86-64", "x86_64-linux-gnu", ErrorKind::kInvalidArgument, "x86-64-v2");
  expect("no-such-cpu", "x86_64-linux-gnu", ErrorKind::kInvalidArgument, "unknown CPU no-such-cpu");
  expect("baseline", "pdp11-unix", ErrorKind::kInvalidArgument, "pdp11");
  expect("baseline", "x86_64-windows-msvc", ErrorKind::kUnsupported, "windows");
  expect("baseline", "riscv64-linux-gnu", ErrorKind::kUnsupported, "riscv64");
}

}  // namespace
}  // namespace guardc::compiler
