// The contract between generated code and the runtime: every byte that both touch is laid out here and pinned by an
// assert. docs/native-abi.md is the prose. Any change raises kAbiVersion, so that old artifacts are refused by key and
// by header.
//
// Nothing here may depend on LLVM, wabt or the runtime's classes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "guardc/trap.h"

namespace guardc::abi {

inline constexpr uint32_t kAbiVersion = 3;
inline constexpr char kMagic[8] = {'g', 'u', 'a', 'r', 'd', 'c', '\0', '\x01'};

// The one exported symbol of an artifact: its ArtifactHeader.
inline constexpr const char kArtifactSymbol[] = "guardc_artifact";
// The ELF section of the initial memory image, aligned to a page of the file.
inline constexpr const char kImageSection[] = ".wasm.memimg";

// ---- Linear memory and stack (docs/native-abi.md, "Address space") --------------------------------------------------

// A 32-bit memory without explicit checks owns this much address space from its base, so that base + zext(index) +
// offset (each below 4 GiB) + the widest access ends inside it. MEM-1.
inline constexpr uint64_t kMemoryReservation = (uint64_t{8} << 30) + 65536;
// Frames beyond this probe the stack at this interval ("stack-probe-size"); the region below the guest stack is larger.
inline constexpr uint64_t kStackProbeSize = 65536;
inline constexpr uint64_t kStackGuardSize = 2 * kStackProbeSize;

// ---- Values and calls -----------------------------------------------------------------------------------------------

// One parameter or result as it crosses between host and guest, in an array: parameters first; results overwrite them
// from index 0. An array has room for max(parameters, results).
union alignas(16) Value {
  uint32_t i32;
  uint64_t i64;
  float f32;
  double f64;
  void* ref;  // funcref: VmFuncRef* or null; externref: the embedder's pointer or null
  uint8_t v128[16];
};
static_assert(sizeof(Value) == 16);

// How a wasm function of type (p...) -> (r...) is compiled:
//   R f(ptr swiftself context, p..., [ptr results])
// in the C calling convention, or tailcc throughout a module that has tail calls. R is void, the one result, or a
// struct of two. With more than two results R is void and the last parameter points to an array of Value that the
// caller provides. The context is the callee's own.
//
// A host function, as the runtime implements it. Runs on the caller's (host) stack, never unwinds, never jumps.
// Returns TrapCode::kNone to go on; any other code ends the guest's activation with that trap.
using HostFn = TrapCode (*)(void* self, Value* values);

// The runtime's stub that takes generated code to a host function: saves the guest's stack pointer in the activation,
// switches to the host's stack, calls fn(self, values), and comes back, or lands where the activation began if the
// answer is not kNone or the call was interrupted meanwhile. Plain C calling convention.
using CallHostStub = void (*)(HostFn fn, void* self, Value* values);

// How the host enters a wasm function: one per function type, `TypeRecord::entry`. Plain C calling convention; runs on
// the guest's stack. Reads parameters from `values`, calls `code` with `context`, writes the results to `values`.
using EntryFn = void (*)(void* context, const void* code, Value* values);

// What a non-null funcref points to, and what a call through an import or a dynamic table loads.
struct VmFuncRef {
  const void* code;     // see above; C calling convention, whatever the module's own is
  void* context;        // VmContext* of the defining instance, or VmHostFunc* of a host function
  uint32_t type_id;     // process-wide id of the structural function type, never 0
  int32_t tail_offset;  // from `code` to the tailcc function, where the defining module has tail calls
};
static_assert(sizeof(VmFuncRef) == 24);
static_assert(offsetof(VmFuncRef, context) == 8 && offsetof(VmFuncRef, type_id) == 16 &&
              offsetof(VmFuncRef, tail_offset) == 20);

// The context of a host function. The importing artifact's `TypeRecord::host_thunk` is its code: it spills the
// parameters to an array of Value on the guest's stack and calls call_host(fn, this, values).
struct VmHostFunc {
  CallHostStub call_host;
  HostFn fn;  // gets this VmHostFunc as `self`
  void* env;  // for fn
};
static_assert(offsetof(VmHostFunc, call_host) == 0 && offsetof(VmHostFunc, fn) == 8);

// ---- The instance's context -----------------------------------------------------------------------------------------

struct VmMemory {
  uint8_t* base;  // never changes while the instance lives
  uint64_t size;  // bytes now accessible
};
static_assert(sizeof(VmMemory) == 16 && offsetof(VmMemory, size) == 8);

// A table that is not static (TableRecord::kStatic).
struct VmTable {
  void** elements;  // moves when the table grows
  uint64_t size;    // elements
};
static_assert(sizeof(VmTable) == 16 && offsetof(VmTable, size) == 8);

struct VmElemSegment {
  void** elements;
  uint64_t size;  // 0 once dropped
};
static_assert(sizeof(VmElemSegment) == 16);

// Run-time services, each a HostFn whose self is the VmContext. Arguments and results in `values`:
struct VmBuiltins {
  HostFn memory_grow;  // [0].i64 memory, [1].i64 pages to add -> [0].i64 old pages, or all ones
  HostFn table_grow;   // [0].i64 table, [1].ref initial, [2].i64 elements to add -> [0].i64 old size, or all ones
  HostFn table_fill;   // [0].i64 table, [1].i64 start, [2].ref value, [3].i64 count
  HostFn table_copy;   // [0].i64 to table, [1].i64 from table, [2].i64 to, [3].i64 from, [4].i64 count
  HostFn table_init;   // [0].i64 table, [1].i64 element segment, [2].i64 to, [3].i64 from, [4].i64 count
  HostFn
      atomic_wait;  // [0].i64 memory, [1].i64 address, [2].i64 expected, [3].i64 ns (signed), [4].i64 width -> [0].i32
  HostFn atomic_notify;  // [0].i64 memory, [1].i64 address, [2].i32 count -> [0].i32
};
static_assert(sizeof(VmBuiltins) == 7 * 8);

// The fixed head of an instance's context; generated code keeps its address in the register that swiftself names (r13,
// x20). The variable part follows, at the offsets that ArtifactHeader gives. Where the module defines memory 0 itself,
// that memory's base is exactly `context_size` bytes above the context, a constant for generated code.
struct VmContext {
  CallHostStub call_host;
  const VmBuiltins* builtins;
  void* instance;  // the runtime's object
  uint64_t reserved;
};
static_assert(sizeof(VmContext) == 32);
static_assert(offsetof(VmContext, call_host) == 0 && offsetof(VmContext, builtins) == 8);

// ---- The module's facts: read-only data of the artifact
// -------------------------------------------------------------- All `offset`s and code references are bytes relative
// to the ArtifactHeader's own address; 0 means none. No pointers, so no relocations.

struct ListRef {
  uint32_t offset;
  uint32_t count;
};

struct StringRef {  // UTF-8, no terminator
  uint32_t offset;
  uint32_t size;
};

struct LimitsRecord {
  static constexpr uint32_t kHasMax = 1, kIs64 = 2, kIsShared = 4;
  uint64_t min;
  uint64_t max;
  uint32_t flags;
  uint32_t reserved;
};
static_assert(sizeof(LimitsRecord) == 24);

// Function types in module order; structurally equal types keep their own records.
struct TypeRecord {
  uint32_t val_types;  // offset of param_count + result_count bytes of ValType
  uint32_t param_count;
  uint32_t result_count;
  int32_t entry;       // EntryFn, where a function of this type can be called by the host
  int32_t host_thunk;  // code of a host function of this type, where the module imports one
};
static_assert(sizeof(TypeRecord) == 20);

struct ImportRecord {
  StringRef module;
  StringRef name;
  uint32_t kind;        // ExternKind
  uint32_t type;        // func: type index; table, global: ValType
  uint32_t is_mutable;  // global
  uint32_t reserved;
  LimitsRecord limits;  // table, memory
};
static_assert(sizeof(ImportRecord) == 56);

struct ExportRecord {
  StringRef name;
  uint32_t kind;   // ExternKind
  uint32_t index;  // func: slot in the context's funcrefs; else index in the kind's index space (imports first)
};
static_assert(sizeof(ExportRecord) == 16);

// A defined function that has a funcref: exported, named by ref.func or in an element segment of a dynamic table. Its
// slot is (number of imported functions) + position in the list.
struct FuncRefRecord {
  int32_t code;
  int32_t tail_code;  // tailcc, where the module has tail calls
  uint32_t type;      // type index
  uint32_t function;  // function index
};
static_assert(sizeof(FuncRefRecord) == 16);

struct TableRecord {  // defined tables
  // Its contents never change and nothing outside sees it: it lives in read-only data of the artifact, and the
  // context's VmTable stays empty.
  static constexpr uint32_t kStatic = 1;
  uint32_t element;  // ValType
  uint32_t flags;
  LimitsRecord limits;
};
static_assert(sizeof(TableRecord) == 32);

struct MemoryRecord {                            // defined memories
  static constexpr uint32_t kBoundsChecked = 1;  // code checks each access: no reservation beyond the maximum is needed
  uint32_t flags;
  uint32_t reserved;
  LimitsRecord limits;
};
static_assert(sizeof(MemoryRecord) == 32);

struct GlobalRecord {  // defined globals
  uint32_t type;       // ValType
  uint32_t is_mutable;
};
static_assert(sizeof(GlobalRecord) == 8);

struct ElemSegmentRecord {
  static constexpr uint32_t kNullItem = 0xffffffff;
  static constexpr uint32_t kGlobalItem = 0x80000000;  // | global index: the value of an imported global
  uint32_t first_item;  // in the list of items (uint32_t each): funcref slot, kNullItem, or kGlobalItem | index
  uint32_t count;       // 0 for declarative segments, and for active ones that went into a static table
};
static_assert(sizeof(ElemSegmentRecord) == 8);

// Pages of a memory that are mapped copy-on-write from the artifact's file.
struct ImageRange {
  uint32_t memory;  // among the defined memories
  uint32_t reserved;
  uint64_t memory_offset;  // bytes, page-aligned
  uint64_t image_offset;   // bytes from the start of the image, page-aligned
  uint64_t size;           // bytes, page-aligned
};
static_assert(sizeof(ImageRange) == 32);

// Functions in order of their index, for backtraces and profilers.
struct FunctionRecord {
  int32_t code;  // 0: inlined everywhere and dropped
  uint32_t function;
  StringRef name;          // as a backtrace shows it
  uint32_t module_offset;  // of the body in the .wasm, bytes
};
static_assert(sizeof(FunctionRecord) == 20);

// The inline table, for backtraces: which functions' code stands where in another's. One record after the other, not
// aligned, LEB128 unsigned:
//   uint32_t size; int32_t code;   bytes that follow `size`; the function's code, from the place of `code` itself
//   LEB scopes; {LEB function, parent}   a function inlined into `parent`: 0 is the function itself, else scope - 1
//   {LEB advance, LEB scope} ...   from here, in bytes of code after the last row (the first: after the function's
//                                  begin), the code is of this scope: 0 is the function itself, else scope - 1
// What does not decode names no frames and does no harm else.

struct ArtifactHeader {
  // Loads and stores are volatile: memory after a trap is exact.
  static constexpr uint32_t kStrictTraps = 1;
  // Every access is checked against the memory's size, imported memories included: only then may a memory with less
  // than kMemoryReservation be imported.
  static constexpr uint32_t kBoundsChecks = 2;

  char magic[8];
  uint32_t abi_version;
  uint32_t header_size;  // sizeof(ArtifactHeader)
  uint32_t total_size;   // header and all lists and strings
  uint32_t flags;

  // The context: its size (a multiple of 4096; 65536 on aarch64) and the offsets of its variable parts.
  uint32_t context_size;
  uint32_t ctx_type_ids;           // uint32_t per function type: the process-wide id
  uint32_t ctx_funcrefs;           // VmFuncRef per slot: imported functions, then `funcrefs`
  uint32_t ctx_imported_tables;    // VmTable* each
  uint32_t ctx_tables;             // VmTable per defined table
  uint32_t ctx_imported_memories;  // VmMemory* each
  uint32_t ctx_memories;           // VmMemory per defined memory
  uint32_t ctx_imported_globals;   // Value* each
  uint32_t ctx_globals;            // Value per defined global
  uint32_t ctx_data_sizes;         // uint32_t per data segment: bytes, 0 once dropped
  uint32_t ctx_elem_segments;      // VmElemSegment per element segment

  // EntryFn-shaped (context, null, null): initialises globals, active element and data segments that are neither static
  // nor in the image, in the specification's order, then calls the start function. 0: nothing to do.
  int32_t init;

  ListRef types;          // TypeRecord
  ListRef imports;        // ImportRecord
  ListRef exports;        // ExportRecord
  ListRef funcrefs;       // FuncRefRecord
  ListRef tables;         // TableRecord
  ListRef memories;       // MemoryRecord
  ListRef globals;        // GlobalRecord
  ListRef data_sizes;     // uint32_t: initial bytes per data segment (0 if it went into the image)
  ListRef elem_segments;  // ElemSegmentRecord
  ListRef elem_items;     // uint32_t
  ListRef image_ranges;   // ImageRange
  ListRef functions;      // FunctionRecord

  int32_t image;          // the image section; 0: none
  uint32_t image_size;    // bytes
  StringRef module_name;  // from the name section, else empty

  int32_t inlines_begin;  // the inline table
  int32_t inlines_end;
};
static_assert(sizeof(ArtifactHeader) == 192);
static_assert(alignof(ArtifactHeader) == 4);

}  // namespace guardc::abi
