// The official suite's modules through the reader: valid ones are read, invalid and malformed ones refused, with wabt's
// validator in front of ours and by ours alone.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "compiler/frontend/wabt_reader.h"

namespace guardc::compiler {
namespace {

namespace fs = std::filesystem;

void CheckFolder(const fs::path& folder, const FeatureSet& features) {
  if (!fs::is_directory(folder)) GTEST_SKIP() << "no official tests in " << folder;
  size_t modules = 0;
  for (const auto& script : fs::directory_iterator(folder)) {
    std::ifstream in(script.path() / (script.path().filename().string() + ".json"));
    const auto json = nlohmann::json::parse(in);
    for (const auto& command : json.at("commands")) {
      const std::string file = command.value("filename", "");
      if (!file.ends_with(".wasm")) continue;
      const std::string type = command.at("type");
      const bool expected = type != "assert_invalid" && type != "assert_malformed";
      const auto bytes = ReadFile(script.path() / file, 1 << 24);
      ASSERT_TRUE(bytes.has_value()) << bytes.error().message;
      for (const FirstValidator first : {FirstValidator::kWabt, FirstValidator::kNone}) {
        const auto module = ReadModule(*bytes, features, first);
        EXPECT_EQ(module.has_value(), expected)
            << (first == FirstValidator::kNone ? "by our validator alone: " : "") << file << ": " << type << " "
            << command.value("text", "") << ": " << (module ? "accepted" : module.error().message);
        if (module) continue;
        EXPECT_TRUE(module.error().details().module_offset.has_value()) << module.error().message;
      }
      ++modules;
    }
  }
  EXPECT_GT(modules, 0u);
}

// Each folder with the features that its tests were written for: what 2.0 refuses is valid in later proposals.
constexpr FeatureSet kNone{.tail_call = false,
                           .extended_const = false,
                           .multi_memory = false,
                           .memory64 = false,
                           .relaxed_simd = false,
                           .threads = false,
                           .own_global_const = false};

FeatureSet With(bool FeatureSet::* feature) {
  FeatureSet features = kNone;
  features.*feature = true;
  return features;
}

const fs::path kSpec = GUARDC_WASM_SPEC_DIR;

TEST(SpecModules, Core) { CheckFolder(kSpec / "2.0", kNone); }
TEST(SpecModules, TailCall) { CheckFolder(kSpec / "tail-call", With(&FeatureSet::tail_call)); }
TEST(SpecModules, MultiMemory) { CheckFolder(kSpec / "multi-memory", With(&FeatureSet::multi_memory)); }
TEST(SpecModules, RelaxedSimd) { CheckFolder(kSpec / "relaxed-simd", With(&FeatureSet::relaxed_simd)); }
TEST(SpecModules, Memory64) { CheckFolder(kSpec / "memory64", With(&FeatureSet::memory64)); }
TEST(SpecModules, ExtendedConst) { CheckFolder(kSpec / "extended-const", With(&FeatureSet::extended_const)); }

}  // namespace
}  // namespace guardc::compiler
