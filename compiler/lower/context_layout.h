// Where the variable parts of a module's VmContext lie. Computed once; generated code and ArtifactHeader both take it
// from here.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "compiler/frontend/wasm_module.h"
#include "guardc/result.h"

namespace guardc::compiler {

struct ContextLayout {
  uint32_t context_size = 0;  // rounded up to the target's largest page
  uint32_t type_ids = 0;
  uint32_t funcrefs = 0;
  uint32_t imported_tables = 0;
  uint32_t tables = 0;
  uint32_t imported_memories = 0;
  uint32_t memories = 0;
  uint32_t imported_globals = 0;
  uint32_t globals = 0;
  uint32_t data_sizes = 0;
  uint32_t elem_segments = 0;

  // Defined functions that have a funcref, ascending; slot = imported functions + position.
  std::vector<uint32_t> escaping_funcs;
  std::unordered_map<uint32_t, uint32_t> funcref_slot;  // function index -> slot, imports included
  // Per table index: contents never change and nobody outside sees it (see static_table.h).
  std::vector<bool> table_is_static;
  // Some function makes tail calls: all of the module's functions are tailcc.
  bool has_tail_calls = false;
  // Values of 8 bytes are mostly loaded to be stored again: fields have 4 (kMovesWords).
  bool moves_words = false;
  // Per function type index: the first structurally equal type.
  std::vector<uint32_t> canonical_type;
};

// `page_size`: 4096 on x86-64, 65536 on aarch64. Fails with kLimit where the context would not fit 32-bit offsets.
Result<ContextLayout> ComputeContextLayout(const Module& module, uint32_t page_size);

}  // namespace guardc::compiler
