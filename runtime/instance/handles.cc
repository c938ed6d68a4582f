// Values and the handles Func, Memory, Table and Global.
#include <cstring>

#include "base/format.h"
#include "runtime/instance/store_impl.h"
#include "runtime/instance/type_registry.h"

namespace guardc {

namespace {

size_t SizeOf(ValType type) {
  switch (type) {
    case ValType::kI32:
    case ValType::kF32:
      return 4;
    case ValType::kV128:
      return 16;
    default:
      return 8;
  }
}

template <class T>
Val MakeVal(ValType type, const T& bits) {
  Val val;
  val.type = type;
  std::memcpy(val.bits, &bits, sizeof(bits));
  return val;
}

template <class T>
T BitsOf(const Val& val) {
  T bits;
  std::memcpy(&bits, val.bits, sizeof(bits));
  return bits;
}

}  // namespace

Val Val::I32(uint32_t v) { return MakeVal(ValType::kI32, v); }
Val Val::I64(uint64_t v) { return MakeVal(ValType::kI64, v); }
Val Val::F32Bits(uint32_t v) { return MakeVal(ValType::kF32, v); }
Val Val::F64Bits(uint64_t v) { return MakeVal(ValType::kF64, v); }
Val Val::V128(std::span<const uint8_t, 16> v) {
  Val val;
  val.type = ValType::kV128;
  std::memcpy(val.bits, v.data(), v.size());
  return val;
}
Val Val::Ref(ValType type, void* pointer) { return MakeVal(type, pointer); }
uint32_t Val::i32() const { return BitsOf<uint32_t>(*this); }
uint64_t Val::i64() const { return BitsOf<uint64_t>(*this); }
void* Val::ref() const { return BitsOf<void*>(*this); }

Val ToVal(const abi::Value& value, ValType type) {
  Val val;
  val.type = type;
  std::memcpy(val.bits, &value, SizeOf(type));
  return val;
}

Result<abi::Value> Store::Impl::ToValue(const Val& val, ValType type) const {
  if (val.type != type) {
    return Fail(ErrorKind::kInvalidArgument,
                Format("expected a value of type {}, got {}", ValTypeName(type), ValTypeName(val.type)));
  }
  if (type == ValType::kFuncRef && val.ref() != nullptr) GUARDC_CHECK(MakeCallable(val.ref()));
  abi::Value value = {};
  std::memcpy(&value, val.bits, SizeOf(type));
  return value;
}

const FuncType& Func::type() const { return TypeOf(static_cast<abi::VmFuncRef*>(funcref_)->type_id); }

Result<std::vector<Val>> Func::Call(std::span<const Val> args, const CallOptions& call) const {
  const auto& ref = *static_cast<abi::VmFuncRef*>(funcref_);
  const FuncType& signature = type();
  if (args.size() != signature.params.size()) {
    return Fail(ErrorKind::kInvalidArgument, Format("a function of type {} takes {} arguments, {} were given",
                                                    ToString(signature), signature.params.size(), args.size()));
  }
  Store::Impl& store = store_->impl();
  std::vector<abi::Value> values(std::max<size_t>({signature.params.size(), signature.results.size(), 1}));
  for (size_t i = 0; i < args.size(); ++i) {
    GUARDC_TRY(values[i], store.ToValue(args[i], signature.params[i]));
  }
  GUARDC_CHECK(store.Call(ref, values.data(), call));
  std::vector<Val> results;
  results.reserve(signature.results.size());
  for (size_t i = 0; i < signature.results.size(); ++i) results.push_back(ToVal(values[i], signature.results[i]));
  return results;
}

Val Func::Ref() const { return Val::Ref(ValType::kFuncRef, funcref_); }

const MemoryType& Memory::type() const { return static_cast<LinearMemory*>(memory_)->type; }

std::span<std::byte> Memory::data() const {
  const abi::VmMemory& memory = *static_cast<LinearMemory*>(memory_)->vm;
  return {reinterpret_cast<std::byte*>(memory.base), memory.size};
}

uint64_t Memory::pages() const { return static_cast<LinearMemory*>(memory_)->pages(); }

Result<uint64_t> Memory::Grow(uint64_t delta_pages) {
  auto& memory = *static_cast<LinearMemory*>(memory_);
  const uint64_t old_pages = memory.Grow(delta_pages);
  if (old_pages == ~uint64_t{0}) {
    ErrorDetails details;
    const uint64_t left = memory.budget == nullptr ? ~uint64_t{0} : memory.budget->Left();
    details.limit = memory.pages() + std::min(memory.max_pages - memory.pages(), left);
    return Fail(
        ErrorKind::kLimit,
        Format("memory of {} pages cannot grow by {}: limit {} pages", memory.pages(), delta_pages, *details.limit),
        std::move(details));
  }
  return old_pages;
}

const TableType& Table::type() const { return static_cast<TableObject*>(table_)->type; }

uint64_t Table::size() const { return static_cast<TableObject*>(table_)->vm->size; }

Result<Val> Table::Get(uint64_t index) const {
  const auto& table = *static_cast<TableObject*>(table_);
  if (index >= table.vm->size) {
    return Fail(ErrorKind::kInvalidArgument,
                Format("table index {} is outside a table of {} elements", index, table.vm->size));
  }
  return Val::Ref(table.type.element, table.elements[index]);
}

Result<void> Table::Set(uint64_t index, const Val& value) {
  auto& table = *static_cast<TableObject*>(table_);
  if (index >= table.vm->size) {
    return Fail(ErrorKind::kInvalidArgument,
                Format("table index {} is outside a table of {} elements", index, table.vm->size));
  }
  GUARDC_TRY(const abi::Value element,
             static_cast<const Store::Impl*>(table.store)->ToValue(value, table.type.element));
  table.elements[index] = element.ref;
  return {};
}

const GlobalType& Global::type() const { return static_cast<GlobalObject*>(global_)->type; }

Val Global::Get() const {
  const auto& global = *static_cast<GlobalObject*>(global_);
  return ToVal(*global.value, global.type.type);
}

Result<void> Global::Set(const Val& value) {
  auto& global = *static_cast<GlobalObject*>(global_);
  if (!global.type.is_mutable) return Fail(ErrorKind::kInvalidArgument, "the global is immutable");
  GUARDC_TRY(*global.value, static_cast<const Store::Impl*>(global.store)->ToValue(value, global.type.type));
  return {};
}

Func RuntimeAccess::MakeFunc(Store* store, abi::VmFuncRef* ref) {
  Func func;
  func.store_ = store;
  func.funcref_ = ref;
  return func;
}

Memory RuntimeAccess::MakeMemory(LinearMemory* memory) {
  Memory handle;
  handle.memory_ = memory;
  return handle;
}

Table RuntimeAccess::MakeTable(TableObject* table) {
  Table handle;
  handle.table_ = table;
  return handle;
}

Global RuntimeAccess::MakeGlobal(GlobalObject* global) {
  Global handle;
  handle.global_ = global;
  return handle;
}

abi::VmFuncRef* RuntimeAccess::Open(const Func& func) { return static_cast<abi::VmFuncRef*>(func.funcref_); }
LinearMemory* RuntimeAccess::Open(const Memory& memory) { return static_cast<LinearMemory*>(memory.memory_); }
TableObject* RuntimeAccess::Open(const Table& table) { return static_cast<TableObject*>(table.table_); }
GlobalObject* RuntimeAccess::Open(const Global& global) { return static_cast<GlobalObject*>(global.global_); }
Store* RuntimeAccess::StoreOf(const Func& func) { return func.store_; }

std::unique_ptr<Instance> RuntimeAccess::MakeInstance(std::unique_ptr<Instance::Impl> impl) {
  return std::unique_ptr<Instance>(new Instance(std::move(impl)));
}

}  // namespace guardc
