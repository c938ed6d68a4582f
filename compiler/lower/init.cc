// "guardc.init": what instantiation does inside the sandbox (core specification 4.5.4): globals, active segments that
// are neither static nor in the memory image, the start function, in that order.
#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Module.h>

#include <string>

#include "compiler/lower/const_expr.h"
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

// Whether many have to be copied or filled in: then one function does it for all.
constexpr uint32_t kFewSteps = 256;

// Of one function that takes some of init's steps.
class InitBuilder {
 public:
  InitBuilder(ModuleContext& module, llvm::Function& function, bool is_long)
      : m_(module), e_(module, function), is_long_(is_long) {}

  Emitter& emitter() { return e_; }

  Result<void> Take(const InitStep& step) {
    switch (step.kind) {
      case InitStep::Kind::kGlobal:
        return Global(step.index);
      case InitStep::Kind::kElemSegment:
        return Elements(step.index);
      case InitStep::Kind::kDataSegment:
        return Data(step.index);
    }
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

  Result<void> Global(uint32_t index) {
    const compiler::Global& global = m_.wasm.globals[index - m_.wasm.num_imported_globals];
    GUARDC_TRY(llvm::Value * value,
               Evaluate(global.init, m_.TypeOf(global.type.type), "global " + std::to_string(index)));
    e_.StoreState(value, e_.GlobalPtr(index), llvm::Align(alignof(abi::Value)));
    return {};
  }

  Result<void> Elements(uint32_t index) {
    const ElemSegment& segment = m_.wasm.elem_segments[index];
    GUARDC_TRY(llvm::Value * offset, Evaluate(segment.offset, m_.i32, "element segment " + std::to_string(index)));
    llvm::Value* const arguments[] = {e_.I64(segment.table), e_.I64(index), e_.b.CreateZExt(offset, m_.i64), e_.I64(0),
                                      e_.I64(segment.items.size())};
    if (is_long_) {
      CallShared(e_, "guardc.init.elements", arguments,
                 [](Emitter& e, llvm::ArrayRef<llvm::Value*> given) { e.CallBuiltin(Builtin::kTableInit, given); });
    } else {
      e_.CallBuiltin(Builtin::kTableInit, arguments);
    }
    e_.StoreState(e_.I64(0), e_.ElemSizePtr(index), llvm::Align(8));
    return {};
  }

  Result<void> Data(uint32_t index) {
    const DataSegment& segment = m_.wasm.data_segments[index];
    const uint32_t memory = segment.memory;
    llvm::Type* type = m_.wasm.memory_types[memory].limits.is_64 ? m_.i64 : m_.i32;
    GUARDC_TRY(llvm::Value * offset, Evaluate(segment.offset, type, "data segment " + std::to_string(index)));
    llvm::Value* count = e_.I64(segment.bytes.size());
    if (is_long_ && !segment.bytes.empty()) {
      llvm::Value* const arguments[] = {offset, m_.DataBytes(index), count};
      CallShared(
          e_, "guardc.init.copy." + std::to_string(memory), arguments,
          [memory](Emitter& e, llvm::ArrayRef<llvm::Value*> given) { Copy(e, memory, given[0], given[1], given[2]); });
    } else if (!segment.bytes.empty()) {
      Copy(e_, memory, offset, m_.DataBytes(index), count);
    } else {
      HeapRange(e_, memory, offset, count);
    }
    e_.StoreState(e_.I32(0), e_.DataSizePtr(index), llvm::Align(4));
    return {};
  }

  static void Copy(Emitter& e, uint32_t memory, llvm::Value* offset, llvm::Value* bytes, llvm::Value* count) {
    llvm::Value* target = HeapRange(e, memory, offset, count);
    e.b.CreateMemCpy(target, llvm::Align(1), bytes, llvm::Align(1), count, e.m.options.strict_traps);
  }

  // Calls the llvm::Module's function of this name with our context and these arguments; `define` makes its body.
  template <class Define>
  static void CallShared(Emitter& e, const std::string& name, llvm::ArrayRef<llvm::Value*> arguments, Define define) {
    llvm::Function* function = e.m.target.getFunction(name);
    if (!function) {
      llvm::SmallVector<llvm::Type*, 8> types{e.m.ptr};
      for (llvm::Value* argument : arguments) types.push_back(argument->getType());
      function = e.m.CreateFunction(llvm::FunctionType::get(e.m.void_type, types, false), name);
      function->setVisibility(llvm::GlobalValue::DefaultVisibility);
      function->setLinkage(llvm::GlobalValue::InternalLinkage);
      Emitter body(e.m, *function);
      Values given;
      for (unsigned i = 1; i < function->arg_size(); ++i) given.push_back(function->getArg(i));
      define(body, given);
      body.b.CreateRetVoid();
    }
    llvm::SmallVector<llvm::Value*, 8> operands{e.context};
    operands.append(arguments.begin(), arguments.end());
    e.b.CreateCall(function, operands)->setDoesNotThrow();
  }

  ModuleContext& m_;
  Emitter e_;
  bool is_long_;
};

std::string PartOfInit(size_t index) { return "guardc.init." + std::to_string(index); }

}  // namespace

std::vector<InitStep> InitSteps(const Module& module, const ContextLayout& layout, const std::vector<bool>& in_image) {
  std::vector<InitStep> steps;
  const std::vector<bool> exported = ExportedGlobals(module);
  for (uint32_t i = module.num_imported_globals; i < module.global_types.size(); ++i) {
    // Code has such a value as a constant, and nobody else sees it.
    if (exported[i] || !EvaluateGlobal(module, i)) steps.push_back({InitStep::Kind::kGlobal, i});
  }
  for (uint32_t i = 0; i < module.elem_segments.size(); ++i) {
    if (module.elem_segments[i].mode != SegmentMode::kActive || ElemSegmentInStaticTable(module, layout, i)) continue;
    steps.push_back({InitStep::Kind::kElemSegment, i});
  }
  for (uint32_t i = 0; i < module.data_segments.size(); ++i) {
    if (module.data_segments[i].mode != SegmentMode::kActive || in_image[i]) continue;
    steps.push_back({InitStep::Kind::kDataSegment, i});
  }
  return steps;
}

bool NeedsInit(const Module& module, const ContextLayout& layout, const std::vector<bool>& in_image) {
  return module.start || !module.globals.empty() || !InitSteps(module, layout, in_image).empty();
}

Result<void> DefineInit(ModuleContext& module, const std::vector<bool>& in_image, Share share) {
  const std::vector<InitStep> steps = InitSteps(module.wasm, module.layout, in_image);
  const auto take = [&](llvm::Function* function) -> Result<void> {
    InitBuilder builder(module, *function, steps.size() > kFewSteps);
    for (size_t i = share.Begin(steps.size()); i < share.End(steps.size()); ++i) {
      GUARDC_CHECK(builder.Take(steps[i]));
    }
    Emitter& e = builder.emitter();
    if (share.count == 1 && module.wasm.start) {
      Values results;
      e.CallFunction(*module.wasm.start, {}, results);
    }
    e.b.CreateRetVoid();
    return {};
  };
  const auto function = [&](const std::string& name) { return module.CreateFunction(module.EntrySignature(), name); };
  if (share.count == 1) return take(function("guardc.init"));
  if (share.index == 0) {
    Emitter e(module, *function("guardc.init"));
    for (size_t i = 0; i < share.count; ++i) {
      e.b.CreateCall(function(PartOfInit(i)), {e.context, e.fn.getArg(1), e.fn.getArg(2)})->setDoesNotThrow();
    }
    if (module.wasm.start) {
      Values results;
      e.CallFunction(*module.wasm.start, {}, results);
    }
    e.b.CreateRetVoid();
    return take(module.target.getFunction(PartOfInit(0)));
  }
  return take(function(PartOfInit(share.index)));
}

}  // namespace guardc::compiler
