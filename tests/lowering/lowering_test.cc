// Each .wat here is compiled and its optimised IR compared with what its comments say:
//
//   ;; OPTIONS: bounds_checks strict_traps canonical_nans
//   ;; FUNCTION: name          the function that the lines below are about
//   ;; HAS: pattern            an ECMAScript regular expression that a line of it matches, after the last one that
//   matched
//   ;; HAS NOT: pattern        no line of the function matches
//
// Fragments rather than whole functions: the IR of LLVM 19 and 22 differs in details that do not matter here.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <regex>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "guardc/compile.h"

namespace {

namespace fs = std::filesystem;

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// The lines from the function's `define` to its closing brace.
std::vector<std::string> FunctionBody(const std::vector<std::string>& ir, const std::string& name) {
  const auto begin = std::ranges::find_if(ir, [&](const std::string& line) {
    return line.starts_with("define") && line.find("::" + name + "\"(") != std::string::npos;
  });
  return {begin, std::find(begin, ir.end(), "}")};
}

class LoweringTest : public testing::TestWithParam<std::string> {};

// What follows `;; KEY:` in the line, if it is such a line.
bool IsDirective(const std::string& line, const std::string& key, std::string& value) {
  const std::string prefix = ";; " + key + ": ";
  if (!line.starts_with(prefix)) return false;
  value = line.substr(prefix.size());
  return true;
}

guardc::CompileOptions OptionsOf(const std::vector<std::string>& lines) {
  guardc::CompileOptions options;
  options.profile = guardc::Profile::kWasi;
  options.target = "x86_64-unknown-linux-gnu";
  std::string value;
  for (const std::string& line : lines) {
    if (!IsDirective(line, "OPTIONS", value)) continue;
    options.bounds_checks = value.find("bounds_checks") != std::string::npos;
    options.strict_traps = value.find("strict_traps") != std::string::npos;
    options.canonical_nans = value.find("canonical_nans") != std::string::npos;
  }
  return options;
}

TEST_P(LoweringTest, HoldsWhatItsCommentsSay) {
  const std::vector<std::string> lines = Lines(ReadFile(fs::path(GUARDC_LOWERING_CASES) / (GetParam() + ".wat")));
  const std::string wasm = ReadFile(fs::path(GUARDC_LOWERING_MODULES) / (GetParam() + ".wasm"));
  const auto compiled = guardc::Compile(std::as_bytes(std::span(wasm)), OptionsOf(lines), guardc::Emit::kLlvmIr);
  ASSERT_TRUE(compiled) << compiled.error().message;
  const std::vector<std::string> ir =
      Lines(std::string(reinterpret_cast<const char*>(compiled->bytes.data()), compiled->bytes.size()));

  std::vector<std::string> body;
  size_t at = 0;
  int expectations = 0;
  std::string value;
  for (const std::string& line : lines) {
    if (IsDirective(line, "FUNCTION", value)) {
      body = FunctionBody(ir, value);
      ASSERT_FALSE(body.empty()) << "no function " << value;
      at = 0;
    } else if (IsDirective(line, "HAS", value)) {
      ++expectations;
      const std::regex pattern(value);
      while (at < body.size() && !std::regex_search(body[at], pattern)) ++at;
      EXPECT_LT(at, body.size()) << "nothing matches " << value;
      ++at;
    } else if (IsDirective(line, "HAS NOT", value)) {
      ++expectations;
      const std::regex pattern(value);
      for (const std::string& found : body) {
        EXPECT_FALSE(std::regex_search(found, pattern)) << found << "\nmatches " << value;
      }
    }
  }
  EXPECT_GT(expectations, 0);
  if (HasFailure()) {
    for (const std::string& line : ir) std::cerr << line << "\n";
  }
}

std::vector<std::string> Cases() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(GUARDC_LOWERING_CASES)) {
    if (entry.path().extension() == ".wat") names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Cases, LoweringTest, testing::ValuesIn(Cases()), [](const auto& test) { return test.param; });

}  // namespace
