#include "loader/host_cpu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "artifact/cpu_features.h"
#include "tests/support/test_artifact.h"

namespace guardc::loader {
namespace {

using ::testing::HasSubstr;

#if defined(__x86_64__)
TEST(HostCpu, AgreesWithTheCompilersOwnCheck) {
  EXPECT_EQ(HasCpuFeature("sse4.2"), __builtin_cpu_supports("sse4.2") != 0);
  EXPECT_EQ(HasCpuFeature("popcnt"), __builtin_cpu_supports("popcnt") != 0);
  EXPECT_EQ(HasCpuFeature("avx"), __builtin_cpu_supports("avx") != 0);
  EXPECT_EQ(HasCpuFeature("avx2"), __builtin_cpu_supports("avx2") != 0);
  EXPECT_EQ(HasCpuFeature("fma"), __builtin_cpu_supports("fma") != 0);
  EXPECT_EQ(HasCpuFeature("bmi"), __builtin_cpu_supports("bmi") != 0);
  EXPECT_EQ(HasCpuFeature("bmi2"), __builtin_cpu_supports("bmi2") != 0);
  EXPECT_EQ(HasCpuFeature("aes"), __builtin_cpu_supports("aes") != 0);
  EXPECT_EQ(HasCpuFeature("pclmul"), __builtin_cpu_supports("pclmul") != 0);
  EXPECT_EQ(HasCpuFeature("avx512f"), __builtin_cpu_supports("avx512f") != 0);
  EXPECT_EQ(HasCpuFeature("avx512bw"), __builtin_cpu_supports("avx512bw") != 0);
  EXPECT_EQ(HasCpuFeature("avx512vbmi2"), __builtin_cpu_supports("avx512vbmi2") != 0);
  EXPECT_EQ(HasCpuFeature("gfni"), __builtin_cpu_supports("gfni") != 0);
  EXPECT_EQ(HasCpuFeature("vpclmulqdq"), __builtin_cpu_supports("vpclmulqdq") != 0);
  // Every x86-64 of the last fifteen years.
  for (const std::string_view feature : artifact::X86Levels()[1].features) EXPECT_TRUE(HasCpuFeature(feature));
}
#endif

TEST(HostCpu, UnknownFeaturesAreMissing) { EXPECT_FALSE(HasCpuFeature("flux-capacitor")); }

TEST(HostCpu, NamesWhatIsMissing) {
  artifact::Target target = test::TestIdentity().target;
  EXPECT_TRUE(CheckTarget(target, "entry"));
  target.cpu = "delorean";
  target.features = {"a-feature", "flux-capacitor"};
  const auto lacking = CheckTarget(target, "entry");
  ASSERT_FALSE(lacking);
  EXPECT_EQ(lacking.error().kind, ErrorKind::kIncompatibleArtifact);
  EXPECT_THAT(lacking.error().message, HasSubstr("delorean, and this machine lacks a-feature, flux-capacitor"));
}

TEST(HostCpu, NamesTheArchitecture) {
  for (const char* triple : {"riscv64-unknown-linux-gnu", "", "x86_64", "x86_64-pc-windows-msvc"}) {
    const auto foreign = CheckTarget({.triple = triple, .cpu = "generic", .features = {}}, "entry");
    ASSERT_FALSE(foreign);
    EXPECT_EQ(foreign.error().kind, ErrorKind::kIncompatibleArtifact);
    EXPECT_THAT(foreign.error().message, HasSubstr(triple));
  }
}

}  // namespace
}  // namespace guardc::loader
