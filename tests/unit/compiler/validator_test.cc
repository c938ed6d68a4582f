// The second validator (compiler/validate), with wabt's validation off: what is invalid must be refused by ours alone.
// The instructions of fixed type are tested from the table: each operand and each result with every type but its own.
#include <gmock/gmock.h>
#include <wabt/opcode.h>

#include <array>
#include <span>
#include <string>
#include <vector>

#include "compiler/frontend/wabt_reader.h"
#include "compiler/validate/op_signature.h"
#include "tests/unit/compiler/wat.h"

namespace guardc::compiler {
namespace {

using test::Wat;
using testing::HasSubstr;
using Form = OpSignature::Form;

constexpr std::array kTypes = {ValType::kI32,  ValType::kI64,     ValType::kF32,      ValType::kF64,
                               ValType::kV128, ValType::kFuncRef, ValType::kExternRef};

using Bytes = std::vector<uint8_t>;

void Append(Bytes& out, const Bytes& more) { out.insert(out.end(), more.begin(), more.end()); }

void AppendLeb(Bytes& out, size_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<uint8_t>(value | 0x80));
  out.push_back(static_cast<uint8_t>(value));
}

Bytes Section(uint8_t id, const Bytes& contents) {
  Bytes out{id};
  AppendLeb(out, contents.size());
  Append(out, contents);
  return out;
}

// A module with one memory, and one function with a local of each type of kTypes.
std::vector<std::byte> WithCode(const Bytes& code, bool is_64) {
  Bytes module{0, 'a', 's', 'm', 1, 0, 0, 0};
  Append(module, Section(1, {1, 0x60, 0, 0}));
  Append(module, Section(3, {1, 0}));
  Append(module, Section(5, {1, static_cast<uint8_t>(is_64 ? 4 : 0), 1}));
  Bytes body{static_cast<uint8_t>(kTypes.size())};
  for (const ValType type : kTypes) Append(body, {1, static_cast<uint8_t>(type)});
  Append(body, code);
  body.push_back(0x0b);
  Bytes function{1};
  AppendLeb(function, body.size());
  Append(function, body);
  Append(module, Section(10, function));
  const auto bytes = std::as_bytes(std::span(module));
  return {bytes.begin(), bytes.end()};
}

Bytes Push(ValType type) {
  switch (type) {
    case ValType::kI32:
      return {0x41, 0};
    case ValType::kI64:
      return {0x42, 0};
    case ValType::kF32:
      return {0x43, 0, 0, 0, 0};
    case ValType::kF64:
      return {0x44, 0, 0, 0, 0, 0, 0, 0, 0};
    case ValType::kV128: {
      Bytes out{0xfd, 0x0c};
      out.resize(18);
      return out;
    }
    default:
      return {0xd0, static_cast<uint8_t>(type)};
  }
}

// local.set of the local of this type.
Bytes Take(ValType type) {
  const auto* found = std::ranges::find(kTypes, type);
  return {0x21, static_cast<uint8_t>(found - kTypes.begin())};
}

wabt::Opcode OpcodeOf(Op op) { return wabt::Opcode(static_cast<wabt::Opcode::Enum>(op)); }

Bytes Encode(Op op, uint8_t alignment, uint8_t lane) {
  const wabt::Opcode opcode = OpcodeOf(op);
  Bytes out;
  if (opcode.GetPrefix() != 0) out.push_back(opcode.GetPrefix());
  AppendLeb(out, opcode.GetCode());
  if (opcode.GetPrefix() == 0) out = {static_cast<uint8_t>(opcode.GetCode())};
  const OpSignature& signature = SignatureOf(op);
  if (signature.form == Form::kPlain && op == Op::kAtomicFence) out.push_back(0);
  if (signature.form == Form::kPlain && signature.operand_count == 0 && signature.has_result) {
    return Push(signature.result);  // a constant
  }
  if (signature.form == Form::kAccess || signature.form == Form::kAtomicAccess || signature.form == Form::kLaneAccess) {
    out.push_back(alignment);
    out.push_back(0);
  }
  if (signature.form == Form::kLane || signature.form == Form::kLaneAccess) out.push_back(lane);
  return out;
}

std::vector<Op> TypedOps() {
  std::vector<Op> ops;
  for (size_t i = 0; i < kOpCount; ++i) {
    if (SignatureOf(static_cast<Op>(i)).form != Form::kOwn) ops.push_back(static_cast<Op>(i));
  }
  return ops;
}

struct Snippet {
  Op op;
  bool is_64;
  std::vector<ValType> operands;  // as the instruction wants them
  Bytes code;                     // the instruction

  Snippet(Op the_op, bool has_memory_64) : op(the_op), is_64(has_memory_64) {
    const OpSignature& signature = SignatureOf(op);
    for (size_t i = 0; i < signature.operand_count; ++i) {
      const ValType type = signature.operands[i];
      operands.push_back(type != OpSignature::kIndexType ? type : is_64 ? ValType::kI64 : ValType::kI32);
    }
    code = Encode(op, signature.alignment, 0);
  }

  // With the operands given, the instruction, and a consumer of the result.
  std::vector<std::byte> Module(const std::vector<ValType>& pushed, ValType result, const Bytes& before = {}) const {
    Bytes body = before;
    for (const ValType type : pushed) Append(body, Push(type));
    Append(body, code);
    if (SignatureOf(op).has_result) Append(body, Take(result));
    return WithCode(body, is_64);
  }
};

Result<Module> Alone(std::span<const std::byte> wasm) { return ReadModule(wasm, {}, FirstValidator::kNone); }

void ExpectMismatch(const Result<Module>& read, Op op) {
  ASSERT_FALSE(read.has_value()) << OpName(op);
  EXPECT_EQ(ErrorKindName(read.error().kind), ErrorKindName(ErrorKind::kInvalidWasm)) << read.error().message;
  EXPECT_THAT(read.error().message, HasSubstr("type mismatch")) << OpName(op);
  EXPECT_TRUE(read.error().details().module_offset.has_value());
}

TEST(Validator, TakesEachInstructionAsItIsTyped) {
  EXPECT_GT(TypedOps().size(), 450u);
  for (const Op op : TypedOps()) {
    for (const bool is_64 : {false, true}) {
      const Snippet snippet(op, is_64);
      const auto wasm = snippet.Module(snippet.operands, SignatureOf(op).result);
      for (const FirstValidator first : {FirstValidator::kWabt, FirstValidator::kNone}) {
        const auto read = ReadModule(wasm, {}, first);
        EXPECT_TRUE(read.has_value()) << OpName(op) << ": " << read.error().message;
      }
    }
  }
}

TEST(Validator, RefusesEachOperandOfAnotherType) {
  for (const Op op : TypedOps()) {
    for (const bool is_64 : {false, true}) {
      const Snippet snippet(op, is_64);
      for (size_t i = 0; i < snippet.operands.size(); ++i) {
        for (const ValType type : kTypes) {
          if (type == snippet.operands[i]) continue;
          auto operands = snippet.operands;
          operands[i] = type;
          ExpectMismatch(Alone(snippet.Module(operands, SignatureOf(op).result)), op);
        }
      }
      if (snippet.operands.empty()) continue;
      // One too few, with one below the block that it must not take.
      const std::vector<ValType> fewer(snippet.operands.begin() + 1, snippet.operands.end());
      ExpectMismatch(Alone(snippet.Module(fewer, SignatureOf(op).result)), op);
    }
  }
}

TEST(Validator, RefusesEachResultOfAnotherType) {
  for (const Op op : TypedOps()) {
    if (!SignatureOf(op).has_result) continue;
    const Snippet snippet(op, false);
    for (const ValType type : kTypes) {
      if (type == SignatureOf(op).result) continue;
      ExpectMismatch(Alone(snippet.Module(snippet.operands, type)), op);
      // Code that cannot be reached is typed as well.
      ExpectMismatch(Alone(snippet.Module({}, type, {0x00})), op);
    }
    EXPECT_TRUE(Alone(snippet.Module({}, SignatureOf(op).result, {0x00})).has_value()) << OpName(op);
  }
}

TEST(Validator, RefusesImmediatesOutOfRange) {
  for (const Op op : TypedOps()) {
    const OpSignature& signature = SignatureOf(op);
    Snippet snippet(op, false);
    const auto refused = [&](uint8_t alignment, uint8_t lane, const char* text) {
      snippet.code = Encode(op, alignment, lane);
      const auto read = Alone(snippet.Module(snippet.operands, signature.result));
      ASSERT_FALSE(read.has_value()) << OpName(op) << " alignment " << int{alignment} << " lane " << int{lane};
      EXPECT_THAT(read.error().message, HasSubstr(text));
    };
    if (signature.form == Form::kLane || signature.form == Form::kLaneAccess) {
      for (const int lane : {int{signature.lanes}, 31, 32, 64, 255}) {
        refused(signature.alignment, static_cast<uint8_t>(lane), "invalid lane index");
      }
    }
    const bool is_atomic = signature.form == Form::kAtomicAccess;
    if (is_atomic || signature.form == Form::kAccess || signature.form == Form::kLaneAccess) {
      for (const int alignment : {signature.alignment + 1, 5, 8, 31, 63}) {
        refused(static_cast<uint8_t>(alignment), 0, "invalid alignment");
      }
    }
    if (is_atomic && signature.alignment > 0) {
      refused(static_cast<uint8_t>(signature.alignment - 1), 0, "invalid alignment");
    }
  }
}

// The table was not made from wabt's; where the two say the same, two people have read the specification alike.
TEST(Validator, TheTableAgreesWithWabts) {
  const auto letter = [](wabt::Type type) { return static_cast<int>(static_cast<wabt::Type::Enum>(type)) & 0x7f; };
  const auto expect = [&](Op op, wabt::Type wabt, ValType ours) {
    const ValType type = ours == OpSignature::kIndexType ? ValType::kI32 : ours;
    EXPECT_EQ(letter(wabt), static_cast<int>(type)) << OpName(op);
  };
  for (const Op op : TypedOps()) {
    const OpSignature& signature = SignatureOf(op);
    const wabt::Opcode opcode = OpcodeOf(op);
    const wabt::Type wabt_types[] = {opcode.GetParamType1(), opcode.GetParamType2(), opcode.GetParamType3()};
    for (size_t i = 0; i < signature.operand_count; ++i) expect(op, wabt_types[i], signature.operands[i]);
    if (signature.has_result) {
      expect(op, opcode.GetResultType(), signature.result);
    } else {
      EXPECT_TRUE(opcode.GetResultType() == wabt::Type::Void) << OpName(op);
    }
    if (signature.form == Form::kAccess || signature.form == Form::kAtomicAccess ||
        signature.form == Form::kLaneAccess) {
      EXPECT_EQ(opcode.GetMemorySize(), 1u << signature.alignment) << OpName(op);
    }
    if (signature.form == Form::kLane) {
      EXPECT_EQ(opcode.GetSimdLaneCount(), signature.lanes) << OpName(op);
    }
  }
}

// ---- Instructions with rules of their own ---------------------------------------------------------------------------

// What the functions below can use.
constexpr const char kDeclarations[] = R"(
  (type $none (func)) (type $take (func (param i32 i64))) (type $give (func (result i32 i64)))
  (type $both (func (param i32 i64) (result i32 i64)))
  (memory $m 1) (memory $m64 i64 1)
  (table $f 4 funcref) (table $x 4 externref)
  (global $i (mut i32) (i32.const 0)) (global $r (mut funcref) (ref.null func)) (global $k i32 (i32.const 0))
  (elem $ef func $known) (elem $ex externref (ref.null extern)) (data $d "abc")
  (func $known) (func $unknown)
  (func $takes (param i32 i64) unreachable) (func $gives (result i32 i64) unreachable)
)";

std::vector<std::byte> Body(const std::string& code, const std::string& signature = "") {
  return Wat("(module " + std::string(kDeclarations) + "(func $f " + signature + " (local $i i32) (local $I i64) " +
             "(local $v v128) (local $r funcref) (local $e externref) " + code + "))");
}

TEST(Validator, TakesWhatIsTyped) {
  for (const char* code : {
           "block end loop end",
           "i32.const 1 if end",
           "i32.const 1 if else end",
           "block (result i32) i32.const 1 br 0 end drop",
           "i32.const 1 i64.const 2 block (type $both) end drop drop",
           "i32.const 1 i64.const 2 i32.const 0 if (type $both) end drop drop",
           "i32.const 1 i64.const 2 loop (type $both) br 0 end drop drop",
           "block (result i32) i32.const 7 i32.const 1 br_if 0 end drop",
           "block block i32.const 0 br_table 0 1 0 end end",
           "block (result i32) block (result i32) i32.const 1 i32.const 0 br_table 0 1 end drop i32.const 2 end drop",
           "unreachable select drop",
           "unreachable select (result i64) drop",
           "return i32.add drop",
           "unreachable br_if 0",
           "block (result i32) unreachable br_table 0 0 end drop",
           "i64.const 1 i64.const 2 i32.const 0 select drop",
           "ref.null func ref.null func i32.const 0 select (result funcref) drop",
           "i32.const 1 i64.const 2 call $takes",
           "call $gives drop drop",
           "i32.const 1 i64.const 2 i32.const 0 call_indirect $f (type $take)",
           "return_call $known",
           "i32.const 0 return_call_indirect $f (type $none)",
           "local.get $i local.set $i",
           "i64.const 1 local.tee $I drop",
           "global.get $i global.set $i",
           "memory.size $m i32.const 1 i32.add drop",
           "memory.size $m64 i64.const 1 i64.add drop",
           "i32.const 1 memory.grow $m drop",
           "i64.const 1 memory.grow $m64 drop",
           "i32.const 0 i32.const 0 i32.const 0 memory.fill $m",
           "i64.const 0 i32.const 0 i64.const 0 memory.fill $m64",
           "i32.const 0 i64.const 0 i32.const 0 memory.copy $m $m64",
           "i64.const 0 i64.const 0 i64.const 0 memory.copy $m64 $m64",
           "i64.const 0 i32.const 0 i32.const 0 memory.init $m64 $d",
           "data.drop $d",
           "i32.const 0 table.get $f local.set $r",
           "i32.const 0 local.get $e table.set $x",
           "table.size $x drop",
           "local.get $r i32.const 1 table.grow $f drop",
           "i32.const 0 local.get $e i32.const 1 table.fill $x",
           "i32.const 0 i32.const 0 i32.const 0 table.copy $f $f",
           "i32.const 0 i32.const 0 i32.const 0 table.init $x $ex",
           "elem.drop $ef",
           "ref.null extern ref.is_null drop",
           "ref.func $known drop",
           "unreachable ref.is_null drop",
           "local.get $v local.get $v i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 31 drop",
       }) {
    for (const FirstValidator first : {FirstValidator::kWabt, FirstValidator::kNone}) {
      const auto read = ReadModule(Body(code), {}, first);
      EXPECT_TRUE(read.has_value()) << code << ": " << read.error().message;
    }
  }
}

TEST(Validator, RefusesWhatIsNot) {
  for (const char* code : {
           // Blocks
           "block i32.const 1 end",
           "block (result i32) end drop",
           "block (result i32) i64.const 1 end drop",
           "block (type $both) end",
           "i64.const 1 i64.const 2 block (type $both) end drop drop",
           "i32.const 1 block drop end",
           "loop (result i32) end drop",
           "i64.const 1 if end",
           "if end",
           "i32.const 1 if (result i32) i32.const 1 end drop",
           "i32.const 1 if i32.const 2 else end",
           "i32.const 1 if (result i32) i32.const 1 else i64.const 1 end drop",
           "i32.const 1 i64.const 2 i32.const 0 if (type $take) end",
           "unreachable block (result i32) i64.const 1 end drop",
           "block unreachable i32.const 1 end",
           "i32.const 1",
           // Branches
           "br 1",
           "br_if 1",
           "i64.const 0 br_if 0",
           "br_if 0",
           "i32.const 0 br_table 0 1",
           "br_table 0",
           "i64.const 0 br_table 0",
           "block (result i32) br 0 end drop",
           "block (result i32) i64.const 1 br 0 end drop",
           "block (result i32) i32.const 1 br_if 0 end drop",
           "block (result i32) i64.const 1 i32.const 1 br_if 0 drop i32.const 1 end drop",
           "block (result i32) unreachable br_if 0 i64.eqz end drop",
           "block block (result i32) i32.const 1 i32.const 0 br_table 0 1 end drop end",
           "block (result i64) block (result i32) i32.const 1 i32.const 0 br_table 0 1 end drop i64.const 1 end drop",
           "i32.const 1 i64.const 2 loop (type $both) i32.const 1 br 0 end drop drop",
           // Select
           "i32.const 1 i64.const 1 i32.const 0 select drop",
           "i32.const 1 i32.const 1 i64.const 0 select drop",
           "i32.const 1 i32.const 0 select drop",
           "ref.null func ref.null func i32.const 0 select drop",
           "unreachable ref.null func i32.const 0 select drop",
           "i64.const 1 i64.const 1 i32.const 0 select (result i32) drop",
           "i32.const 1 i64.const 1 i32.const 0 select (result i32) drop",
           "i64.const 1 i64.const 1 i32.const 0 select (result i64) i32.load $m drop",
           "ref.null extern ref.null extern i32.const 0 select (result externref) local.set $r",
           "unreachable select (result i64) i32.eqz drop",
           "drop",
           // Calls
           "i32.const 1 i32.const 2 call $takes",
           "i64.const 2 call $takes",
           "call $gives drop",
           "call $gives i64.eqz drop i64.eqz drop",
           "i32.const 1 i64.const 2 i64.const 0 call_indirect $f (type $take)",
           "i32.const 1 i64.const 2 i32.const 0 call_indirect $x (type $take)",
           "return_call $gives",
           "i32.const 1 return_call $takes",
           "i32.const 0 return_call_indirect $f (type $give)",
           "i32.const 0 return_call_indirect $x (type $none)",
           "call 99",
           "i32.const 0 call_indirect 9 (type $none)",
           // Variables
           "i64.const 1 local.set $i",
           "i32.const 1 local.tee $I drop",
           "i64.const 1 local.set $v",
           "local.set $i",
           "local.get $i local.set $v",
           "local.get $v local.set $i",
           "local.get $e local.set $r",
           "local.get 99 drop",
           "local.get $i local.tee $i local.set $I",
           "i64.const 1 global.set $i",
           "ref.null extern global.set $r",
           "i32.const 1 global.set $r",
           "i32.const 1 global.set $k",
           "global.get $r global.set $i",
           "global.get 99 drop",
           // Memories
           "memory.size $m local.set $I",
           "memory.size $m64 local.set $i",
           "i64.const 1 memory.grow $m drop",
           "i32.const 1 memory.grow $m64 drop",
           "i64.const 0 i32.const 0 i32.const 0 memory.fill $m",
           "i32.const 0 i64.const 0 i32.const 0 memory.fill $m",
           "i32.const 0 i32.const 0 i64.const 0 memory.fill $m",
           "i32.const 0 i64.const 0 i64.const 0 memory.copy $m $m64",
           "i64.const 0 i32.const 0 i32.const 0 memory.copy $m $m",
           "i32.const 0 i64.const 0 i32.const 0 memory.copy $m $m",
           "i32.const 0 i32.const 0 i64.const 0 memory.copy $m $m",
           "i64.const 0 i32.const 0 i32.const 0 memory.init $m $d",
           "i32.const 0 i64.const 0 i32.const 0 memory.init $m $d",
           "i32.const 0 i32.const 0 i64.const 0 memory.init $m $d",
           "data.drop 9",
           "i32.const 0 i32.const 0 i32.const 0 memory.init $m 9",
           // Tables and references
           "i64.const 0 table.get $f drop",
           "i32.const 0 table.get $f local.set $e",
           "i32.const 0 i64.const 0 table.set $f",
           "i32.const 0 local.get $e table.set $f",
           "i64.const 0 local.get $r table.set $f",
           "table.size $f local.set $I",
           "local.get $e i32.const 1 table.grow $f drop",
           "local.get $r i64.const 1 table.grow $f drop",
           "local.get $r i32.const 1 table.grow $f local.set $I",
           "i32.const 0 local.get $e i32.const 1 table.fill $f",
           "i64.const 0 local.get $r i32.const 1 table.fill $f",
           "i32.const 0 local.get $r i64.const 1 table.fill $f",
           "i32.const 0 i32.const 0 i32.const 0 table.copy $f $x",
           "i64.const 0 i32.const 0 i32.const 0 table.copy $f $f",
           "i32.const 0 i64.const 0 i32.const 0 table.copy $f $f",
           "i32.const 0 i32.const 0 i64.const 0 table.copy $f $f",
           "i32.const 0 i32.const 0 i32.const 0 table.init $f $ex",
           "i64.const 0 i32.const 0 i32.const 0 table.init $f $ef",
           "i32.const 0 i64.const 0 i32.const 0 table.init $f $ef",
           "i32.const 0 i32.const 0 i64.const 0 table.init $f $ef",
           "table.size 9 drop",
           "elem.drop 9",
           "i32.const 0 i32.const 0 i32.const 0 table.init $f 9",
           "ref.null func local.set $e",
           "i32.const 0 ref.is_null drop",
           "ref.null func ref.is_null local.set $I",
           "ref.func $unknown drop",
           "ref.func 99 drop",
           "ref.func $known local.set $e",
           "local.get $v local.get $i i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 31 drop",
           "local.get $v local.get $v i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 32 drop",
       }) {
    const auto read = Alone(Body(code));
    ASSERT_FALSE(read.has_value()) << code;
    EXPECT_EQ(ErrorKindName(read.error().kind), ErrorKindName(ErrorKind::kInvalidWasm)) << read.error().message;
    EXPECT_TRUE(read.error().details().module_offset.has_value()) << code;
    EXPECT_FALSE(ReadModule(Body(code), {}).has_value()) << code;
  }
  EXPECT_FALSE(Alone(Body("return", "(result i32)")).has_value());
  EXPECT_FALSE(Alone(Body("i64.const 1 return", "(result i32)")).has_value());
  EXPECT_FALSE(Alone(Body("i64.const 1", "(result i32)")).has_value());
  EXPECT_FALSE(Alone(Body("call $gives", "(result i32)")).has_value());
  EXPECT_FALSE(Alone(Body("return_call $known", "(result i32)")).has_value());
}

TEST(Validator, RefusesDeclarationsThatAreNotValid) {
  for (const char* fields : {
           "(memory 2 1)",
           "(memory 65537)",
           "(memory 1 65537)",
           "(memory i64 0x1000000000001)",
           "(table 2 1 funcref)",
           "(global i32 (i64.const 0))",
           "(global i32)",
           "(global i32 (i32.const 0) (i32.const 0))",
           "(global i32 (i32.clz (i32.const 0)))",
           "(global i32 (global.get 0))",
           "(global i32 (global.get 1))",
           "(import \"m\" \"g\" (global (mut i32))) (global i32 (global.get 0))",
           "(import \"m\" \"g\" (global i64)) (global i32 (global.get 0))",
           "(global i64 (i64.add (i64.const 0) (i32.const 0)))",
           "(global funcref (ref.null extern))",
           "(global funcref (ref.func 3))",
           "(global i32 (nop))",
           "(global v128 (i32.const 0))",
           "(func (param i32)) (start 0)",
           "(func (result i32) unreachable) (start 0)",
           "(start 0)",
           "(func) (export \"a\" (func 0)) (export \"a\" (func 0))",
           "(export \"a\" (func 0))",
           "(export \"a\" (table 0))",
           "(export \"a\" (memory 0))",
           "(export \"a\" (global 0))",
           "(elem (i32.const 0) func)",
           "(table 1 funcref) (elem (i64.const 0) func)",
           "(table 1 externref) (func) (elem (i32.const 0) func 0)",
           "(table 1 funcref) (elem (i32.const 0) func 0)",
           "(table 1 funcref) (elem (table 0) (i32.const 0) externref (ref.null extern))",
           "(elem funcref (ref.null extern))",
           "(global i32 (i32.const 0)) (elem funcref (global.get 0))",
           "(import \"m\" \"g\" (global externref)) (elem funcref (global.get 0))",
           "(data (i32.const 0) \"a\")",
           "(memory 1) (data (i64.const 0) \"a\")",
           "(memory i64 1) (data (i32.const 0) \"a\")",
           "(memory 1) (data (memory 1) (i32.const 0) \"a\")",
           "(memory 1) (data (offset) \"a\")",
           "(func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))",
           "(func (drop (i32.load (i32.const 0))))",
       }) {
    const auto wasm = Wat("(module " + std::string(fields) + ")");
    const auto read = Alone(wasm);
    ASSERT_FALSE(read.has_value()) << fields;
    EXPECT_EQ(ErrorKindName(read.error().kind), ErrorKindName(ErrorKind::kInvalidWasm)) << read.error().message;
    EXPECT_TRUE(read.error().details().module_offset.has_value()) << fields;
    EXPECT_FALSE(ReadModule(wasm, {}).has_value()) << fields;
  }
}

TEST(Validator, NamesTheInstructionAndTheTypes) {
  const auto read = Alone(Body("i64.const 1 i64.const 1 i32.const 0 select (result i64) i32.load $m drop"));
  ASSERT_FALSE(read.has_value());
  EXPECT_THAT(read.error().message, HasSubstr("type mismatch: i32.load expects i32, found i64"));
}

}  // namespace
}  // namespace guardc::compiler
