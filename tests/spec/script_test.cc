// What the runner of the official tests takes for equal: a mistake there would pass everything.
#include "tests/spec/script.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace guardc::spec {
namespace {

namespace fs = std::filesystem;

// The commands of a script with this text.
Result<Script> Parse(const std::string& commands) {
  std::string pattern = (fs::temp_directory_path() / "guardc-script-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) return Fail(ErrorKind::kIo, "no temporary directory");
  const fs::path directory = fs::path(pattern) / "2.0" / "name";
  fs::create_directories(directory);
  std::ofstream(directory / "name.json") << R"({"source_filename":"name.wast","commands":[)" << commands << "]}";
  Result<Script> script = ReadScript(directory / "name.json");
  fs::remove_all(pattern);
  return script;
}

// The one expected value of an assert_return.
ExpectedValue Expect(const std::string& value) {
  const Result<Script> script =
      Parse(R"({"type":"assert_return","line":1,"action":{"type":"invoke","field":"f","args":[]},)"
            R"("expected":[)" +
            value + "]}");
  EXPECT_TRUE(script) << (script ? "" : script.error().message);
  return script ? script->commands.at(0).expected.at(0) : ExpectedValue{};
}

Val V128Of32(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  const uint32_t lanes[] = {a, b, c, d};
  Val out;
  out.type = ValType::kV128;
  std::memcpy(out.bits, lanes, sizeof lanes);
  return out;
}

Val Of(ValType type, uint64_t bits) {
  Val out;
  out.type = type;
  std::memcpy(out.bits, &bits, sizeof bits);
  return out;
}

TEST(ScriptTest, NamesAndCommands) {
  const Result<Script> script = Parse(
      R"({"type":"module","line":7,"name":"$m","filename":"a.wasm","module_type":"binary"},)"
      R"({"type":"assert_trap","line":8,"action":{"type":"invoke","module":"$m","field":"f","args":[)"
      R"({"type":"i64","value":"18446744073709551615"},{"type":"externref","value":"0"},{"type":"funcref","value":"null"}]},)"
      R"("text":"unreachable"},{"type":"later_invention","line":9})");
  ASSERT_TRUE(script) << script.error().message;
  EXPECT_EQ(script->name, "2.0/name");
  ASSERT_EQ(script->commands.size(), 3U);
  EXPECT_EQ(script->commands[0].kind, CommandKind::kModule);
  const Action& action = script->commands[1].action;
  EXPECT_EQ(action.module, "$m");
  ASSERT_EQ(action.args.size(), 3U);
  EXPECT_EQ(action.args[0].i64(), ~uint64_t{0});
  EXPECT_NE(action.args[1].ref(), nullptr);  // host reference 0 is not null
  EXPECT_EQ(action.args[2].ref(), nullptr);
  EXPECT_EQ(script->commands[2].kind, CommandKind::kUnknown);
}

TEST(ScriptTest, RefusesWhatIsNoScript) {
  EXPECT_FALSE(Parse("{"));
  EXPECT_FALSE(Parse(R"({"line":1})"));
}

TEST(ScriptTest, WhatItDoesNotKnowCostsOneCommand) {
  const Result<Script> script = Parse(
      R"({"type":"action","line":1,"action":{"type":"invoke","field":"f","args":[{"type":"i32","value":"x"}]}},)"
      R"({"type":"action","line":2,"action":{"type":"dance","field":"f"}},)"
      R"({"type":"assert_return","line":3,"action":{"type":"get","field":"g"},"expected":[{"type":"exnref"}]},)"
      R"({"type":"thread","line":4,"name":"$T","shared_module":"$M","commands":[{"type":"module"}]},)"
      R"({"type":"assert_exception","line":5,"action":{"type":"invoke","field":"f","args":[]}},)"
      R"({"type":"assert_return","line":6,"action":{"type":"get","field":"g"},"expected":[{"type":"i32","value":"1"}]})");
  ASSERT_TRUE(script) << script.error().message;
  ASSERT_EQ(script->commands.size(), 6U);
  EXPECT_NE(script->commands[0].problem, "");
  EXPECT_NE(script->commands[1].problem.find("dance"), std::string::npos);
  EXPECT_NE(script->commands[2].problem.find("exnref"), std::string::npos);
  EXPECT_EQ(script->commands[3].kind, CommandKind::kOutOfScope);
  EXPECT_EQ(script->commands[4].kind, CommandKind::kAssertException);
  EXPECT_EQ(script->commands[5].problem, "");
}

TEST(ScriptTest, DefinitionsAndTextModules) {
  const Result<Script> script = Parse(
      R"({"type":"module_definition","line":1,"name":"$M","filename":"a.wasm","module_type":"binary"},)"
      R"({"type":"module_instance","line":2,"instance":"$I","module":"$M"},)"
      R"({"type":"module","line":3,"filename":"b.wat","module_type":"text","binary_filename":"b.wasm"},)"
      R"({"type":"assert_malformed","line":4,"filename":"c.wat","module_type":"text","text":"unexpected token"})");
  ASSERT_TRUE(script) << script.error().message;
  EXPECT_EQ(script->commands[1].name, "$I");
  EXPECT_EQ(script->commands[1].definition, "$M");
  EXPECT_FALSE(script->commands[2].is_text);
  EXPECT_EQ(script->commands[2].filename, "b.wasm");
  EXPECT_TRUE(script->commands[3].is_text);
}

TEST(MatchesTest, BitsOfScalars) {
  EXPECT_TRUE(Matches(Expect(R"({"type":"i32","value":"4294967295"})"), Of(ValType::kI32, 0xffffffff)));
  EXPECT_TRUE(Matches(Expect(R"({"type":"i32","value":"-1"})"), Of(ValType::kI32, 0xffffffff)));
  EXPECT_FALSE(Matches(Expect(R"({"type":"i32","value":"1"})"), Of(ValType::kI32, 2)));
  EXPECT_FALSE(Matches(Expect(R"({"type":"i32","value":"1"})"), Of(ValType::kI64, 1)));
  EXPECT_FALSE(Matches(Expect(R"({"type":"f64","value":"0"})"), Of(ValType::kF64, uint64_t{1} << 63)));  // -0
}

TEST(MatchesTest, NanPatterns) {
  const ExpectedValue canonical = Expect(R"({"type":"f32","value":"nan:canonical"})");
  const ExpectedValue arithmetic = Expect(R"({"type":"f32","value":"nan:arithmetic"})");
  for (const uint32_t bits : {0x7fc00000U, 0xffc00000U}) {
    EXPECT_TRUE(Matches(canonical, Of(ValType::kF32, bits)));
    EXPECT_TRUE(Matches(arithmetic, Of(ValType::kF32, bits)));
  }
  EXPECT_FALSE(Matches(canonical, Of(ValType::kF32, 0x7fc00001)));
  EXPECT_TRUE(Matches(arithmetic, Of(ValType::kF32, 0x7fc00001)));
  for (const uint32_t bits : {0x7fa00000U, 0x7f800000U, 0U}) {  // signalling, infinite, zero
    EXPECT_FALSE(Matches(canonical, Of(ValType::kF32, bits)));
    EXPECT_FALSE(Matches(arithmetic, Of(ValType::kF32, bits)));
  }
  const ExpectedValue wide = Expect(R"({"type":"f64","value":"nan:canonical"})");
  EXPECT_TRUE(Matches(wide, Of(ValType::kF64, 0xfff8000000000000)));
  EXPECT_FALSE(Matches(wide, Of(ValType::kF64, 0x7ff8000000000001)));
}

TEST(MatchesTest, LanesAndAlternatives) {
  const ExpectedValue lanes = Expect(R"({"type":"v128","lane_type":"f32","value":["1","nan:canonical","3","4"]})");
  EXPECT_TRUE(Matches(lanes, V128Of32(1, 0xffc00000, 3, 4)));
  EXPECT_FALSE(Matches(lanes, V128Of32(1, 0xffc00000, 3, 5)));
  EXPECT_FALSE(Matches(lanes, V128Of32(1, 2, 3, 4)));
  const ExpectedValue either =
      Expect(R"({"type":"either","values":[{"type":"i32","value":"1"},{"type":"i32","value":"2"}]})");
  EXPECT_TRUE(Matches(either, Of(ValType::kI32, 1)));
  EXPECT_TRUE(Matches(either, Of(ValType::kI32, 2)));
  EXPECT_FALSE(Matches(either, Of(ValType::kI32, 3)));
}

TEST(MatchesTest, References) {
  EXPECT_TRUE(Matches(Expect(R"({"type":"externref","value":"null"})"), Of(ValType::kExternRef, 0)));
  EXPECT_FALSE(Matches(Expect(R"({"type":"externref","value":"0"})"), Of(ValType::kExternRef, 0)));
  EXPECT_TRUE(Matches(Expect(R"({"type":"funcref"})"), Of(ValType::kFuncRef, 0x1234)));
  EXPECT_FALSE(Matches(Expect(R"({"type":"funcref"})"), Of(ValType::kFuncRef, 0)));
  EXPECT_TRUE(Matches(Expect(R"({"type":"funcref","value":{"index":7}})"), Of(ValType::kFuncRef, 0x1234)));
  EXPECT_TRUE(Matches(Expect(R"({"type":"refnull"})"), Of(ValType::kExternRef, 0)));
  EXPECT_FALSE(Matches(Expect(R"({"type":"refnull"})"), Of(ValType::kExternRef, 1)));
  EXPECT_FALSE(Matches(Expect(R"({"type":"refnull"})"), Of(ValType::kI32, 0)));
}

// wast2json gives the types of what a call that traps would have returned.
TEST(MatchesTest, TypesAlone) {
  EXPECT_TRUE(Matches(Expect(R"({"type":"i64"})"), Of(ValType::kI64, 5)));
  EXPECT_FALSE(Matches(Expect(R"({"type":"i64"})"), Of(ValType::kI32, 5)));
}

}  // namespace
}  // namespace guardc::spec
