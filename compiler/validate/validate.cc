#include "compiler/validate/validate.h"

#include <string_view>
#include <unordered_set>

#include "base/format.h"
#include "compiler/frontend/sections.h"
#include "compiler/validate/function_validator.h"
#include "compiler/validate/op_signature.h"

namespace guardc::compiler {
namespace {

constexpr uint64_t kMaxPages32 = uint64_t{1} << 16;
constexpr uint64_t kMaxPages64 = uint64_t{1} << 48;
constexpr uint64_t kMaxTableSize = UINT32_MAX;

class ModuleValidator {
 public:
  ModuleValidator(Module& module, const FeatureSet& features) : module_(module), features_(features) {}

  Result<void> Run() {
    FindReferableFunctions();
    GUARDC_CHECK(Tables());
    GUARDC_CHECK(Memories());
    GUARDC_CHECK(Globals());
    GUARDC_CHECK(Exports());
    GUARDC_CHECK(Start());
    GUARDC_CHECK(ElementSegments());
    GUARDC_CHECK(DataSegments());
    return Functions();
  }

 private:
  void FindReferableFunctions() {
    std::vector<bool>& referable = module_.referable_funcs;
    referable.assign(module_.func_types.size(), false);
    const auto add = [&](uint64_t func) {
      if (func < referable.size()) referable[func] = true;
    };
    const auto add_all = [&](const ConstExpr& expr) {
      for (const Instr& instr : expr.body) {
        if (instr.op == Op::kRefFunc) add(instr.imm);
      }
    };
    for (const Global& global : module_.globals) add_all(global.init);
    for (const ElemSegment& segment : module_.elem_segments) {
      for (const ConstExpr& item : segment.items) add_all(item);
    }
    for (const Export& exported : module_.exports) {
      if (exported.kind == ExternKind::kFunc) add(exported.index);
    }
  }

  static Result<void> CheckIndex(uint64_t index, size_t size, std::string_view what, uint32_t offset) {
    if (index < size) return {};
    return InvalidAt(offset, Format("unknown {} {}: there are {}", what, index, size));
  }

  static Result<void> CheckLimits(const Limits& limits, uint64_t most, std::string_view what, uint32_t offset) {
    if (limits.min > most || limits.max.value_or(0) > most) {
      return InvalidAt(offset, Format("a {} of {} to {}, at most {} are allowed", what, limits.min,
                                      limits.max.value_or(limits.min), most));
    }
    if (limits.max && *limits.max < limits.min) {
      return InvalidAt(offset, Format("size minimum must not be greater than maximum: {} of {} to {}", what, limits.min,
                                      *limits.max));
    }
    return {};
  }

  Result<void> Tables() {
    for (size_t i = 0; i < module_.table_types.size(); ++i) {
      const TableType& table = module_.table_types[i];
      const uint32_t offset = module_.table_offsets[i];
      GUARDC_CHECK(CheckLimits(table.limits, kMaxTableSize, "table", offset));
      if (!IsReference(table.element)) {
        return InvalidAt(offset, Format("a table of {}, expected a reference type", ValTypeName(table.element)));
      }
      if (table.limits.is_64 || table.limits.is_shared) {
        return FailAt(ErrorKind::kUnsupported, offset, "64-bit and shared tables are not supported");
      }
    }
    return {};
  }

  Result<void> Memories() {
    for (size_t i = 0; i < module_.memory_types.size(); ++i) {
      const Limits& limits = module_.memory_types[i].limits;
      const uint32_t offset = module_.memory_offsets[i];
      if (i > 0 && !features_.multi_memory) return InvalidAt(offset, "multiple memories");
      if (limits.is_64 && !features_.memory64) return InvalidAt(offset, "a 64-bit memory");
      if (limits.is_shared && !features_.threads) return InvalidAt(offset, "a shared memory");
      GUARDC_CHECK(CheckLimits(limits, limits.is_64 ? kMaxPages64 : kMaxPages32, "memory size in pages", offset));
      if (limits.is_shared && !limits.max) return InvalidAt(offset, "a shared memory must have a maximum");
    }
    return {};
  }

  Result<void> Globals() {
    // An expression may name what comes before: the global itself is not among that.
    for (const Global& global : module_.globals) {
      GUARDC_CHECK(CheckConstExpr(global.init, global.type.type, global.offset));
      if (features_.own_global_const) ++visible_globals_;
    }
    return {};
  }

  Result<void> Exports() {
    std::unordered_set<std::string_view> names;
    for (const Export& exported : module_.exports) {
      if (!names.insert(exported.name).second) {
        return InvalidAt(exported.offset, Format("duplicate export name \"{}\"", exported.name));
      }
      GUARDC_CHECK(CheckIndex(exported.index, SpaceOf(exported.kind), ExternKindName(exported.kind), exported.offset));
    }
    return {};
  }

  size_t SpaceOf(ExternKind kind) const {
    switch (kind) {
      case ExternKind::kFunc:
        return module_.func_types.size();
      case ExternKind::kTable:
        return module_.table_types.size();
      case ExternKind::kMemory:
        return module_.memory_types.size();
      case ExternKind::kGlobal:
        return module_.global_types.size();
    }
    return 0;
  }

  Result<void> Start() {
    if (!module_.start) return {};
    GUARDC_CHECK(CheckIndex(*module_.start, module_.func_types.size(), "function", module_.start_offset));
    const FuncType& type = module_.TypeOfFunc(*module_.start);
    if (type.params.empty() && type.results.empty()) return {};
    return InvalidAt(module_.start_offset,
                     Format("the start function is of type {}, expected () -> ()", ToString(type)));
  }

  Result<void> ElementSegments() {
    for (const ElemSegment& segment : module_.elem_segments) {
      if (!IsReference(segment.type)) return InvalidAt(segment.in_wasm, "an element segment of no reference type");
      for (const ConstExpr& item : segment.items) {
        GUARDC_CHECK(CheckConstExpr(item, segment.type, segment.in_wasm));
      }
      if (segment.mode != SegmentMode::kActive) continue;
      GUARDC_CHECK(CheckIndex(segment.table, module_.table_types.size(), "table", segment.in_wasm));
      const ValType element = module_.table_types[segment.table].element;
      if (element != segment.type) {
        return InvalidAt(segment.in_wasm, Format("type mismatch: an element segment of {} for a table of {}",
                                                 ValTypeName(segment.type), ValTypeName(element)));
      }
      GUARDC_CHECK(CheckConstExpr(segment.offset, ValType::kI32, segment.in_wasm));
    }
    return {};
  }

  Result<void> DataSegments() {
    for (const DataSegment& segment : module_.data_segments) {
      if (segment.mode != SegmentMode::kActive) continue;
      GUARDC_CHECK(CheckIndex(segment.memory, module_.memory_types.size(), "memory", segment.in_wasm));
      const bool is_64 = module_.memory_types[segment.memory].limits.is_64;
      GUARDC_CHECK(CheckConstExpr(segment.offset, is_64 ? ValType::kI64 : ValType::kI32, segment.in_wasm));
    }
    return {};
  }

  Result<void> Functions() {
    for (uint32_t func = module_.num_imported_funcs; func < module_.func_types.size(); ++func) {
      FunctionValidator validator(module_, func);
      for (const Instr& instr : module_.functions[func - module_.num_imported_funcs].body) {
        if (!validator.Step(instr)) return validator.error();
      }
      if (!validator.Finish()) return validator.error();
    }
    return {};
  }

  // Core specification 3.3.10, and extended constant expressions.
  Result<void> CheckConstExpr(const ConstExpr& expr, ValType expected, uint32_t offset) const {
    std::vector<ValType> stack;
    for (const Instr& instr : expr.body) {
      switch (instr.op) {
        case Op::kI32Const:   // i32.const
        case Op::kI64Const:   // i64.const
        case Op::kF32Const:   // f32.const
        case Op::kF64Const:   // f64.const
        case Op::kV128Const:  // v128.const
          stack.push_back(SignatureOf(instr.op).result);
          break;
        case Op::kRefNull:  // ref.null
          if (!IsReference(ValType(instr.imm))) return InvalidAt(instr.offset, "ref.null of an unknown reference type");
          stack.push_back(ValType(instr.imm));
          break;
        case Op::kRefFunc:  // ref.func
          GUARDC_CHECK(CheckIndex(instr.imm, module_.func_types.size(), "function", instr.offset));
          stack.push_back(ValType::kFuncRef);
          break;
        case Op::kGlobalGet:  // global.get
          GUARDC_CHECK(CheckIndex(instr.imm, visible_globals_,
                                  features_.own_global_const ? "global" : "imported global", instr.offset));
          if (module_.global_types[instr.imm].is_mutable) {
            return InvalidAt(instr.offset, Format("constant expression required: global {} is mutable", instr.imm));
          }
          stack.push_back(module_.global_types[instr.imm].type);
          break;
        case Op::kI32Add:  // i32.add
        case Op::kI32Sub:  // i32.sub
        case Op::kI32Mul:  // i32.mul
        case Op::kI64Add:  // i64.add
        case Op::kI64Sub:  // i64.sub
        case Op::kI64Mul:  // i64.mul
        {
          const ValType type = SignatureOf(instr.op).result;
          if (!features_.extended_const) return NotConstant(instr);
          if (stack.size() < 2 || stack.back() != type || stack[stack.size() - 2] != type) {
            return InvalidAt(instr.offset, Format("type mismatch: {} expects two operands of type {}", OpName(instr.op),
                                                  ValTypeName(type)));
          }
          stack.pop_back();
          break;
        }
        default:
          return NotConstant(instr);
      }
    }
    if (stack.size() == 1 && stack[0] == expected) return {};
    return InvalidAt(
        expr.body.empty() ? offset : expr.body.back().offset,
        Format("type mismatch: a constant expression must give one {}, found {}", ValTypeName(expected),
               stack.size() == 1 ? std::string(ValTypeName(stack[0])) : std::to_string(stack.size()) + " values"));
  }

  static std::unexpected<Error> NotConstant(const Instr& instr) {
    return InvalidAt(instr.offset, Format("constant expression required, found {}", OpName(instr.op)));
  }

  Module& module_;
  const FeatureSet& features_;
  size_t visible_globals_ = module_.num_imported_globals;  // to constant expressions
};

}  // namespace

Result<void> ValidateModule(Module& module, const FeatureSet& features) {
  return ModuleValidator(module, features).Run();
}

}  // namespace guardc::compiler
