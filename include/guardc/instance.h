// Store, Instance and the four kinds of extern: the general embedding API, below the guard's. An embedder that only
// wants labels needs guardc/guard.h alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "guardc/call.h"
#include "guardc/module.h"
#include "guardc/result.h"
#include "guardc/types.h"

namespace guardc {

class Store;
class Instance;

// A typed WebAssembly value. Floats are held as bits, so that NaN payloads survive.
struct Val {
  ValType type = ValType::kI32;
  alignas(16) uint8_t bits[16] = {};  // little-endian; references: a pointer, null reference = all zero

  static Val I32(uint32_t v);
  static Val I64(uint64_t v);
  static Val F32Bits(uint32_t v);
  static Val F64Bits(uint64_t v);
  static Val V128(std::span<const uint8_t, 16> v);
  static Val Ref(ValType type, void* pointer);  // kExternRef: the embedder's own; kFuncRef: from Func::Ref()
  uint32_t i32() const;
  uint64_t i64() const;
  void* ref() const;
};

// Handles: cheap to copy, valid while their Store lives. Not thread-safe, like the Store.
class Func {
 public:
  const FuncType& type() const;
  // Runs it. kTrap with a backtrace, kExit, kCancelled, kDeadline, kInstanceFailed; kInvalidArgument on wrong types.
  [[nodiscard]] Result<std::vector<Val>> Call(std::span<const Val> args, const CallOptions& call = {}) const;
  Val Ref() const;

 private:
  friend struct RuntimeAccess;
  Store* store_ = nullptr;
  void* funcref_ = nullptr;  // abi::VmFuncRef
};

class Memory {
 public:
  const MemoryType& type() const;
  std::span<std::byte> data() const;  // valid until the next grow or call
  uint64_t pages() const;
  Result<uint64_t> Grow(uint64_t delta_pages);  // old size; kLimit

 private:
  friend struct RuntimeAccess;
  void* memory_ = nullptr;
};

class Table {
 public:
  const TableType& type() const;
  uint64_t size() const;
  Result<Val> Get(uint64_t index) const;
  Result<void> Set(uint64_t index, const Val& value);

 private:
  friend struct RuntimeAccess;
  void* table_ = nullptr;
};

class Global {
 public:
  const GlobalType& type() const;
  Val Get() const;
  Result<void> Set(const Val& value);  // kInvalidArgument where immutable or of another type

 private:
  friend struct RuntimeAccess;
  void* global_ = nullptr;
};

using Extern = std::variant<Func, Table, Memory, Global>;  // in the order of ExternKind

// A host function for Store::NewFunc. Gets arguments, fills `results` (already of the right types); an error ends the
// guest's call with that error. Must not throw.
using HostFunction = std::function<Result<void>(std::span<const Val> args, std::span<Val> results)>;

struct StoreOptions {
  // Of an instance, altogether: the pages (of 64 KiB) of all memories that it defines, and the elements (of 8 bytes) of
  // all its tables. Growing beyond answers -1; a module that begins beyond is kLimit. Each memory and table that the
  // host makes may have as much.
  uint64_t memory_cap_pages = 65536;
  uint64_t table_cap = 10'000'000;
  uint64_t stack_size = uint64_t{1} << 20;  // bytes of guest stack per instance
  // False: instances may be called again after a trap, as the specification's tests do. Guards never are.
  bool fail_after_trap = true;
};

// The signal that interrupts guests at their deadline or stop: 34 unless chosen otherwise, before the first instance,
// by an embedder that needs 34 itself. kInvalidArgument for anything but a real-time signal, or once there is an
// instance.
[[nodiscard]] Result<void> SetInterruptionSignal(int signal);

// Owns instances and what they share; everything in it lives until the Store goes. One thread at a time.
class Store {
 public:
  explicit Store(StoreOptions options = {});
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  Func NewFunc(FuncType type, HostFunction function);
  Result<Global> NewGlobal(GlobalType type, const Val& value);
  Result<Memory> NewMemory(MemoryType type);
  Result<Table> NewTable(TableType type, const Val& initial);

  // `imports` in the module's order. kUnknownImport where number, kind or type does not match (module, field, both
  // types named); kTrap, kLimit, kOutOfMemory. Runs the start function; calls neither _start nor _initialize.
  [[nodiscard]] Result<Instance*> Instantiate(std::shared_ptr<const Module> module, std::span<const Extern> imports,
                                              const CallOptions& call = {});

  class Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

class Instance {
 public:
  std::optional<Extern> Export(std::string_view name) const;
  std::optional<Func> ExportedFunc(std::string_view name) const;
  std::optional<Memory> ExportedMemory(std::string_view name) const;
  const Module& module() const;
  bool failed() const;  // an earlier call trapped: every later one is kInstanceFailed

  class Impl;
  Impl& impl() const { return *impl_; }
  ~Instance();

 private:
  friend struct RuntimeAccess;
  explicit Instance(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace guardc
