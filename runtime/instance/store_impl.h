// What is behind Store and Instance. Internal to the runtime's core; a Store and all in it belong to one thread at a
// time.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <variant>
#include <vector>

#include "artifact/abi.h"
#include "guardc/instance.h"
#include "runtime/host/host_functions.h"
#include "runtime/instance/table.h"
#include "runtime/memory/address_space.h"
#include "runtime/memory/budget.h"
#include "runtime/memory/linear_memory.h"
#include "runtime/trap/activation.h"
#include "runtime/trap/backtrace.h"
#include "runtime/trap/code_registry.h"

namespace guardc {

class InstanceSnapshot;

struct GlobalObject {
  GlobalType type;
  abi::Value* value = nullptr;  // in the defining instance's context, or `own`
  abi::Value own = {};
  const void* store = nullptr;
};

// Behind Store::NewFunc. `vm` is the context that generated code passes to the thunk and the thunk to CallHostFunction.
struct HostFuncObject {
  abi::VmHostFunc vm;
  abi::VmFuncRef ref;  // `code` is null until some module of the Store has a thunk for the type
  HostFunction function;
  Store::Impl* store;
};

// An import that a function of the guard's host answers (host_functions.h).
struct BoundImport {
  abi::VmHostFunc vm;  // vm.fn is `real`, or a wrapper that takes the time
  abi::HostFn real;
};

struct ImportedFunc {
  const void* code;  // null: the importing artifact's thunk for the type
  void* context;
  uint32_t type_id;
};
using ResolvedImport = std::variant<ImportedFunc, TableObject*, LinearMemory*, GlobalObject*>;  // order of ExternKind

class Store::Impl {
 public:
  Impl(Store* store, StoreOptions o) : self(store), options(o) {}

  // Links, allocates and runs `init`. `host` may be null.
  [[nodiscard]] Result<Instance*> Instantiate(std::shared_ptr<const Module> module, std::vector<ResolvedImport> imports,
                                              HostState* host, std::vector<BoundImport> host_imports,
                                              const CallOptions& call);
  // The same, but in the state of `snapshot`: runs nothing.
  [[nodiscard]] Result<Instance*> Clone(const InstanceSnapshot& snapshot, std::vector<ResolvedImport> imports,
                                        HostState* host, std::vector<BoundImport> host_imports);
  // kInvalidArgument for an extern of another Store.
  [[nodiscard]] Result<ResolvedImport> Resolve(const Extern& import);

  // The instance that defines the function, or null for a host function.
  Instance::Impl* InstanceOf(const abi::VmFuncRef& function) const;
  // Calls any function of the Store, on values of the right types.
  [[nodiscard]] Result<void> Call(const abi::VmFuncRef& function, abi::Value* values, const CallOptions& call);
  // Null where no module of the Store can enter functions of that type.
  abi::EntryFn EntryFor(uint32_t type_id) const;
  // A funcref that generated code may call: gives a host function its code. kUnsupported where no module of the Store
  // imports a function of its type.
  [[nodiscard]] Result<void> MakeCallable(void* funcref) const;
  // What a host function that answered kHostUnwind left behind.
  Error TakeHostError();

  // Checks the type of `val`, and that a funcref can be called.
  [[nodiscard]] Result<abi::Value> ToValue(const Val& val, ValType type) const;

  // With or without what memory holds at first.
  enum class Contents : uint8_t { kInitial, kNone };
  Result<Instance*> Add(std::shared_ptr<const Module> module, std::span<const ResolvedImport> imports, HostState* host,
                        std::vector<BoundImport> host_imports, Contents contents);

  Store* const self;
  const StoreOptions options;
  MemoryRegions regions;
  std::vector<std::unique_ptr<Instance>> instances;  // those whose start function failed as well
  std::unordered_map<const void*, Instance::Impl*> by_context;
  std::vector<HostState*> hosts;
  // Their elements stay where they are.
  std::list<HostFuncObject> host_funcs;
  std::list<LinearMemory> memories;
  std::list<TableObject> tables;
  std::list<GlobalObject> globals;
  std::optional<Error> host_error;  // of a HostFuncObject

 private:
  // The code that some module of the Store has for functions of a type; null where none has.
  const void* CodeFor(uint32_t type_id, int32_t abi::TypeRecord::* code) const;
};

class Instance::Impl {
 public:
  // Allocates; runs nothing. Imports must have been matched.
  ~Impl();

  [[nodiscard]] static Result<std::unique_ptr<Impl>> Create(Store::Impl& store, std::shared_ptr<const Module> module,
                                                            std::span<const ResolvedImport> imports,
                                                            Store::Impl::Contents contents);

  const abi::ArtifactHeader& header() const { return module->artifact().header(); }
  template <class T>
  T* ContextAt(uint32_t offset) const {
    return reinterpret_cast<T*>(reinterpret_cast<std::byte*>(context) + offset);
  }
  // Null where there is none of that name.
  const abi::ExportRecord* FindExport(std::string_view name) const;

  // What an answer of guardc_enter_guest other than 0 means; the instance is failed where it says so.
  Error DescribeOutcome(uint32_t outcome, InterruptReason reason);
  void SetTimed(bool timed);

  Store::Impl& store;
  const std::shared_ptr<const Module> module;
  const RegisteredCode code;
  HostState* host = nullptr;
  std::vector<BoundImport> host_imports;
  Mapping space;  // guard, stack, guard, context, memory 0; see Layout
  abi::VmContext* context = nullptr;
  Activation activation;
  // Index spaces, imports first. Null for static tables.
  std::vector<LinearMemory*> memories;
  std::vector<TableObject*> tables;
  std::vector<GlobalObject*> globals;
  Budget<LinearMemory> memory_budget;
  Budget<TableObject> table_budget;
  std::vector<std::vector<void*>> elem_segments;
  std::shared_ptr<const Error> failure;  // TRAP-5
  uint64_t snapshot_id = 0;              // of the snapshot that its memory is mapped from, if any
  bool leaves_space = false;             // `space` is mapped as another instance of the artifact would want it
  bool is_active = false;
  bool is_timed = false;  // host_imports go through the wrapper

 private:
  Impl(Store::Impl& s, std::shared_ptr<const Module> m)
      : store(s),
        module(std::move(m)),
        code(module->artifact()),
        memory_budget{s.options.memory_cap_pages, {}},
        table_budget{s.options.table_cap, {}} {}

  // kLimit where what the module begins with is above a budget.
  Result<void> CheckBudgets() const;

  // What of `space` is accessible, and has memory 0's initial pages.
  struct Layout {
    uint64_t stack_at = 0;
    uint64_t stack_size = 0;
    uint64_t context_at = 0;
    uint64_t memory_at = 0;
    uint64_t initial_size = 0;  // up to the end of memory 0's initial pages
    uint64_t size = 0;
    bool has_memory = false;  // memory 0 lies here
  };
  Result<Layout> PlanLayout() const;
  Result<void> Allocate(Store::Impl::Contents contents);
  Result<void> CreateMemories(Store::Impl::Contents contents);
  Result<void> MapImage();
  Result<void> CreateTables();
  void CreateGlobals();
  void FillFunctions(std::span<const ResolvedImport> imports);
  void FillElemSegments();

  void FailAllOnStack(const Error& error, const Backtrace& backtrace);

  Layout layout_;
  bool is_spare_ = false;  // `space` was another instance's: accessible, and the image mapped
};

extern const abi::VmBuiltins kBuiltins;

// HostFn of every HostFuncObject.
TrapCode CallHostFunction(void* self, abi::Value* values);

Val ToVal(const abi::Value& value, ValType type);
Limits ToLimits(const abi::LimitsRecord& record);

// Compares imports with what was given for them. kUnknownImport.
[[nodiscard]] Result<void> CheckImports(const Module& module, std::span<const ResolvedImport> given);

// Handles are made and opened here alone.
struct RuntimeAccess {
  static Func MakeFunc(Store* store, abi::VmFuncRef* ref);
  static Memory MakeMemory(LinearMemory* memory);
  static Table MakeTable(TableObject* table);
  static Global MakeGlobal(GlobalObject* global);
  static abi::VmFuncRef* Open(const Func& func);
  static LinearMemory* Open(const Memory& memory);
  static TableObject* Open(const Table& table);
  static GlobalObject* Open(const Global& global);
  static Store* StoreOf(const Func& func);
  static std::unique_ptr<Instance> MakeInstance(std::unique_ptr<Instance::Impl> impl);
};

}  // namespace guardc
