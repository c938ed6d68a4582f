// compiler/frontend: what the reader delivers, and how it refuses.
#include <gmock/gmock.h>

#include <random>

#include "base/format.h"
#include "compiler/frontend/wabt_reader.h"
#include "tests/unit/compiler/wat.h"

namespace guardc::compiler {
namespace {

using test::Hex;
using test::Wat;
using testing::HasSubstr;

constexpr const char kHeader[] = "00 61 73 6d 01 00 00 00 ";

Result<Module> Read(std::span<const std::byte> wasm) { return ReadModule(wasm, {}); }

void ExpectError(const Result<Module>& result, ErrorKind kind, const char* text) {
  ASSERT_FALSE(result.has_value()) << text;
  EXPECT_EQ(ErrorKindName(result.error().kind), ErrorKindName(kind)) << result.error().message;
  EXPECT_THAT(result.error().message, HasSubstr(text));
  EXPECT_TRUE(result.error().details().module_offset.has_value());
}

TEST(ModuleReader, RefusesWhatIsNoModule) {
  ExpectError(Read({}), ErrorKind::kInvalidWasm, "empty");
  ExpectError(Read(Hex("7f 45 4c 46 02 01 01 00")), ErrorKind::kInvalidWasm,
              "not WebAssembly: it begins with the bytes 7f");
  ExpectError(Read(Hex("28 6d 6f 64 75 6c 65 29")), ErrorKind::kInvalidWasm, "assembled first (wat2wasm)");
  ExpectError(Read(Hex("00 61 73")), ErrorKind::kInvalidWasm, "truncated");
  ExpectError(Read(Hex("00 61 73 6d 0d 00 01 00")), ErrorKind::kInvalidWasm, "component");
  ExpectError(Read(Hex("00 61 73 6d 02 00 00 00")), ErrorKind::kInvalidWasm, "version");
}

// "0a 03 41 00 0b": a section's id, its size, which is below 128, and its contents.
std::string Section(const char* id, const std::string& contents) {
  return Format("{} {:02x} {} ", id, Hex(contents).size(), contents);
}

// The header, a type, and a function with `body`: locals and code, without its end.
std::string WithBody(const std::string& body) {
  const size_t size = Hex(body).size() + 1;
  return kHeader + Section("01", "01 60 00 00") + Section("03", "01 00") +
         Section("0a", Format("01 {:02x} {} 0b", size, body));
}

// Forms that wabt 1.0.32 takes and the binary format does not have.
TEST(ModuleReader, RefusesMalformedForms) {
  const std::string operands = "00 41 00 41 00 41 00 ";
  const std::string memory = kHeader + Section("05", "01 00 01");
  const struct {
    std::string digits;
    const char* text;
  } cases[] = {
      {WithBody(operands + "1c 00 1a"), "select"},
      {WithBody(operands + "1c 02 7f 7f 1a"), "select"},
      // Padded types: of a select, a block, a loop, an if, a local, ref.null, a parameter, a result, a global, a table,
      // an imported table and global
      {WithBody(operands + "1c 01 ff 7f 1a"), "malformed type"},
      {WithBody("00 02 ff 7f 41 00 0b 1a"), "malformed type"},
      {WithBody("00 03 c0 7f 0b"), "malformed type"},
      {WithBody("00 41 00 04 c0 ff 7f 0b"), "malformed type"},
      {WithBody("01 01 ff 7f"), "malformed type"},
      {WithBody("00 d0 f0 7f 1a"), "malformed type"},
      {kHeader + Section("01", "01 60 01 ff 7f 00"), "malformed type"},
      {kHeader + Section("01", "01 60 00 01 ff ff 7f"), "malformed type"},
      {kHeader + Section("06", "01 ff 7f 00 41 00 0b"), "malformed type"},
      {kHeader + Section("04", "01 f0 7f 00 00"), "malformed type"},
      {kHeader + Section("02", "01 00 00 01 f0 ff 7f 00 00"), "malformed type"},
      {kHeader + Section("02", "01 00 00 03 ff 7f 00"), "malformed type"},
      // Kinds of data segments that there are not
      {memory + Section("0b", "01 03 00 41 00 0b 00"), "malformed data segment of kind 3"},
      {memory + Section("0b", "01 04 41 00 0b 01 61"), "malformed data segment of kind 4"},
      {memory + Section("0b", "01 05 01 61"), "malformed data segment of kind 5"},
      {memory + Section("0b", "01 06 00 41 00 0b 01 61"), "malformed data segment of kind 6"},
      {memory + Section("0b", "01 07 00 01 61"), "malformed data segment of kind 7"},
      {WithBody("00 fe 03 01"), "must be 0"},
  };
  for (const auto& c : cases) {
    for (const FirstValidator first : {FirstValidator::kWabt, FirstValidator::kNone}) {
      SCOPED_TRACE(c.digits);
      ExpectError(ReadModule(Hex(c.digits), {}, first), ErrorKind::kInvalidWasm, c.text);
    }
  }
  ExpectError(Read(Hex(kHeader + Section("0d", "00"))), ErrorKind::kUnsupported, "exception handling");
  // The same with one byte for each type.
  EXPECT_TRUE(Read(Hex(WithBody(operands + "1c 01 7f 1a"))).has_value());
  EXPECT_TRUE(Read(Hex(WithBody("00 02 7f 41 00 0b 1a d0 70 1a"))).has_value());
}

// Two bytes can name a thousand values, and both validators look at each.
TEST(ModuleReader, LimitsTheValuesThatCodeNames) {
  std::string many;
  for (int i = 0; i < 1000; ++i) many += " i32";
  const std::string declarations = "(module (type $t (func (param" + many + ") (result" + many +
                                   "))) (func $f (type $t) unreachable) (func unreachable ";
  for (const char* instruction : {"block (type $t) end ", "loop (type $t) end ", "br_if 0 ", "call $f "}) {
    std::string text = declarations;
    if (instruction == std::string_view("br_if 0 ")) text += "block (type $t) unreachable ";
    for (int i = 0; i < 3000; ++i) text += instruction;
    ExpectError(Read(Wat(text + "unreachable" + (text.contains("br_if") ? " end " : " ") + "unreachable))")),
                ErrorKind::kLimit, "locals and values of blocks, branches and calls");
  }
  std::string locals = "(module ";
  for (int i = 0; i < 50; ++i) {
    locals += "(func (local";
    for (int j = 0; j < 40000; ++j) locals += " i32";
    locals += "))";
  }
  ExpectError(Read(Wat(locals + ")")), ErrorKind::kLimit, "locals and values of blocks");
}

TEST(ModuleReader, EveryTruncationIsAnError) {
  const auto wasm = test::Guard("(func $f) (table 3 funcref) (elem (i32.const 0) $f $f) (data (i32.const 8) \"abc\")");
  ASSERT_TRUE(Read(wasm).has_value());
  size_t accepted = 0;
  for (size_t size = 8; size < wasm.size(); ++size) accepted += Read(std::span(wasm).first(size)).has_value();
  // A cut between sections can leave a valid module, as long as no function lacks its body.
  EXPECT_LE(accepted, 8u);
}

// Nothing may crash the reader; what it accepts or says does not matter here.
TEST(ModuleReader, SurvivesFlippedBytes) {
  const auto wasm = test::Guard(R"(
    (import "env" "host_log" (func (param i32 i32 i32)))
    (global $g (mut i32) (i32.const 7)) (table 4 funcref) (elem (i32.const 0) func $f) (data "xyz")
    (func $f (param i32) (result i32) (local i64 f64)
      (block $b (result i32) (br_table $b $b (i32.const 1) (local.get 0)))
      (if (result i32) (i32.eqz) (then (i32.load offset=4 (local.get 0))) (else (global.get $g)))
      (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 1)) (data.drop 0)
      (i32x4.extract_lane 2 (v128.const i32x4 1 2 3 4)) (i32.add)))");
  ASSERT_TRUE(Read(wasm).has_value());
  std::mt19937 random(42);
  for (int round = 0; round < 20000; ++round) {
    auto damaged = wasm;
    for (int flips = 1 + static_cast<int>(random() % 3); flips > 0; --flips) {
      damaged[8 + random() % (damaged.size() - 8)] = std::byte(random());
    }
    const auto result = Read(damaged);
    EXPECT_TRUE(result.has_value() || !result.error().message.empty());
  }
}

TEST(ModuleReader, SectionOrder) {
  ExpectError(Read(Hex(std::string(kHeader) + "03 01 00 01 01 00")), ErrorKind::kInvalidWasm, "out of order");
  ExpectError(Read(Hex(std::string(kHeader) + "01 01 00 01 01 00")), ErrorKind::kInvalidWasm, "out of order");
  ExpectError(Read(Hex(std::string(kHeader) + "0e 01 00")), ErrorKind::kInvalidWasm, "unknown section 14");
}

TEST(ModuleReader, RefusesExceptionsByName) {
  ExpectError(Read(Wat("(module (tag (param i32)))")), ErrorKind::kUnsupported, "exception handling");
  ExpectError(Read(Wat("(module (func try catch_all end))")), ErrorKind::kUnsupported, "exception handling");
  // try_table, as wabt 1.0.32 does not know it.
  ExpectError(Read(Hex(std::string(kHeader) + "01 04 01 60 00 00 03 02 01 00 0a 08 01 06 00 1f 40 00 0b 0b")),
              ErrorKind::kUnsupported, "exception handling");
}

TEST(ModuleReader, RefusesLaterProposalsByName) {
  const auto expect = [](const std::string& sections, const char* proposal) {
    SCOPED_TRACE(sections);
    ExpectError(Read(Hex(std::string(kHeader) + sections)), ErrorKind::kUnsupported, proposal);
  };
  const std::string function = "01 04 01 60 00 00 03 02 01 00 ";
  expect(function + "0a 09 01 07 00 41 00 fb 1c 1a 0b", "garbage collection");           // ref.i31
  expect(function + "0a 08 01 06 00 d0 70 d4 1a 0b", "typed function references");       // ref.as_non_null
  expect(function + "0a 0d 01 0b 00 42 00 42 00 42 00 fc 15 1a 0b", "wide arithmetic");  // i64.mul_wide_s
  expect("01 04 01 4e 01 60", "garbage collection");                                     // rec
  expect("01 03 01 5f 00", "garbage collection");                                        // struct
  expect("01 06 01 60 01 64 70 00", "typed function references");                        // (ref func)
  expect("01 05 01 60 01 69 00", "exception handling");                                  // exnref
  expect("01 05 01 60 01 6e 00", "garbage collection");                                  // anyref
  expect("04 04 01 70 04 00", "64-bit tables");
  expect("04 04 01 6e 00 00", "garbage collection");
  expect("04 09 01 40 00 70 00 01 d0 70 0b", "typed function references");  // a table with an initial value
  expect("05 04 01 08 00 00", "custom page sizes");
  expect("06 06 01 6d 00 d0 6d 0b", "garbage collection");  // an eqref global
  // The same opcode, written longer.
  expect(function + "0a 0f 01 0d 00 42 00 42 00 42 00 fc 95 80 00 1a 0b", "wide arithmetic");
  expect(function + "0a 09 01 07 00 fc 13 1a 1a 0b 0b", "wide arithmetic");      // i64.add128
  expect(function + "0a 09 01 07 00 41 00 fc 30 1a 0b", "half precision");       // f32.load_f16
  expect(function + "0a 0a 01 08 00 41 00 fd a0 02 1a 0b", "half precision");    // f16x8.splat
  expect(function + "0a 08 01 06 00 fb 20 00 1a 0b", "custom descriptors");      // struct.new_desc
  expect(function + "0a 09 01 07 00 fb 80 01 1a 1a 0b", "string references");    // string.new_utf8
  expect(function + "0a 07 01 05 00 fe 04 0b 0b", "shared-everything threads");  // pause
  expect("01 05 01 4d 00 5f 00", "custom descriptors");                          // describes
  expect("01 06 01 60 01 62 70 00", "custom descriptors");                       // an exact type
  expect("01 04 01 60 00 00 02 07 01 01 61 01 62 20 00", "custom descriptors");  // an exact function
  expect("01 05 01 60 01 67 00", "string references");
  // Types of blocks, and what wabt takes for a type with an index.
  for (const char* type : {"6b", "6e", "73"}) {
    expect(function + "0a 09 01 07 00 02 " + type + " 00 0b 1a 0b", "garbage collection");
    expect(function + "0a 08 01 06 00 d0 " + type + " 1a 0b 0b", "garbage collection");
    expect(function + "0a 07 01 05 01 01 " + type + " 0b 0b", "garbage collection");
    // What comes then looks like an index of several bytes.
    expect(function + "0a 0a 01 08 02 01 " + type + " 80 00 70 0b 0b", "garbage collection");
    expect(function + "0a 0b 01 09 02 01 " + type + " 80 80 00 70 0b 0b", "garbage collection");
  }
  expect(function + "0a 09 01 07 00 02 63 70 00 0b 0b", "typed function references");
  expect(function + "0a 07 01 05 00 d0 00 1a 0b", "typed function references");  // ref.null of a defined type
  // Expressions of the element section.
  expect("09 08 01 05 70 01 d0 00 0b 00", "typed function references");
  expect("09 08 01 05 70 01 fb 01 00 0b", "garbage collection");                 // an item
  expect("04 04 01 70 00 01 09 07 01 00 fb 01 00 0b 00", "garbage collection");  // an offset
}

TEST(ModuleReader, RefusesAnOffsetThatWabtMisreads) {
  // (memory 0) (memory i64 0) (func (drop (i64.load 1 offset=0x100000000 (i64.const 0))))
  const std::string start = "01 04 01 60 00 00 03 02 01 00 05 05 02 00 00 04 00 ";
  ExpectError(Read(Hex(std::string(kHeader) + start + "0a 10 01 0e 00 42 00 29 43 01 80 80 80 80 10 1a 0b 01")),
              ErrorKind::kUnsupported, "behind a 32-bit one");
}

TEST(ModuleReader, CallsMalformedWhatBelongsToNoProposal) {
  const auto expect = [](const std::string& sections) {
    SCOPED_TRACE(sections);
    ExpectError(Read(Hex(std::string(kHeader) + sections)), ErrorKind::kInvalidWasm, "");
  };
  expect("01 04 01 40 00 00");     // a type form
  expect("01 05 01 60 01 40 00");  // a parameter's type
  expect("05 03 01 10 00");        // a memory's flags
  // The official tests want these malformed, whatever a later proposal makes of them.
  expect("06 06 01 7f 02 41 00 0b");  // a shared global
  expect("04 04 01 70 02 00");        // a shared table
}

TEST(ModuleReader, FunctionsNeedTheirOwnEnd) {
  const auto function = [](std::string body) {
    return Hex(std::string(kHeader) + "01 04 01 60 00 00 03 02 01 00 " + body);
  };
  ASSERT_TRUE(Read(function("0a 07 01 05 00 02 40 0b 0b")).has_value());
  // The block's end is the last byte.
  ExpectError(Read(function("0a 06 01 04 00 02 40 0b")), ErrorKind::kInvalidWasm, "ends within a block");
  ExpectError(Read(function("0a 05 01 03 00 02 40")), ErrorKind::kInvalidWasm, "END");
  ExpectError(Read(function("0a 06 01 04 00 0b 01 0b")), ErrorKind::kInvalidWasm, "after the end of the function");
}

TEST(ModuleReader, TypeErrorsCarryTheOffset) {
  const auto result = Read(Wat("(module (func (result i32) (i32.add (i64.const 1) (i32.const 2))))"));
  ExpectError(result, ErrorKind::kInvalidWasm, "type mismatch in i32.add");
}

TEST(ModuleReader, Limits) {
  // 50,001 locals in one declaration.
  ExpectError(Read(Hex(std::string(kHeader) + "01 04 01 60 00 00 03 02 01 00 0a 08 01 06 01 d1 86 03 7f 0b")),
              ErrorKind::kLimit, "locals");
  std::string nested;
  for (int i = 0; i < 10001; ++i) nested += "block ";
  for (int i = 0; i < 10001; ++i) nested += "end ";
  ExpectError(Read(Wat("(module (func " + nested + "))")), ErrorKind::kLimit, "nested blocks");
  std::string operands;
  for (int i = 0; i < 100001; ++i) operands += " i32.const 0";
  ExpectError(Read(Wat("(module (func" + operands + " unreachable))")), ErrorKind::kLimit, "operands");
  ExpectError(Read(Wat("(module (table 10000001 funcref))")), ErrorKind::kLimit, "initial elements of a table");
}

TEST(ModuleReader, LongNamesAreNotQuotedOnTheStack) {
  const std::string name(1 << 22, 'x');
  ExpectError(Read(Wat("(module (func (export \"" + name + "\")) (func (export \"" + name + "\")))")),
              ErrorKind::kLimit, "bytes of a name");
}

TEST(ModuleReader, DeliversInstructions) {
  const auto module = Read(Wat(R"((module
    (memory 1) (memory 2) (table $t 1 funcref) (table $u 1 funcref)
    (type $sig (func (param i32) (result i64)))
    (func (param i32) (result i32) (local f32 f32 i64)
      (block (result i32) (i32.load8_u (memory 1) offset=17 (local.get 0)))
      (drop (call_indirect $u (type $sig) (i32.const -2) (i32.const 0)))
      (memory.copy 1 0 (i32.const 1) (i32.const 2) (i32.const 3))
      (loop (type $pair) (br_table 0 1 0 (i32.const 5)) ))
    (type $pair (func (param i32) (result i32)))))"));
  ASSERT_TRUE(module.has_value()) << module.error().message;
  const Function& function = module->functions.at(0);
  EXPECT_EQ(function.locals, (std::vector{ValType::kF32, ValType::kF32, ValType::kI64}));
  const auto find = [&](Op op) {
    const auto it = std::ranges::find(function.body, op, &Instr::op);
    return it == function.body.end() ? Instr{.op = Op::kNop} : *it;
  };
  EXPECT_EQ(find(Op::kBlock).imm, Instr::kInlineBlockType | 0x7f);
  EXPECT_EQ(find(Op::kLoop).imm, 1u);
  EXPECT_EQ(find(Op::kI32Load8U).imm, 17u);
  EXPECT_EQ(find(Op::kI32Load8U).aux, 1u);
  EXPECT_EQ(find(Op::kI32Const).imm, 0xfffffffeu);
  EXPECT_EQ(find(Op::kCallIndirect).imm, uint64_t{1} << 32);
  EXPECT_EQ(function.br_tables.at(0).targets, (std::vector<uint32_t>{0, 1}));
  EXPECT_EQ(function.body.back().op, Op::kEnd);
  // Offsets are of the opcodes: each instruction's first byte.
  EXPECT_EQ(function.body.front().offset, function.body_offset + 5);
}

TEST(ModuleReader, MemoryCopyNamesItsDestinationFirst) {
  // Two memories, the second one 64-bit: only the right order of the operands is well typed.
  // (func (param i64 i32 i32) local.get 0 local.get 1 local.get 2 memory.copy 1 0)
  const auto module = Read(Hex(std::string(kHeader) + "01 07 01 60 03 7e 7f 7f 00 03 02 01 00 05 05 02 00 01 04 01 "
                                                      "0a 0e 01 0c 00 20 00 20 01 20 02 fc 0a 01 00 0b"));
  ASSERT_TRUE(module.has_value()) << module.error().message;
  const Instr& copy = module->functions.at(0).body.at(3);
  EXPECT_EQ(copy.op, Op::kMemoryCopy);
  EXPECT_EQ(copy.imm, 1u) << "to memory 1, from memory 0";
}

TEST(ModuleReader, DeliversElements) {
  const auto module = Read(Wat(R"((module
    (import "m" "g" (global funcref))
    (table 8 funcref) (func $f) (func $h)
    (elem (i32.const 2) $f $h)
    (elem declare func $h)
    (elem funcref (ref.func $f) (ref.null func))))"));
  ASSERT_TRUE(module.has_value()) << module.error().message;
  ASSERT_EQ(module->elem_segments.size(), 3u);
  EXPECT_EQ(module->elem_segments[0].mode, SegmentMode::kActive);
  EXPECT_EQ(module->elem_segments[0].offset.body.at(0).imm, 2u);
  EXPECT_EQ(module->elem_segments[0].items.at(1).body.at(0).imm, 1u);
  EXPECT_EQ(module->elem_segments[1].mode, SegmentMode::kDeclared);
  EXPECT_EQ(module->elem_segments[2].mode, SegmentMode::kPassive);
  EXPECT_EQ(module->elem_segments[2].items.at(1).body.at(0).op, Op::kRefNull);
}

TEST(ModuleReader, NamesAndBrokenNames) {
  auto wasm = Wat("(module)");
  const auto named = Hex("00 15 04 6e 61 6d 65 00 04 03 61 62 63 01 08 02 00 01 66 63 02 68 69");
  wasm = Wat("(module (func) (func) (func))");
  wasm.insert(wasm.end(), named.begin(), named.end());
  auto module = Read(wasm);
  ASSERT_TRUE(module.has_value()) << module.error().message;
  EXPECT_EQ(module->name, "abc");
  EXPECT_EQ(module->func_names, (std::vector<std::string>{"f", "", ""}));  // the second index is out of range
  // A subsection that is longer than its section: ignored from there on.
  wasm[wasm.size() - 10] = std::byte{0x7f};
  module = Read(wasm);
  ASSERT_TRUE(module.has_value()) << module.error().message;
}

TEST(ModuleReader, StartAndGlobals) {
  const auto module =
      Read(Wat("(module (global i64 (i64.const -1)) (global v128 (v128.const i64x2 1 2)) "
               "(func $s) (start $s))"));
  ASSERT_TRUE(module.has_value()) << module.error().message;
  EXPECT_EQ(module->start, 0u);
  EXPECT_EQ(module->globals.at(0).init.body.size(), 1u);
  EXPECT_EQ(module->globals.at(0).init.body.at(0).imm, ~uint64_t{0});
  EXPECT_EQ(module->globals.at(1).init.v128s.at(0)[8], 2);
}

}  // namespace
}  // namespace guardc::compiler
