#include "artifact/cache_key.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "tests/support/test_artifact.h"

namespace guardc::artifact {
namespace {

TEST(CacheKey, IsStable) {
  // Old entries of one version must be found again: a change here needs a new version.
  Identity identity = test::TestIdentity();
  identity.guardc_version = "1.2.3";
  identity.abi_version = 7;
  identity.target = {"x86_64-unknown-linux-gnu", "x86-64-v2", {"popcnt", "sse4.2"}};
  EXPECT_EQ(CacheKey(identity), "73aac189fde094084f72dc6c7aba2a366a26740da7a148daa412f6143ce0f0e9");
}

TEST(CacheKey, EveryFieldCounts) {
  const std::vector<std::function<void(Identity&)>> changes = {
      [](Identity&) {},
      [](Identity& i) { i.wasm_sha256 = Sha256Of("another").Hex(); },
      [](Identity& i) { i.guardc_version += "1"; },
      [](Identity& i) { i.llvm_version += "1"; },
      [](Identity& i) { i.abi_version += 1; },
      [](Identity& i) { i.target.triple += "x"; },
      [](Identity& i) { i.target.cpu += "x"; },
      [](Identity& i) { i.target.features = {"avx"}; },
      [](Identity& i) { i.target.features = {"avx", "avx2"}; },
      [](Identity& i) { i.target.features = {"avxavx2"}; },
      [](Identity& i) { i.options.opt_level = 1; },
      [](Identity& i) { i.options.profile = Profile::kWasi; },
      [](Identity& i) { i.options.bounds_checks = true; },
      [](Identity& i) { i.options.strict_traps = true; },
      [](Identity& i) { i.options.canonical_nans = true; },
  };
  std::set<std::string> keys;
  for (const auto& change : changes) {
    Identity identity = test::TestIdentity();
    change(identity);
    keys.insert(CacheKey(identity));
  }
  EXPECT_EQ(keys.size(), changes.size());
}

TEST(CacheKey, FieldsDoNotRunIntoEachOther) {
  Identity a = test::TestIdentity(), b = a;
  a.guardc_version = "1";
  a.llvm_version = "23";
  b.guardc_version = "12";
  b.llvm_version = "3";
  EXPECT_NE(CacheKey(a), CacheKey(b));
}

}  // namespace
}  // namespace guardc::artifact
