// A script of the WebAssembly specification's tests, as wast2json and `wasm-tools json-from-wast` write it: read into
// plain data, with nothing left to interpret but its commands.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "guardc/instance.h"
#include "guardc/result.h"

namespace guardc::spec {

enum class NanPattern : uint8_t { kNone, kCanonical, kArithmetic };

// One scalar, or one lane of a v128.
struct LanePattern {
  NanPattern nan = NanPattern::kNone;
  uint64_t bits = 0;
};

// A value that a result is compared with; where `either` is not empty, one of them must match.
struct ExpectedValue {
  ValType type = ValType::kI32;
  bool any_null = false;  // a null reference, of whatever type
  unsigned lane_bits = 32;
  std::vector<LanePattern> lanes;  // empty: any non-null reference, or any number
  std::vector<ExpectedValue> either;
};

struct Action {
  bool is_get = false;
  std::string module;  // "": the latest one
  std::string field;
  std::vector<Val> args;
};

enum class CommandKind : uint8_t {
  kModule,
  kModuleDefinition,
  kModuleInstance,
  kRegister,
  kAction,
  kAssertReturn,
  kAssertTrap,
  kAssertExhaustion,
  kAssertInvalid,
  kAssertMalformed,
  kAssertUnlinkable,
  kAssertUninstantiable,
  kAssertException,
  kOutOfScope,  // threads, suspensions, custom sections: counts as skipped
  kUnknown,     // counts as failed
};

struct Command {
  CommandKind kind = CommandKind::kUnknown;
  std::string type;  // as the script has it
  uint32_t line = 0;
  std::string problem;     // why the command cannot be read; then only `kind`, `type`, `line` and `action.module` count
  std::string name;        // module, register: "$name" or ""
  std::string as;          // register
  std::string text;        // what is expected to go wrong
  std::string filename;    // module, beside the script
  bool is_text = false;    // the module is in text form only
  std::string definition;  // module_instance: of this definition, "" for the latest
  Action action;
  std::vector<ExpectedValue> expected;
};

struct Script {
  std::filesystem::path path;
  std::string name;  // "2.0/address"
  std::vector<Command> commands;
};

// kIo, kInvalidArgument.
Result<Script> ReadScript(const std::filesystem::path& path);

// Whole contents of a file; kIo.
Result<std::string> ReadWholeFile(const std::filesystem::path& path);

// "nan:canonical", "i32:7", "v128:(1 2 3 4)".
std::string Describe(const ExpectedValue& value);
std::string Describe(const Val& value);

bool Matches(const ExpectedValue& expected, const Val& actual);

}  // namespace guardc::spec
