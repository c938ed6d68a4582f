// Module -> LLVM IR. A module is lowered in chunks (chunks.h): each chunk is an llvm::Module of its own that
// defines some functions and declares the rest, so that chunks are optimised and emitted in parallel and in any order.
//
// Symbols (all hidden; the linker resolves them, nothing is exported but the artifact's header):
//   FunctionSymbol(i)     the code of defined function i (abi.h)
//   "guardc.shared.<i>"   the same for callers outside the module, where that has tail calls
//   "guardc.entry.<t>"    EntryFn of canonical type t
//   "guardc.thunk.<t>"    host thunk of canonical type t
//   "guardc.init"         ArtifactHeader::init; "guardc.init.<n>", its parts, where it is long
//   "guardc.table.<i>"    contents of static table i
//   "guardc.data.<i>"     bytes of data segment i, for those that memory.init may still read
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "compiler/frontend/wasm_module.h"
#include "compiler/lower/context_layout.h"
#include "guardc/result.h"

namespace llvm {
class Function;
class Module;
}  // namespace llvm

namespace guardc::compiler {

struct LowerOptions {
  bool bounds_checks = false;
  bool strict_traps = false;
  bool canonical_nans = false;
  bool is_aarch64 = false;
  bool locals_in_memory = false;  // the simple way (effort.h): where many live, SSA form grows with their square
};

// An attribute of the functions of modules that mostly load 8 bytes to store them again (passes/split_copies.h). Those
// that compute with 8 bytes would load them after they were stored in halves.
inline constexpr const char kMovesWords[] = "guardc-moves-words";

// "wasm[12]::name" with the name made printable ASCII; unique by the index.
std::string FunctionSymbol(const Module& module, uint32_t func);

// What a funcref of defined function `func` holds.
std::string FuncRefSymbol(const Module& module, const ContextLayout& layout, uint32_t func);

// A part of what belongs to a module: where that is much, it is compiled as several llvm::Modules.
struct Share {
  size_t index = 0;
  size_t count = 1;

  // Of `size` things, those from Begin to End.
  size_t Begin(size_t size) const { return size * index / count; }
  size_t End(size_t size) const { return size * (index + 1) / count; }
};

// How many entries, thunks, and steps of init there are.
size_t CountModuleParts(const Module& module, const ContextLayout& layout, const std::vector<bool>& in_image);

// One per llvm::Module. The wasm module, layout and options must outlive it. One thread at a time, as LLVM's contexts
// are.
class Lowering {
 public:
  Lowering(llvm::Module& target, const Module& module, const ContextLayout& layout, const LowerOptions& options);
  ~Lowering();
  Lowering(const Lowering&) = delete;
  Lowering& operator=(const Lowering&) = delete;

  // Defines function `func` (index in the function index space, not an import) with hidden linkage, or, for a copy that
  // may only be inlined, available_externally.
  Result<void> DefineFunction(uint32_t func, bool available_externally = false);

  // What belongs to the module as a whole, once per artifact: entries for the types of all escaping functions and
  // imports, host thunks for imported types, static tables, data bytes, init. Init skips the data segments for which
  // `in_image` is true. Defines `share` of it.
  Result<void> DefineModuleParts(const std::vector<bool>& in_image, Share share = {});

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace guardc::compiler
