// The public face of this room: one Lowering per llvm::Module.
#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/GlobalVariable.h>
#include <llvm/IR/Module.h>

#include <algorithm>
#include <string>

#include "compiler/lower/lower.h"
#include "compiler/lower/lower_function.h"
#include "compiler/lower/module_context.h"
#include "compiler/lower/module_parts.h"
#include "compiler/lower/require.h"

namespace guardc::compiler {
namespace {

constexpr size_t kMaxNameLength = 256;

// '@' would be read as a symbol version by the linker; quotes and backslashes need escapes in assembly.
char Printable(char c) {
  const bool is_plain = c >= ' ' && c <= '~';
  return is_plain && c != '@' && c != '"' && c != '\\' ? c : '_';
}

// References look alike to LLVM: an externref among funcrefs would be called.
void RequireElementTypes(const Module& module) {
  for (const ElemSegment& segment : module.elem_segments) {
    for (const ConstExpr& item : segment.items) {
      Require(item.body.size() == 1, "an element is one instruction");
      const Instr& instr = item.body[0];
      const ValType type = instr.op == Op::kRefFunc     ? ValType::kFuncRef
                           : instr.op == Op::kGlobalGet ? module.global_types[instr.imm].type
                                                        : ValType(instr.imm);
      Require(type == segment.type, "an element is of its segment's type");
      // The runtime reads what it names before the module's own globals have values.
      Require(instr.op != Op::kGlobalGet || instr.imm < module.num_imported_globals,
              "an element names no global of the module's own");
    }
    Require(segment.mode != SegmentMode::kActive || module.table_types[segment.table].element == segment.type,
            "an element segment is of its table's type");
  }
}

}  // namespace

std::string FunctionSymbol(const Module& module, uint32_t func) {
  std::string symbol = "wasm[" + std::to_string(func) + "]";
  if (func < module.func_names.size() && !module.func_names[func].empty()) {
    symbol += "::";
    for (char c : module.func_names[func].substr(0, kMaxNameLength)) symbol += Printable(c);
  }
  return symbol;
}

std::string FuncRefSymbol(const Module& module, const ContextLayout& layout, uint32_t func) {
  return layout.has_tail_calls ? "guardc.shared." + std::to_string(func) : FunctionSymbol(module, func);
}

class Lowering::Impl {
 public:
  Impl(llvm::Module& target, const Module& module, const ContextLayout& layout, const LowerOptions& options)
      : context(target, module, layout, options) {}

  ModuleContext context;
};

Lowering::Lowering(llvm::Module& target, const Module& module, const ContextLayout& layout, const LowerOptions& options)
    : impl_(std::make_unique<Impl>(target, module, layout, options)) {}

Lowering::~Lowering() = default;

Result<void> Lowering::DefineFunction(uint32_t func, bool available_externally) {
  llvm::Function* function = impl_->context.DefinedFunction(func);
  if (available_externally) function->setLinkage(llvm::GlobalValue::AvailableExternallyLinkage);
  return FunctionLowering(impl_->context, *function, func).Run();
}

size_t CountModuleParts(const Module& module, const ContextLayout& layout, const std::vector<bool>& in_image) {
  const auto count = [](const std::vector<bool>& types) {
    return static_cast<size_t>(std::ranges::count(types, true));
  };
  return count(EntryTypes(module, layout)) + count(ThunkTypes(module, layout)) +
         (layout.has_tail_calls ? layout.escaping_funcs.size() : 0) + InitSteps(module, layout, in_image).size();
}

Result<void> Lowering::DefineModuleParts(const std::vector<bool>& in_image, Share share) {
  ModuleContext& context = impl_->context;
  const Module& module = context.wasm;
  RequireElementTypes(module);
  const std::vector<bool> entries = EntryTypes(module, context.layout);
  const std::vector<bool> thunks = ThunkTypes(module, context.layout);
  const auto end_of = [&](const auto& things) { return static_cast<uint32_t>(share.End(things.size())); };
  const auto begin_of = [&](const auto& things) { return static_cast<uint32_t>(share.Begin(things.size())); };
  for (uint32_t i = begin_of(module.types); i < end_of(module.types); ++i) {
    if (entries[i]) DefineEntry(context, i);
    if (thunks[i]) DefineHostThunk(context, i);
  }
  if (const auto& funcs = context.layout.escaping_funcs; context.layout.has_tail_calls) {
    for (uint32_t i = begin_of(funcs); i < end_of(funcs); ++i) DefineSharedCode(context, funcs[i]);
  }
  if (share.index == 0) DefineStaticTables(context);
  for (uint32_t i = begin_of(module.data_segments); i < end_of(module.data_segments); ++i) {
    if (NeedsDataBytes(module, in_image, i)) DefineDataBytes(context, i);
  }
  if (!NeedsInit(module, context.layout, in_image)) return {};
  return DefineInit(context, in_image, share);
}

}  // namespace guardc::compiler
