// A parsed and validated module as plain data: what the reader gives and the lowering takes. No wabt, no LLVM.
//
// Whoever lowers it may rely on the validation rules of the specification (core 2.0, section 3, and the proposals that
// FeatureSet names), which two validators have checked that know nothing of each other: wabt's while it read, ours on
// what was read (compiler/validate).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/frontend/opcode.h"
#include "guardc/types.h"

namespace guardc::compiler {

// One instruction, flat: structured control is kBlock/kLoop/kIf/kElse/kEnd in order, as in the binary format. `imm` by
// instruction:
//   block, loop, if          type index, or kInlineBlockType | ValType byte, or kInlineBlockType | 0x40 for empty
//   br, br_if                label depth;   br_table: index into Function::br_tables
//   call, return_call        function index
//   call_indirect, return_call_indirect   type index | table index << 32
//   local.*, global.*        index
//   loads, stores, atomics   offset; aux = memory index; align = log2 of the alignment; `lane` for SIMD lane accesses
//   const                    the bits (i32 zero-extended); v128.const and i8x16.shuffle: index into Function::v128s
//   lane instructions        `lane`
//   memory.size/grow/fill    memory index; memory.copy: to | from << 32; memory.init: segment | memory << 32
//   data.drop, elem.drop     segment
//   table.get/set/size/grow/fill   table; table.copy: to | from << 32; table.init: segment | table << 32
//   ref.null                 ValType byte;  ref.func: function index
//   select (typed)           ValType byte;  select (untyped): 0
struct Instr {
  static constexpr uint64_t kInlineBlockType = uint64_t{1} << 32;

  // What does not fit is kept as these, which no instruction takes.
  static constexpr uint8_t kMaxLane = 31;
  static constexpr uint8_t kMaxAlign = 7;

  Op op;
  uint8_t aux = 0;
  uint8_t lane : 5 = 0;
  uint8_t align : 3 = 0;
  uint32_t offset = 0;  // of the opcode in the .wasm, bytes
  uint64_t imm = 0;
};
static_assert(sizeof(Instr) == 16);

using V128 = std::array<uint8_t, 16>;

struct BrTable {
  std::vector<uint32_t> targets;  // label depths
  uint32_t default_target = 0;
};

struct Function {
  uint32_t type = 0;            // index into Module::types
  std::vector<ValType> locals;  // declared locals, after the parameters
  std::vector<Instr> body;      // ends with the function's own kEnd
  std::vector<BrTable> br_tables;
  std::vector<V128> v128s;
  uint32_t body_offset = 0;  // in the .wasm, bytes
  uint32_t body_size = 0;    // bytes
};

// A constant expression, without its kEnd. v128 constants are in `v128s`.
struct ConstExpr {
  std::vector<Instr> body;
  std::vector<V128> v128s;
};

struct Import {
  std::string module;
  std::string name;
  ExternType type;
  uint32_t func_type = 0;  // index into Module::types, for functions
  uint32_t offset = 0;     // in the .wasm
};

struct Global {
  GlobalType type;
  ConstExpr init;
  uint32_t offset = 0;  // in the .wasm
};

struct Export {
  std::string name;
  ExternKind kind;
  uint32_t index;       // in the kind's index space
  uint32_t offset = 0;  // in the .wasm
};

enum class SegmentMode : uint8_t { kActive, kPassive, kDeclared };

struct ElemSegment {
  SegmentMode mode = SegmentMode::kPassive;
  ValType type = ValType::kFuncRef;
  uint32_t table = 0;            // active
  ConstExpr offset;              // active
  std::vector<ConstExpr> items;  // each one of ref.func, ref.null, global.get (of an import, once FoldOwnGlobals ran)
  uint32_t in_wasm = 0;          // the segment's offset in the .wasm
};

struct DataSegment {
  SegmentMode mode = SegmentMode::kPassive;
  uint32_t memory = 0;  // active
  ConstExpr offset;     // active
  std::vector<uint8_t> bytes;
  uint32_t in_wasm = 0;  // the segment's offset in the .wasm
};

// Index spaces hold imports first, as the specification has them; `imports` is in module order over all kinds.
struct Module {
  std::string name;  // from the name section
  std::vector<FuncType> types;
  std::vector<Import> imports;
  uint32_t num_imported_funcs = 0;
  uint32_t num_imported_tables = 0;
  uint32_t num_imported_memories = 0;
  uint32_t num_imported_globals = 0;
  std::vector<uint32_t> func_types;      // type index of every function, imports included
  std::vector<TableType> table_types;    // of every table, imports included
  std::vector<MemoryType> memory_types;  // of every memory, imports included
  std::vector<GlobalType> global_types;  // of every global, imports included
  std::vector<Function> functions;       // defined functions
  std::vector<Global> globals;           // defined globals
  std::vector<Export> exports;
  std::vector<ElemSegment> elem_segments;
  std::vector<DataSegment> data_segments;
  std::optional<uint32_t> start;
  uint32_t start_offset = 0;             // in the .wasm
  std::vector<uint32_t> table_offsets;   // in the .wasm, as table_types
  std::vector<uint32_t> memory_offsets;  // in the .wasm, as memory_types
  bool has_data_count = false;
  // Which functions code may refer to (ref.func): those that occur outside of code and start (C.refs, 3.1.1).
  std::vector<bool> referable_funcs;
  std::vector<std::string> func_names;  // per function index, from the name section, else an export's, else ""
  uint64_t code_section_size = 0;       // bytes

  const FuncType& TypeOfFunc(uint32_t func) const { return types[func_types[func]]; }
};

// Which proposals beyond 2.0 the reader accepts.
struct FeatureSet {
  bool tail_call = true;
  bool extended_const = true;
  bool multi_memory = true;
  bool memory64 = true;
  bool relaxed_simd = true;
  bool threads = true;
  bool own_global_const = true;  // 3.0: constant expressions name own globals, too
};

}  // namespace guardc::compiler
