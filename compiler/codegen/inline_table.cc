#include "compiler/codegen/inline_table.h"

#include <llvm/BinaryFormat/ELF.h>
#include <llvm/CodeGen/AsmPrinter.h>
#include <llvm/CodeGen/MachineFunction.h>
#include <llvm/CodeGen/MachineInstr.h>
#include <llvm/IR/DebugInfoMetadata.h>
#include <llvm/MC/MCContext.h>
#include <llvm/MC/MCExpr.h>
#include <llvm/MC/MCSectionELF.h>
#include <llvm/MC/MCStreamer.h>
#include <llvm/MC/MCSymbolELF.h>

#include <cstdint>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "compiler/codegen/llvm_compat.h"

namespace guardc::compiler {
namespace {

using Scope = uint32_t;  // 0: the function itself; else 1 + its place in FunctionTable::scopes
constexpr Scope kFunctionItself = 0;

struct FunctionTable {
  struct InlinedScope {
    uint32_t function;
    Scope parent;
  };
  struct Row {
    llvm::MCSymbol* begin;
    Scope scope;
  };
  llvm::MCSymbol* code;
  llvm::MCSection* section;  // of the code
  std::vector<InlinedScope> scopes;
  std::vector<Row> rows;
};

class InlineTableWriter final : public llvm_compat::InstructionHandler {
 public:
  explicit InlineTableWriter(llvm::AsmPrinter& printer) : llvm_compat::InstructionHandler(&printer), printer_(printer) {
    Asm = nullptr;  // the base shall do nothing
  }

  void beginModule(llvm::Module*) override {}
  void setSymbolSize(const llvm::MCSymbol*, uint64_t) override {}
  void endInstruction() override {}

  void beginInstruction(const llvm::MachineInstr* instruction) override {
    if (is_new_function_) Start();
    // Code without a place (spills, copies) goes with what is before it: it costs no row.
    const llvm::DILocation* location = instruction->getDebugLoc().get();
    if (location == nullptr || instruction->isMetaInstruction()) return;
    const Scope scope = ScopeOf(location);
    if (scope == scope_) return;
    scope_ = scope;
    tables_.back().rows.push_back({Here(), scope});
  }

  void endModule() override {
    llvm::MCContext& context = printer_.OutContext;
    llvm::MCStreamer& out = *printer_.OutStreamer;
    // One that is always there, for the symbols of the section's begin and end.
    out.switchSection(context.getELFSection(kInlineTableSection, llvm::ELF::SHT_PROGBITS, llvm::ELF::SHF_ALLOC));
    unsigned id = 0;
    for (const FunctionTable& table : tables_) {
      if (table.rows.empty()) continue;
      // A section each that the linker drops with the function's code.
      const auto* code = static_cast<const llvm::MCSymbolELF*>(table.section->getBeginSymbol());
      out.switchSection(context.getELFSection(kInlineTableSection, llvm::ELF::SHT_PROGBITS,
                                              llvm::ELF::SHF_ALLOC | llvm::ELF::SHF_LINK_ORDER, 0, "", false, id++,
                                              code));
      Write(table, context, out);
    }
  }

 private:
  void beginFunctionImpl(const llvm::MachineFunction*) override {}
  void endFunctionImpl(const llvm::MachineFunction*) override {}
  // Called at the beginning of every function, since there is no debug information to write.
  void skippedNonDebugFunction() override { is_new_function_ = true; }

  void Start() {
    is_new_function_ = false;
    scope_ = kFunctionItself;
    scope_of_location_.clear();
    scope_of_place_.clear();
    tables_.push_back({Here(), printer_.OutStreamer->getCurrentSectionOnly(), {}, {}});
  }

  llvm::MCSymbol* Here() {
    llvm::MCSymbol* label = printer_.OutContext.createTempSymbol();
    printer_.OutStreamer->emitLabel(label);
    return label;
  }

  Scope ScopeOf(const llvm::DILocation* location) {
    const llvm::DILocation* caller = location->getInlinedAt();
    if (caller == nullptr) return kFunctionItself;
    if (const auto known = scope_of_location_.find(location); known != scope_of_location_.end()) return known->second;
    // The lowering numbers a function's scope by its line.
    const uint32_t function = location->getScope()->getSubprogram()->getLine();
    const Scope parent = ScopeOf(caller);
    auto& scopes = tables_.back().scopes;
    const auto [place, is_new] = scope_of_place_.try_emplace({parent, function}, static_cast<Scope>(scopes.size() + 1));
    if (is_new) scopes.push_back({function, parent});
    scope_of_location_.emplace(location, place->second);
    return place->second;
  }

  static void Write(const FunctionTable& table, llvm::MCContext& context, llvm::MCStreamer& out) {
    const auto distance = [&](const llvm::MCSymbol* from, const llvm::MCSymbol* to) {
      return llvm::MCBinaryExpr::createSub(llvm::MCSymbolRefExpr::create(to, context),
                                           llvm::MCSymbolRefExpr::create(from, context), context);
    };
    llvm::MCSymbol* begin = context.createTempSymbol();
    llvm::MCSymbol* end = context.createTempSymbol();
    out.emitAbsoluteSymbolDiff(end, begin, sizeof(uint32_t));
    out.emitLabel(begin);
    out.emitValue(distance(begin, table.code), sizeof(int32_t));
    out.emitULEB128IntValue(table.scopes.size());
    for (const FunctionTable::InlinedScope& scope : table.scopes) {
      out.emitULEB128IntValue(scope.function);
      out.emitULEB128IntValue(scope.parent);
    }
    const llvm::MCSymbol* last = table.code;
    for (const FunctionTable::Row& row : table.rows) {
      out.emitULEB128Value(distance(last, row.begin));
      out.emitULEB128IntValue(row.scope);
      last = row.begin;
    }
    out.emitLabel(end);
  }

  llvm::AsmPrinter& printer_;
  bool is_new_function_ = false;
  Scope scope_ = kFunctionItself;  // of the last instruction
  std::unordered_map<const llvm::DILocation*, Scope> scope_of_location_;
  std::map<std::pair<Scope, uint32_t>, Scope> scope_of_place_;
  std::vector<FunctionTable> tables_;
};

}  // namespace

void WriteInlineTable(llvm::Pass& pass) {
  if (auto* printer = dynamic_cast<llvm::AsmPrinter*>(&pass)) {
    llvm_compat::AddInstructionHandler(*printer, std::make_unique<InlineTableWriter>(*printer));
  }
}

}  // namespace guardc::compiler
