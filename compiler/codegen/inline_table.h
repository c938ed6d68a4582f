// Which functions were inlined where, beside the code, so that a backtrace can name them (abi.h, the inline table).
#pragma once

namespace llvm {
class Pass;
}  // namespace llvm

namespace guardc::compiler {

// The output section of all objects' inline tables; a C identifier, so that the linker gives its bounds names.
inline constexpr const char kInlineTableSection[] = "guardc_inlines";
inline constexpr const char kInlineTableBegin[] = "__start_guardc_inlines";
inline constexpr const char kInlineTableEnd[] = "__stop_guardc_inlines";

// To be called with every pass of the code generator: has the printer, once it comes, write the table of the module.
// Scopes are those that the lowering has set (Lowering::DefineFunction).
void WriteInlineTable(llvm::Pass& pass);

}  // namespace guardc::compiler
