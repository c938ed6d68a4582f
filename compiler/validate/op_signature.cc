// The table, by signature. The letters of a signature are the operands from the deepest to the top, then the result:
// i i32, I i64, f f32, F f64, v v128, p the index type of the memory that is accessed.
#include "compiler/validate/op_signature.h"

#include <initializer_list>
#include <string_view>

namespace guardc::compiler {
namespace {

using Form = OpSignature::Form;
using enum Op;

struct Plain {
  std::string_view signature;
  std::initializer_list<Op> ops;
};
struct Access {
  std::string_view signature;
  uint8_t alignment;  // natural, log2 of bytes
  std::initializer_list<Op> ops;
};
struct Lane {
  std::string_view signature;
  uint8_t lanes;
  std::initializer_list<Op> ops;
};
struct LaneAccess {
  std::string_view signature;
  uint8_t alignment;
  uint8_t lanes;
  std::initializer_list<Op> ops;
};

// Core specification 3.3.1 and 3.3.3, relaxed SIMD, threads.
constexpr Plain kPlain[] = {
    {":i", {kI32Const}},
    {":I", {kI64Const}},
    {":f", {kF32Const}},
    {":F", {kF64Const}},
    {"i:i", {kI32Eqz, kI32Clz, kI32Ctz, kI32Popcnt, kI32Extend8S, kI32Extend16S}},
    {"ii:i", {kI32Eq,  kI32Ne,  kI32LtS, kI32LtU,  kI32GtS,  kI32GtU,  kI32LeS,  kI32LeU,  kI32GeS,
              kI32GeU, kI32Add, kI32Sub, kI32Mul,  kI32DivS, kI32DivU, kI32RemS, kI32RemU, kI32And,
              kI32Or,  kI32Xor, kI32Shl, kI32ShrS, kI32ShrU, kI32Rotl, kI32Rotr}},
    {"I:i", {kI64Eqz, kI32WrapI64}},
    {"II:i", {kI64Eq, kI64Ne, kI64LtS, kI64LtU, kI64GtS, kI64GtU, kI64LeS, kI64LeU, kI64GeS, kI64GeU}},
    {"ff:i", {kF32Eq, kF32Ne, kF32Lt, kF32Gt, kF32Le, kF32Ge}},
    {"FF:i", {kF64Eq, kF64Ne, kF64Lt, kF64Gt, kF64Le, kF64Ge}},
    {"I:I", {kI64Clz, kI64Ctz, kI64Popcnt, kI64Extend8S, kI64Extend16S, kI64Extend32S}},
    {"II:I",
     {kI64Add, kI64Sub, kI64Mul, kI64DivS, kI64DivU, kI64RemS, kI64RemU, kI64And, kI64Or, kI64Xor, kI64Shl, kI64ShrS,
      kI64ShrU, kI64Rotl, kI64Rotr}},
    {"f:f", {kF32Abs, kF32Neg, kF32Ceil, kF32Floor, kF32Trunc, kF32Nearest, kF32Sqrt}},
    {"ff:f", {kF32Add, kF32Sub, kF32Mul, kF32Div, kF32Min, kF32Max, kF32Copysign}},
    {"F:F", {kF64Abs, kF64Neg, kF64Ceil, kF64Floor, kF64Trunc, kF64Nearest, kF64Sqrt}},
    {"FF:F", {kF64Add, kF64Sub, kF64Mul, kF64Div, kF64Min, kF64Max, kF64Copysign}},
    {"f:i", {kI32TruncF32S, kI32TruncF32U, kI32ReinterpretF32, kI32TruncSatF32S, kI32TruncSatF32U}},
    {"F:i", {kI32TruncF64S, kI32TruncF64U, kI32TruncSatF64S, kI32TruncSatF64U}},
    {"i:I", {kI64ExtendI32S, kI64ExtendI32U}},
    {"f:I", {kI64TruncF32S, kI64TruncF32U, kI64TruncSatF32S, kI64TruncSatF32U}},
    {"F:I", {kI64TruncF64S, kI64TruncF64U, kI64ReinterpretF64, kI64TruncSatF64S, kI64TruncSatF64U}},
    {"i:f", {kF32ConvertI32S, kF32ConvertI32U, kF32ReinterpretI32}},
    {"I:f", {kF32ConvertI64S, kF32ConvertI64U}},
    {"F:f", {kF32DemoteF64}},
    {"i:F", {kF64ConvertI32S, kF64ConvertI32U}},
    {"I:F", {kF64ConvertI64S, kF64ConvertI64U, kF64ReinterpretI64}},
    {"f:F", {kF64PromoteF32}},
    {":v", {kV128Const}},
    {"vv:v",
     {kI8X16Swizzle,
      kI8X16Eq,
      kI8X16Ne,
      kI8X16LtS,
      kI8X16LtU,
      kI8X16GtS,
      kI8X16GtU,
      kI8X16LeS,
      kI8X16LeU,
      kI8X16GeS,
      kI8X16GeU,
      kI16X8Eq,
      kI16X8Ne,
      kI16X8LtS,
      kI16X8LtU,
      kI16X8GtS,
      kI16X8GtU,
      kI16X8LeS,
      kI16X8LeU,
      kI16X8GeS,
      kI16X8GeU,
      kI32X4Eq,
      kI32X4Ne,
      kI32X4LtS,
      kI32X4LtU,
      kI32X4GtS,
      kI32X4GtU,
      kI32X4LeS,
      kI32X4LeU,
      kI32X4GeS,
      kI32X4GeU,
      kF32X4Eq,
      kF32X4Ne,
      kF32X4Lt,
      kF32X4Gt,
      kF32X4Le,
      kF32X4Ge,
      kF64X2Eq,
      kF64X2Ne,
      kF64X2Lt,
      kF64X2Gt,
      kF64X2Le,
      kF64X2Ge,
      kV128And,
      kV128Andnot,
      kV128Or,
      kV128Xor,
      kI8X16NarrowI16X8S,
      kI8X16NarrowI16X8U,
      kI8X16Add,
      kI8X16AddSatS,
      kI8X16AddSatU,
      kI8X16Sub,
      kI8X16SubSatS,
      kI8X16SubSatU,
      kI8X16MinS,
      kI8X16MinU,
      kI8X16MaxS,
      kI8X16MaxU,
      kI8X16AvgrU,
      kI16X8Q15mulrSatS,
      kI16X8NarrowI32X4S,
      kI16X8NarrowI32X4U,
      kI16X8Add,
      kI16X8AddSatS,
      kI16X8AddSatU,
      kI16X8Sub,
      kI16X8SubSatS,
      kI16X8SubSatU,
      kI16X8Mul,
      kI16X8MinS,
      kI16X8MinU,
      kI16X8MaxS,
      kI16X8MaxU,
      kI16X8AvgrU,
      kI16X8ExtmulLowI8X16S,
      kI16X8ExtmulHighI8X16S,
      kI16X8ExtmulLowI8X16U,
      kI16X8ExtmulHighI8X16U,
      kI32X4Add,
      kI32X4Sub,
      kI32X4Mul,
      kI32X4MinS,
      kI32X4MinU,
      kI32X4MaxS,
      kI32X4MaxU,
      kI32X4DotI16X8S,
      kI32X4ExtmulLowI16X8S,
      kI32X4ExtmulHighI16X8S,
      kI32X4ExtmulLowI16X8U,
      kI32X4ExtmulHighI16X8U,
      kI64X2Add,
      kI64X2Sub,
      kI64X2Mul,
      kI64X2Eq,
      kI64X2Ne,
      kI64X2LtS,
      kI64X2GtS,
      kI64X2LeS,
      kI64X2GeS,
      kI64X2ExtmulLowI32X4S,
      kI64X2ExtmulHighI32X4S,
      kI64X2ExtmulLowI32X4U,
      kI64X2ExtmulHighI32X4U,
      kF32X4Add,
      kF32X4Sub,
      kF32X4Mul,
      kF32X4Div,
      kF32X4Min,
      kF32X4Max,
      kF32X4PMin,
      kF32X4PMax,
      kF64X2Add,
      kF64X2Sub,
      kF64X2Mul,
      kF64X2Div,
      kF64X2Min,
      kF64X2Max,
      kF64X2PMin,
      kF64X2PMax,
      kI8X16RelaxedSwizzle,
      kF32X4RelaxedMin,
      kF32X4RelaxedMax,
      kF64X2RelaxedMin,
      kF64X2RelaxedMax,
      kI16X8RelaxedQ15mulrS,
      kI16X8DotI8X16I7X16S}},
    {"i:v", {kI8X16Splat, kI16X8Splat, kI32X4Splat}},
    {"I:v", {kI64X2Splat}},
    {"f:v", {kF32X4Splat}},
    {"F:v", {kF64X2Splat}},
    {"v:v",
     {kV128Not,
      kF32X4DemoteF64X2Zero,
      kF64X2PromoteLowF32X4,
      kI8X16Abs,
      kI8X16Neg,
      kI8X16Popcnt,
      kI16X8ExtaddPairwiseI8X16S,
      kI16X8ExtaddPairwiseI8X16U,
      kI32X4ExtaddPairwiseI16X8S,
      kI32X4ExtaddPairwiseI16X8U,
      kI16X8Abs,
      kI16X8Neg,
      kI16X8ExtendLowI8X16S,
      kI16X8ExtendHighI8X16S,
      kI16X8ExtendLowI8X16U,
      kI16X8ExtendHighI8X16U,
      kI32X4Abs,
      kI32X4Neg,
      kI32X4ExtendLowI16X8S,
      kI32X4ExtendHighI16X8S,
      kI32X4ExtendLowI16X8U,
      kI32X4ExtendHighI16X8U,
      kI64X2Abs,
      kI64X2Neg,
      kI64X2ExtendLowI32X4S,
      kI64X2ExtendHighI32X4S,
      kI64X2ExtendLowI32X4U,
      kI64X2ExtendHighI32X4U,
      kF32X4Ceil,
      kF32X4Floor,
      kF32X4Trunc,
      kF32X4Nearest,
      kF64X2Ceil,
      kF64X2Floor,
      kF64X2Trunc,
      kF64X2Nearest,
      kF32X4Abs,
      kF32X4Neg,
      kF32X4Sqrt,
      kF64X2Abs,
      kF64X2Neg,
      kF64X2Sqrt,
      kI32X4TruncSatF32X4S,
      kI32X4TruncSatF32X4U,
      kF32X4ConvertI32X4S,
      kF32X4ConvertI32X4U,
      kI32X4TruncSatF64X2SZero,
      kI32X4TruncSatF64X2UZero,
      kF64X2ConvertLowI32X4S,
      kF64X2ConvertLowI32X4U,
      kI32X4RelaxedTruncF32X4S,
      kI32X4RelaxedTruncF32X4U,
      kI32X4RelaxedTruncF64X2SZero,
      kI32X4RelaxedTruncF64X2UZero}},
    {"vvv:v",
     {kV128BitSelect, kF32X4RelaxedMadd, kF32X4RelaxedNmadd, kF64X2RelaxedMadd, kF64X2RelaxedNmadd,
      kI8X16RelaxedLaneSelect, kI16X8RelaxedLaneSelect, kI32X4RelaxedLaneSelect, kI64X2RelaxedLaneSelect,
      kI32X4DotI8X16I7X16AddS}},
    {"v:i",
     {kV128AnyTrue, kI8X16AllTrue, kI8X16Bitmask, kI16X8AllTrue, kI16X8Bitmask, kI32X4AllTrue, kI32X4Bitmask,
      kI64X2AllTrue, kI64X2Bitmask}},
    {"vi:v",
     {kI8X16Shl, kI8X16ShrS, kI8X16ShrU, kI16X8Shl, kI16X8ShrS, kI16X8ShrU, kI32X4Shl, kI32X4ShrS, kI32X4ShrU,
      kI64X2Shl, kI64X2ShrS, kI64X2ShrU}},
    {":", {kAtomicFence}},
};

// Core specification 3.3.7: an alignment up to the natural one.
constexpr Access kAccesses[] = {
    {"p:i", 2, {kI32Load}},
    {"p:I", 3, {kI64Load}},
    {"p:f", 2, {kF32Load}},
    {"p:F", 3, {kF64Load}},
    {"p:i", 0, {kI32Load8S, kI32Load8U}},
    {"p:i", 1, {kI32Load16S, kI32Load16U}},
    {"p:I", 0, {kI64Load8S, kI64Load8U}},
    {"p:I", 1, {kI64Load16S, kI64Load16U}},
    {"p:I", 2, {kI64Load32S, kI64Load32U}},
    {"pi:", 2, {kI32Store}},
    {"pI:", 3, {kI64Store}},
    {"pf:", 2, {kF32Store}},
    {"pF:", 3, {kF64Store}},
    {"pi:", 0, {kI32Store8}},
    {"pi:", 1, {kI32Store16}},
    {"pI:", 0, {kI64Store8}},
    {"pI:", 1, {kI64Store16}},
    {"pI:", 2, {kI64Store32}},
    {"p:v", 4, {kV128Load}},
    {"p:v",
     3,
     {kV128Load8X8S, kV128Load8X8U, kV128Load16X4S, kV128Load16X4U, kV128Load32X2S, kV128Load32X2U, kV128Load64Splat,
      kV128Load64Zero}},
    {"p:v", 0, {kV128Load8Splat}},
    {"p:v", 1, {kV128Load16Splat}},
    {"p:v", 2, {kV128Load32Splat, kV128Load32Zero}},
    {"pv:", 4, {kV128Store}},
};

// Threads proposal: exactly the natural alignment.
constexpr Access kAtomicAccesses[] = {
    {"pi:i",
     2,
     {kMemoryAtomicNotify, kI32AtomicRmwAdd, kI32AtomicRmwSub, kI32AtomicRmwAnd, kI32AtomicRmwOr, kI32AtomicRmwXor,
      kI32AtomicRmwXchg}},
    {"piI:i", 2, {kMemoryAtomicWait32}},
    {"pII:i", 3, {kMemoryAtomicWait64}},
    {"p:i", 2, {kI32AtomicLoad}},
    {"p:I", 3, {kI64AtomicLoad}},
    {"p:i", 0, {kI32AtomicLoad8U}},
    {"p:i", 1, {kI32AtomicLoad16U}},
    {"p:I", 0, {kI64AtomicLoad8U}},
    {"p:I", 1, {kI64AtomicLoad16U}},
    {"p:I", 2, {kI64AtomicLoad32U}},
    {"pi:", 2, {kI32AtomicStore}},
    {"pI:", 3, {kI64AtomicStore}},
    {"pi:", 0, {kI32AtomicStore8}},
    {"pi:", 1, {kI32AtomicStore16}},
    {"pI:", 0, {kI64AtomicStore8}},
    {"pI:", 1, {kI64AtomicStore16}},
    {"pI:", 2, {kI64AtomicStore32}},
    {"pI:I",
     3,
     {kI64AtomicRmwAdd, kI64AtomicRmwSub, kI64AtomicRmwAnd, kI64AtomicRmwOr, kI64AtomicRmwXor, kI64AtomicRmwXchg}},
    {"pi:i",
     0,
     {kI32AtomicRmw8AddU, kI32AtomicRmw8SubU, kI32AtomicRmw8AndU, kI32AtomicRmw8OrU, kI32AtomicRmw8XorU,
      kI32AtomicRmw8XchgU}},
    {"pi:i",
     1,
     {kI32AtomicRmw16AddU, kI32AtomicRmw16SubU, kI32AtomicRmw16AndU, kI32AtomicRmw16OrU, kI32AtomicRmw16XorU,
      kI32AtomicRmw16XchgU}},
    {"pI:I",
     0,
     {kI64AtomicRmw8AddU, kI64AtomicRmw8SubU, kI64AtomicRmw8AndU, kI64AtomicRmw8OrU, kI64AtomicRmw8XorU,
      kI64AtomicRmw8XchgU}},
    {"pI:I",
     1,
     {kI64AtomicRmw16AddU, kI64AtomicRmw16SubU, kI64AtomicRmw16AndU, kI64AtomicRmw16OrU, kI64AtomicRmw16XorU,
      kI64AtomicRmw16XchgU}},
    {"pI:I",
     2,
     {kI64AtomicRmw32AddU, kI64AtomicRmw32SubU, kI64AtomicRmw32AndU, kI64AtomicRmw32OrU, kI64AtomicRmw32XorU,
      kI64AtomicRmw32XchgU}},
    {"pii:i", 2, {kI32AtomicRmwCmpxchg}},
    {"pII:I", 3, {kI64AtomicRmwCmpxchg}},
    {"pii:i", 0, {kI32AtomicRmw8CmpxchgU}},
    {"pii:i", 1, {kI32AtomicRmw16CmpxchgU}},
    {"pII:I", 0, {kI64AtomicRmw8CmpxchgU}},
    {"pII:I", 1, {kI64AtomicRmw16CmpxchgU}},
    {"pII:I", 2, {kI64AtomicRmw32CmpxchgU}},
};

// Core specification 3.3.3: the lane index is below the number of lanes.
constexpr Lane kLanes[] = {
    {"v:i", 16, {kI8X16ExtractLaneS, kI8X16ExtractLaneU}},
    {"vi:v", 16, {kI8X16ReplaceLane}},
    {"v:i", 8, {kI16X8ExtractLaneS, kI16X8ExtractLaneU}},
    {"vi:v", 8, {kI16X8ReplaceLane}},
    {"v:i", 4, {kI32X4ExtractLane}},
    {"vi:v", 4, {kI32X4ReplaceLane}},
    {"v:I", 2, {kI64X2ExtractLane}},
    {"vI:v", 2, {kI64X2ReplaceLane}},
    {"v:f", 4, {kF32X4ExtractLane}},
    {"vf:v", 4, {kF32X4ReplaceLane}},
    {"v:F", 2, {kF64X2ExtractLane}},
    {"vF:v", 2, {kF64X2ReplaceLane}},
};

constexpr LaneAccess kLaneAccesses[] = {
    {"pv:v", 0, 16, {kV128Load8Lane}}, {"pv:v", 1, 8, {kV128Load16Lane}}, {"pv:v", 2, 4, {kV128Load32Lane}},
    {"pv:v", 3, 2, {kV128Load64Lane}}, {"pv:", 0, 16, {kV128Store8Lane}}, {"pv:", 1, 8, {kV128Store16Lane}},
    {"pv:", 2, 4, {kV128Store32Lane}}, {"pv:", 3, 2, {kV128Store64Lane}},
};

constexpr ValType TypeOf(char letter) {
  switch (letter) {
    case 'i':
      return ValType::kI32;
    case 'I':
      return ValType::kI64;
    case 'f':
      return ValType::kF32;
    case 'F':
      return ValType::kF64;
    case 'v':
      return ValType::kV128;
    default:
      return OpSignature::kIndexType;
  }
}

class Table {
 public:
  constexpr Table() {
    for (const Plain& row : kPlain) Add(row.ops, row.signature, {.form = Form::kPlain});
    for (const Access& row : kAccesses) {
      Add(row.ops, row.signature, {.form = Form::kAccess, .alignment = row.alignment});
    }
    for (const Access& row : kAtomicAccesses) {
      Add(row.ops, row.signature, {.form = Form::kAtomicAccess, .alignment = row.alignment});
    }
    for (const Lane& row : kLanes) Add(row.ops, row.signature, {.form = Form::kLane, .lanes = row.lanes});
    for (const LaneAccess& row : kLaneAccesses) {
      Add(row.ops, row.signature, {.form = Form::kLaneAccess, .alignment = row.alignment, .lanes = row.lanes});
    }
  }

  constexpr const OpSignature& Of(Op op) const { return signatures_[static_cast<size_t>(op)]; }

 private:
  constexpr void Add(std::initializer_list<Op> ops, std::string_view text, OpSignature signature) {
    const size_t colon = text.find(':');
    signature.operand_count = static_cast<uint8_t>(colon);
    for (size_t i = 0; i < colon; ++i) signature.operands[i] = TypeOf(text[i]);
    signature.has_result = colon + 1 < text.size();
    if (signature.has_result) signature.result = TypeOf(text[colon + 1]);
    for (const Op op : ops) signatures_[static_cast<size_t>(op)] = signature;
  }

  std::array<OpSignature, kOpCount> signatures_{};
};

constexpr Table kTable;

}  // namespace

const OpSignature& SignatureOf(Op op) { return kTable.Of(op); }

}  // namespace guardc::compiler
