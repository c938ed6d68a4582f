#include "tests/spec/script.h"

#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace guardc::spec {
namespace {

using nlohmann::json;

// The parsers below throw std::runtime_error (and nlohmann's exceptions); ReadScript turns them into one error.
uint64_t ParseBits(const std::string& text) {
  const char* end = text.data() + text.size();
  if (text.starts_with('-')) {
    int64_t value = 0;
    const auto [ptr, error] = std::from_chars(text.data(), end, value);
    if (error == std::errc() && ptr == end) return static_cast<uint64_t>(value);
  } else {
    uint64_t value = 0;
    const auto [ptr, error] = std::from_chars(text.data(), end, value);
    if (error == std::errc() && ptr == end) return value;
  }
  throw std::runtime_error("not a number: '" + text + "'");
}

uint64_t Mask(uint64_t bits, unsigned width) { return width == 64 ? bits : bits & ((uint64_t{1} << width) - 1); }

LanePattern ParseLane(const std::string& text, unsigned width) {
  if (text == "nan:canonical") return {NanPattern::kCanonical, 0};
  if (text == "nan:arithmetic") return {NanPattern::kArithmetic, 0};
  return {NanPattern::kNone, Mask(ParseBits(text), width)};
}

unsigned LaneBits(const std::string& lane_type) {
  static const std::map<std::string, unsigned> kBits = {{"i8", 8},   {"i16", 16}, {"i32", 32},
                                                        {"i64", 64}, {"f32", 32}, {"f64", 64}};
  const auto found = kBits.find(lane_type);
  if (found == kBits.end()) throw std::runtime_error("unknown lane type '" + lane_type + "'");
  return found->second;
}

ValType ParseType(const std::string& name) {
  static const std::map<std::string, ValType> kTypes = {{"i32", ValType::kI32},
                                                        {"i64", ValType::kI64},
                                                        {"f32", ValType::kF32},
                                                        {"f64", ValType::kF64},
                                                        {"v128", ValType::kV128},
                                                        {"funcref", ValType::kFuncRef},
                                                        {"externref", ValType::kExternRef}};
  const auto found = kTypes.find(name);
  if (found == kTypes.end()) throw std::runtime_error("unknown value type '" + name + "'");
  return found->second;
}

ExpectedValue ParseExpected(const json& node) {
  ExpectedValue out;
  const std::string type = node.at("type");
  if (type == "either") {
    for (const json& choice : node.at("values")) out.either.push_back(ParseExpected(choice));
    return out;
  }
  if (type == "refnull") {
    out.any_null = true;
    return out;
  }
  out.type = ParseType(type);
  if (!IsReference(out.type) && !node.contains("value")) return out;
  if (out.type == ValType::kV128) {
    out.lane_bits = LaneBits(node.at("lane_type"));
    for (const json& lane : node.at("value")) out.lanes.push_back(ParseLane(lane, out.lane_bits));
    if (out.lanes.size() * out.lane_bits != 128) throw std::runtime_error("a v128 with a wrong number of lanes");
    return out;
  }
  out.lane_bits = out.type == ValType::kI32 || out.type == ValType::kF32 ? 32 : 64;
  if (!IsReference(out.type)) {
    out.lanes.push_back(ParseLane(node.at("value"), out.lane_bits));
  } else if (node.contains("value") && node.at("value").is_string()) {  // an object is a function's index
    // Host references are numbers in scripts: N is the pointer N + 1, so that 0 is not null.
    const std::string value = node.at("value");
    out.lanes.push_back({NanPattern::kNone, value == "null" ? 0 : ParseBits(value) + 1});
  }
  return out;
}

Val ToVal(const ExpectedValue& value) {
  if (value.lanes.empty()) throw std::runtime_error("an argument without a value");
  Val out;
  out.type = value.type;
  size_t at = 0;
  for (const LanePattern& lane : value.lanes) {
    if (lane.nan != NanPattern::kNone) throw std::runtime_error("an argument that is a NaN pattern");
    const size_t bytes = value.lane_bits / 8;
    std::memcpy(out.bits + at, &lane.bits, bytes);  // both are little-endian
    at += bytes;
  }
  return out;
}

CommandKind ParseKind(const std::string& type) {
  static const std::map<std::string, CommandKind> kKinds = {
      {"module", CommandKind::kModule},
      {"module_definition", CommandKind::kModuleDefinition},
      {"module_instance", CommandKind::kModuleInstance},
      {"register", CommandKind::kRegister},
      {"action", CommandKind::kAction},
      {"assert_return", CommandKind::kAssertReturn},
      {"assert_trap", CommandKind::kAssertTrap},
      {"assert_exhaustion", CommandKind::kAssertExhaustion},
      {"assert_invalid", CommandKind::kAssertInvalid},
      {"assert_malformed", CommandKind::kAssertMalformed},
      {"assert_unlinkable", CommandKind::kAssertUnlinkable},
      {"assert_uninstantiable", CommandKind::kAssertUninstantiable},
      {"assert_exception", CommandKind::kAssertException},
      {"assert_suspension", CommandKind::kOutOfScope},
      {"assert_malformed_custom", CommandKind::kOutOfScope},
      {"assert_invalid_custom", CommandKind::kOutOfScope},
      {"thread", CommandKind::kOutOfScope},
      {"wait", CommandKind::kOutOfScope},
  };
  const auto found = kKinds.find(type);
  return found == kKinds.end() ? CommandKind::kUnknown : found->second;
}

void ParseAction(const json& node, Action& out) {
  const std::string type = node.at("type");
  if (type != "invoke" && type != "get") throw std::runtime_error("unknown action '" + type + "'");
  out.is_get = type == "get";
  out.module = node.value("module", "");
  out.field = node.at("field");
  if (!node.contains("args")) return;
  for (const json& arg : node.at("args")) out.args.push_back(ToVal(ParseExpected(arg)));
}

void ParseDetails(const json& node, Command& out) {
  out.name = node.value(out.kind == CommandKind::kModuleInstance ? "instance" : "name", "");
  out.definition = node.value("module", "");
  out.as = node.value("as", "");
  out.text = node.value("text", "");
  // A module in text form has a binary one beside it, unless it is malformed.
  out.is_text = node.value("module_type", "binary") == "text" && !node.contains("binary_filename");
  out.filename = node.contains("binary_filename") ? node.at("binary_filename") : node.value("filename", json(""));
  if (node.contains("action")) ParseAction(node.at("action"), out.action);
  if (node.contains("expected")) {
    for (const json& value : node.at("expected")) out.expected.push_back(ParseExpected(value));
  }
}

// A script may hold values and commands of later proposals: they cost their own command only.
Command ParseCommand(const json& node) {
  Command out;
  out.type = node.at("type");
  out.kind = ParseKind(out.type);
  out.line = node.value("line", 0U);
  try {
    if (out.kind != CommandKind::kOutOfScope) ParseDetails(node, out);
  } catch (const std::exception& e) {
    out.problem = e.what();
  }
  return out;
}

uint64_t ReadLane(const Val& value, unsigned lane_bits, size_t index) {
  uint64_t bits = 0;
  std::memcpy(&bits, value.bits + index * (lane_bits / 8), lane_bits / 8);
  return bits;
}

bool MatchesLane(const LanePattern& pattern, uint64_t bits, unsigned width) {
  if (pattern.nan == NanPattern::kNone) return bits == pattern.bits;
  // Core specification, 2.2.3: a canonical NaN has only the quiet bit in its payload; an arithmetic one has it at
  // least. The sign is free.
  const uint64_t magnitude = width == 32 ? bits & 0x7fffffff : bits & 0x7fffffffffffffff;
  const uint64_t quiet = width == 32 ? 0x7fc00000 : 0x7ff8000000000000;
  return pattern.nan == NanPattern::kCanonical ? magnitude == quiet : (magnitude & quiet) == quiet;
}

std::string DescribeLane(const LanePattern& lane) {
  switch (lane.nan) {
    case NanPattern::kCanonical:
      return "nan:canonical";
    case NanPattern::kArithmetic:
      return "nan:arithmetic";
    case NanPattern::kNone:
      break;
  }
  char text[24];
  std::snprintf(text, sizeof text, "%#llx", static_cast<unsigned long long>(lane.bits));
  return text;
}

}  // namespace

Result<std::string> ReadWholeFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Fail(ErrorKind::kIo, "cannot open '" + path.string() + "'");
  return std::string(std::istreambuf_iterator<char>(in), {});
}

Result<Script> ReadScript(const std::filesystem::path& path) {
  GUARDC_TRY(const std::string text, ReadWholeFile(path));
  Script out;
  out.path = path;
  // dir/NAME/NAME.json is called "dir/NAME".
  out.name = (path.parent_path().parent_path().filename() / path.stem()).string();
  try {
    const json root = json::parse(text);
    for (const json& node : root.at("commands")) out.commands.push_back(ParseCommand(node));
  } catch (const std::exception& e) {
    return Fail(ErrorKind::kInvalidArgument, "'" + path.string() + "' is not a script: " + e.what());
  }
  return out;
}

std::string Describe(const ExpectedValue& value) {
  std::string out;
  if (!value.either.empty()) {
    for (const ExpectedValue& choice : value.either) out += (out.empty() ? "" : " or ") + Describe(choice);
    return out;
  }
  if (value.any_null) return "null";
  out = std::string(ValTypeName(value.type)) + ":";
  if (value.lanes.empty()) return out + (IsReference(value.type) ? "non-null" : "any");
  for (size_t i = 0; i < value.lanes.size(); ++i) out += (i == 0 ? "" : " ") + DescribeLane(value.lanes[i]);
  return out;
}

std::string Describe(const Val& value) {
  const unsigned width = value.type == ValType::kI32 || value.type == ValType::kF32 ? 32 : 64;
  std::string out = std::string(ValTypeName(value.type)) + ":";
  out += DescribeLane({NanPattern::kNone, ReadLane(value, width, 0)});
  if (value.type == ValType::kV128) out += " " + DescribeLane({NanPattern::kNone, ReadLane(value, width, 1)});
  return out;
}

bool Matches(const ExpectedValue& expected, const Val& actual) {
  if (!expected.either.empty()) {
    for (const ExpectedValue& choice : expected.either) {
      if (Matches(choice, actual)) return true;
    }
    return false;
  }
  if (expected.any_null) return IsReference(actual.type) && actual.ref() == nullptr;
  if (expected.type != actual.type) return false;
  if (expected.lanes.empty()) return !IsReference(actual.type) || actual.ref() != nullptr;
  for (size_t i = 0; i < expected.lanes.size(); ++i) {
    if (!MatchesLane(expected.lanes[i], ReadLane(actual, expected.lane_bits, i), expected.lane_bits)) return false;
  }
  return true;
}

}  // namespace guardc::spec
