// "guardc.init": what instantiation does inside the sandbox (core specification 4.5.4): globals, active segments that
// are neither static nor in the memory image, the start function, in that order.
#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>

#include <string>

#include "compiler/lower/emitter.h"
#include "compiler/lower/heap_address.h"
#include "compiler/lower/module_parts.h"
#include "compiler/lower/require.h"
#include "compiler/lower/static_table.h"

namespace guardc::compiler {
namespace {

std::vector<bool> ExportedGlobals(const Module& module) {
  std::vector<bool> exported(module.global_types.size());
  for (const Export& e : module.exports) {
    if (e.kind == ExternKind::kGlobal) exported[e.index] = true;
  }
  return exported;
}

class InitBuilder {
 public:
  InitBuilder(ModuleContext& module, llvm::Function& function) : m_(module), e_(module, function) {}

  Result<void> Build(const std::vector<bool>& in_image) {
    GUARDC_CHECK(Globals());
    GUARDC_CHECK(ElemSegments());
    GUARDC_CHECK(DataSegments(in_image));
    if (m_.wasm.start) {
      Values results;
      e_.CallFunction(*m_.wasm.start, {}, results);
    }
    e_.b.CreateRetVoid();
    return {};
  }

 private:
  Result<llvm::Value*> Evaluate(const ConstExpr& expr, llvm::Type* type, const std::string& what) {
    if (llvm::Value* value = e_.ConstantExpression(expr)) {
      Require(value->getType() == type, "a constant expression is of the type that is wanted");
      return value;
    }
    return Fail(ErrorKind::kUnsupported,
                "the constant expression of " + what + " holds an instruction that is not supported");
  }

  Result<void> Globals() {
    const std::vector<bool> exported = ExportedGlobals(m_.wasm);
    for (uint32_t i = 0; i < m_.wasm.globals.size(); ++i) {
      const uint32_t index = m_.wasm.num_imported_globals + i;
      // Code has such a value as a constant, and nobody else sees it.
      if (m_.ConstantGlobal(index) && !exported[index]) continue;
      GUARDC_TRY(llvm::Value * value, Evaluate(m_.wasm.globals[i].init, m_.TypeOf(m_.wasm.globals[i].type.type),
                                               "global " + std::to_string(index)));
      e_.StoreState(value, e_.GlobalPtr(index), llvm::Align(alignof(abi::Value)));
    }
    return {};
  }

  Result<void> ElemSegments() {
    for (uint32_t i = 0; i < m_.wasm.elem_segments.size(); ++i) {
      const ElemSegment& segment = m_.wasm.elem_segments[i];
      if (segment.mode != SegmentMode::kActive || ElemSegmentInStaticTable(m_.wasm, m_.layout, i)) continue;
      GUARDC_TRY(llvm::Value * offset, Evaluate(segment.offset, m_.i32, "element segment " + std::to_string(i)));
      e_.CallBuiltin(Builtin::kTableInit, {e_.I64(segment.table), e_.I64(i), e_.b.CreateZExt(offset, m_.i64), e_.I64(0),
                                           e_.I64(segment.items.size())});
      e_.StoreState(e_.I64(0), e_.ElemSizePtr(i), llvm::Align(8));
    }
    return {};
  }

  Result<void> DataSegments(const std::vector<bool>& in_image) {
    for (uint32_t i = 0; i < m_.wasm.data_segments.size(); ++i) {
      const DataSegment& segment = m_.wasm.data_segments[i];
      if (segment.mode != SegmentMode::kActive || in_image[i]) continue;
      llvm::Type* type = m_.wasm.memory_types[segment.memory].limits.is_64 ? m_.i64 : m_.i32;
      GUARDC_TRY(llvm::Value * offset, Evaluate(segment.offset, type, "data segment " + std::to_string(i)));
      llvm::Value* count = e_.I64(segment.bytes.size());
      llvm::Value* target = HeapRange(e_, segment.memory, offset, count);
      if (!segment.bytes.empty()) {
        e_.b.CreateMemCpy(target, llvm::Align(1), m_.DataBytes(i), llvm::Align(1), count, m_.options.strict_traps);
      }
      e_.StoreState(e_.I32(0), e_.DataSizePtr(i), llvm::Align(4));
    }
    return {};
  }

  ModuleContext& m_;
  Emitter e_;
};

}  // namespace

bool NeedsInit(const Module& module, const ContextLayout& layout, const std::vector<bool>& in_image) {
  if (module.start || !module.globals.empty()) return true;
  for (uint32_t i = 0; i < module.elem_segments.size(); ++i) {
    if (module.elem_segments[i].mode == SegmentMode::kActive && !ElemSegmentInStaticTable(module, layout, i))
      return true;
  }
  for (uint32_t i = 0; i < module.data_segments.size(); ++i) {
    if (module.data_segments[i].mode == SegmentMode::kActive && !in_image[i]) return true;
  }
  return false;
}

Result<void> DefineInit(ModuleContext& module, const std::vector<bool>& in_image) {
  llvm::Function* function = module.CreateFunction(module.EntrySignature(), "guardc.init");
  return InitBuilder(module, *function).Build(in_image);
}

}  // namespace guardc::compiler
