#include "compiler/frontend/element_section.h"

#include "base/format.h"
#include "compiler/frontend/byte_cursor.h"
#include "compiler/frontend/later_proposals.h"
#include "compiler/frontend/read_limits.h"
#include "compiler/frontend/wabt_glue.h"

namespace guardc::compiler {
namespace {

class ElementReader {
 public:
  ElementReader(std::span<const uint8_t> wasm, const SectionRange& range, const FeatureSet& features,
                WabtValidator& validator, Module& module)
      : wasm_(wasm),
        cursor_(wasm, range.begin, range.end),
        features_(features),
        validator_(validator),
        module_(module) {}

  Result<void> Read() {
    GUARDC_TRY(const uint32_t count, Number("number of element segments"));
    if (count > read_limits::kElemSegments) {
      return Limit(Format("{} element segments, the limit is {}", count, read_limits::kElemSegments));
    }
    for (uint32_t i = 0; i < count; ++i) GUARDC_CHECK(ReadSegment());
    if (!cursor_.AtEnd()) return Bad("the element section is longer than its segments");
    return {};
  }

 private:
  // Bits of a segment's first number (5.5.12).
  static constexpr uint32_t kNotActive = 1;
  static constexpr uint32_t kExplicit = 2;  // a table index if active, else declarative
  static constexpr uint32_t kExpressions = 4;

  Result<void> ReadSegment() {
    const auto in_wasm = static_cast<uint32_t>(cursor_.offset());
    GUARDC_TRY(const uint32_t flags, Number("kind of an element segment"));
    if (flags > 7) return Bad(Format("element segment of kind {}, expected 0 to 7", flags));
    ElemSegment segment;
    segment.in_wasm = in_wasm;
    auto kind = wabt::SegmentKind::Active;
    if ((flags & kNotActive) != 0) {
      const bool declared = (flags & kExplicit) != 0;
      segment.mode = declared ? SegmentMode::kDeclared : SegmentMode::kPassive;
      kind = declared ? wabt::SegmentKind::Declared : wabt::SegmentKind::Passive;
    } else {
      segment.mode = SegmentMode::kActive;
      if ((flags & kExplicit) != 0) {
        GUARDC_TRY(segment.table, Number("table index of an element segment"));
      }
    }
    GUARDC_CHECK(
        Check(validator_.Ask(&wabt::SharedValidator::OnElemSegment, Here(), wabt::Var(segment.table, Here()), kind)));
    if (segment.mode == SegmentMode::kActive) {
      GUARDC_CHECK(Check(validator_.Ask(&wabt::SharedValidator::BeginInitExpr, Here(), wabt::Type::I32)));
      GUARDC_TRY(segment.offset, ReadConstExpr());
      GUARDC_CHECK(Check(validator_.Ask(&wabt::SharedValidator::EndInitExpr)));
    }
    if ((flags & (kNotActive | kExplicit)) != 0) {
      GUARDC_TRY(segment.type, ReadElementType((flags & kExpressions) != 0));
    }
    GUARDC_CHECK(
        Check(validator_.Ask(&wabt::SharedValidator::OnElemSegmentElemType, Here(), ToWabtType(segment.type))));

    GUARDC_TRY(const uint32_t count, Number("number of elements"));
    if (count > cursor_.left()) return Bad("the element segment is longer than its section");
    items_ += count;
    if (items_ > read_limits::kElemItems) {
      return Limit(Format("more than {} elements in element segments", read_limits::kElemItems));
    }
    segment.items.reserve(count);
    for (uint32_t i = 0; i < count; ++i) {
      if ((flags & kExpressions) != 0) {
        GUARDC_TRY(ConstExpr item, ReadItemExpr());
        segment.items.push_back(std::move(item));
      } else {
        const size_t start = cursor_.offset();
        GUARDC_TRY(const uint32_t func, Number("function index of an element"));
        GUARDC_CHECK(Check(
            validator_.Ask(&wabt::SharedValidator::OnElemSegmentElemExpr_RefFunc, Here(), wabt::Var(func, Here()))));
        segment.items.push_back({{Make(Op::kRefFunc, func, start)}, {}});
      }
    }
    module_.elem_segments.push_back(std::move(segment));
    return {};
  }

  Result<ValType> ReadElementType(bool is_reference_type) {
    const size_t start = cursor_.offset();
    const auto byte = cursor_.U8();
    if (!byte) return Bad("the element section ends within a segment");
    if (!is_reference_type && *byte == 0) return ValType::kFuncRef;
    if (is_reference_type && (*byte == uint8_t(ValType::kFuncRef) || *byte == uint8_t(ValType::kExternRef))) {
      return ValType{*byte};
    }
    if (const auto proposal = ProposalOfType(*byte); is_reference_type && *byte < 0x80 && !proposal.empty()) {
      return FailAt(ErrorKind::kUnsupported, start,
                    Format("{}: the proposal is not supported (element type {:#04x})", proposal, *byte));
    }
    return InvalidAt(start, Format("malformed element type {:#04x}, expected {}", *byte,
                                   is_reference_type ? "funcref or externref" : "the kind 0x00 (funcref)"));
  }

  // One of ref.func, ref.null, global.get. (wabt's validator takes no global.get here; ours judges it.)
  Result<ConstExpr> ReadItemExpr() {
    const size_t start = cursor_.offset();
    const auto opcode = cursor_.U8();
    ConstExpr item;
    if (opcode == 0xd2) {
      GUARDC_TRY(const uint32_t func, Number("function index of an element"));
      GUARDC_CHECK(Check(
          validator_.Ask(&wabt::SharedValidator::OnElemSegmentElemExpr_RefFunc, Here(), wabt::Var(func, Here()))));
      item.body.push_back(Make(Op::kRefFunc, func, start));
    } else if (opcode == 0xd0) {
      ByteCursor ahead = cursor_;
      if (ahead.S32().value_or(-1) >= 0) {
        return FailAt(ErrorKind::kUnsupported, start,
                      "typed function references: the proposal is not supported (ref.null of a defined type)");
      }
      GUARDC_TRY(const ValType null_type, ReadElementType(true));
      GUARDC_CHECK(
          Check(validator_.Ask(&wabt::SharedValidator::OnElemSegmentElemExpr_RefNull, Here(), ToWabtType(null_type))));
      item.body.push_back(Make(Op::kRefNull, uint64_t(null_type), start));
    } else if (opcode == 0x23) {
      GUARDC_TRY(const uint32_t global, Number("global index of an element"));
      item.body.push_back(Make(Op::kGlobalGet, global, start));
    } else {
      return Unexpected(start, "an element must be one constant expression: ref.func, ref.null or global.get");
    }
    if (cursor_.U8() != 0x0b) return Bad("an element's expression must end after one instruction");
    return item;
  }

  // Up to and with `end`. Only what can give an i32; all else is no constant expression or of another type.
  Result<ConstExpr> ReadConstExpr() {
    ConstExpr expr;
    while (true) {
      const size_t start = cursor_.offset();
      const auto byte = cursor_.U8();
      if (!byte) return Bad("the element section ends within an expression");
      switch (*byte) {
        case 0x0b:
          return expr;
        case 0x41: {
          const auto value = cursor_.S32();
          if (!value) return Bad("malformed i32.const");
          GUARDC_CHECK(Check(validator_.Ask(&wabt::SharedValidator::OnConst, Here(), wabt::Type::I32)));
          expr.body.push_back(Make(Op::kI32Const, static_cast<uint32_t>(*value), start));
          break;
        }
        case 0x42: {
          const auto value = cursor_.S64();
          if (!value) return Bad("malformed i64.const");
          GUARDC_CHECK(Check(validator_.Ask(&wabt::SharedValidator::OnConst, Here(), wabt::Type::I64)));
          expr.body.push_back(Make(Op::kI64Const, static_cast<uint64_t>(*value), start));
          break;
        }
        case 0x23: {
          GUARDC_TRY(const uint32_t global, Number("global index"));
          GUARDC_CHECK(Check(validator_.Ask(&wabt::SharedValidator::OnGlobalGet, Here(), wabt::Var(global, Here()))));
          expr.body.push_back(Make(Op::kGlobalGet, global, start));
          break;
        }
        case 0x6a:  // i32.add, i32.sub, i32.mul, i64.add, i64.sub, i64.mul
        case 0x6b:
        case 0x6c:
        case 0x7c:
        case 0x7d:
        case 0x7e: {
          if (!features_.extended_const) return Bad("constant expression required, found arithmetic");
          const wabt::Opcode opcode = wabt::Opcode::FromCode(*byte);
          GUARDC_CHECK(Check(validator_.Ask(&wabt::SharedValidator::OnBinary, Here(), opcode)));
          expr.body.push_back(Make(static_cast<Op>(static_cast<wabt::Opcode::Enum>(opcode)), 0, start));
          break;
        }
        default:
          return Unexpected(start, Format("constant expression of type i32 required, found the opcode {:#04x}", *byte));
      }
      if (expr.body.size() > read_limits::kOperands) return Limit("a constant expression is too long");
    }
  }

  // The instruction there is none that an expression may have.
  std::unexpected<Error> Unexpected(size_t start, std::string_view text) const {
    const std::string_view proposal = ProposalOfOpcode(wasm_, start);
    if (proposal.empty()) return InvalidAt(start, text);
    return FailAt(ErrorKind::kUnsupported, start, Format("{}: the proposal is not supported ({})", proposal, text));
  }

  static Instr Make(Op op, uint64_t imm, size_t offset) {
    return {.op = op, .offset = static_cast<uint32_t>(offset), .imm = imm};
  }

  wabt::Location Here() const { return wabt::Location(cursor_.offset()); }
  Result<uint32_t> Number(std::string_view what) {
    if (const auto value = cursor_.U32()) return *value;
    return Bad(Format("malformed {}", what));
  }
  Result<void> Check(wabt::Result result) const {
    if (wabt::Succeeded(result)) return {};
    return FirstError(validator_.errors(), cursor_.offset());
  }
  std::unexpected<Error> Bad(std::string_view text) const { return InvalidAt(cursor_.offset(), text); }
  std::unexpected<Error> Limit(std::string_view text) const {
    return FailAt(ErrorKind::kLimit, cursor_.offset(), text);
  }

  std::span<const uint8_t> wasm_;
  ByteCursor cursor_;
  const FeatureSet& features_;
  WabtValidator& validator_;
  Module& module_;
  uint64_t items_ = 0;
};

}  // namespace

Result<void> ReadElementSection(std::span<const uint8_t> wasm, const SectionRange& range, const FeatureSet& features,
                                WabtValidator& validator, Module& module) {
  return ElementReader(wasm, range, features, validator, module).Read();
}

}  // namespace guardc::compiler
