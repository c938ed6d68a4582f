#include "tests/fuzz/validity/limits.h"

#include <initializer_list>

#include "compiler/frontend/read_limits.h"

namespace guardc::validity {
namespace {

namespace limits = compiler::read_limits;

class Module {
 public:
  Module& Section(uint8_t id, const Bytes& content) {
    wasm_.push_back(id);
    AppendU32(wasm_, static_cast<uint32_t>(content.size()));
    Append(wasm_, content);
    return *this;
  }
  // `count` times the same entry.
  Module& Vector(uint8_t id, uint32_t count, const Bytes& entry) { return Section(id, Repeated(count, entry)); }
  // One function of the first type, with these locals and code.
  Module& Function(const Bytes& locals, const Bytes& code) {
    Section(3, {1, 0});
    Bytes body = locals;
    Append(body, code);
    Bytes content = {1};
    AppendU32(content, static_cast<uint32_t>(body.size()));
    Append(content, body);
    return Section(10, content);
  }
  Bytes Take() { return std::move(wasm_); }

  static void Append(Bytes& to, const Bytes& from) { to.insert(to.end(), from.begin(), from.end()); }
  static Bytes Repeated(uint32_t count, const Bytes& entry) {
    Bytes content;
    AppendU32(content, count);
    for (uint32_t i = 0; i < count; ++i) Append(content, entry);
    return content;
  }

 private:
  Bytes wasm_ = {0, 'a', 's', 'm', 1, 0, 0, 0};
};

const Bytes kEmptyType = {1, 0x60, 0, 0};

Bytes Params(uint32_t count) {
  Bytes type = {1, 0x60};
  Module::Append(type, Module::Repeated(count, {0x7f}));
  type.push_back(0);
  return Module().Section(1, type).Take();
}

Bytes Results(uint32_t count) {
  Bytes type = {1, 0x60, 0};
  Module::Append(type, Module::Repeated(count, {0x7f}));
  return Module().Section(1, type).Take();
}

// One of them a parameter.
Bytes Locals(uint32_t count) {
  Bytes locals = {1};
  AppendU32(locals, count - 1);
  locals.push_back(0x7f);
  return Module().Section(1, {1, 0x60, 1, 0x7f, 0}).Function(locals, {0x0b}).Take();
}

Bytes BrTable(uint32_t targets) {
  Bytes code = {0x41, 0, 0x0e};
  Module::Append(code, Module::Repeated(targets, {0}));
  Module::Append(code, {0, 0x0b});
  return Module().Section(1, kEmptyType).Function({0}, code).Take();
}

Bytes Nesting(uint32_t depth) {
  Bytes code;
  for (uint32_t i = 0; i < depth; ++i) Module::Append(code, {0x02, 0x40});
  code.insert(code.end(), depth + 1, 0x0b);
  return Module().Section(1, kEmptyType).Function({0}, code).Take();
}

Bytes Operands(uint32_t count) {
  Bytes code;
  for (uint32_t i = 0; i < count; ++i) Module::Append(code, {0x41, 0});
  Module::Append(code, {0x00, 0x0b});
  return Module().Section(1, kEmptyType).Function({0}, code).Take();
}

Bytes Memories(uint32_t count) { return Module().Vector(5, count, {0, 0}).Take(); }
Bytes Tables(uint32_t count) { return Module().Vector(4, count, {0x70, 0, 0}).Take(); }
Bytes DataSegments(uint32_t count) { return Module().Vector(11, count, {1, 0}).Take(); }
Bytes ElemSegments(uint32_t count) { return Module().Vector(9, count, {1, 0, 0}).Take(); }

Bytes TableSize(uint32_t size) {
  Bytes table = {1, 0x70, 0};
  AppendU32(table, size);
  return Module().Section(4, table).Take();
}

Bytes ElemItems(uint32_t count) {
  Bytes segment = {1, 1, 0};
  Module::Append(segment, Module::Repeated(count, {0}));
  return Module().Section(1, kEmptyType).Section(2, {1, 0, 0, 0, 0}).Section(9, segment).Take();
}

// Of so many instructions, or one less.
Bytes ConstExpr(uint32_t count) {
  Bytes segment = {1, 0, 0x41, 0};
  for (uint32_t i = 0; i < (count - 1) / 2; ++i) Module::Append(segment, {0x41, 0, 0x6a});
  Module::Append(segment, {0x0b, 0});
  return Module().Section(4, {1, 0x70, 0, 0}).Section(9, segment).Take();
}

Bytes ImportName(uint32_t size) {
  Bytes import = {1};
  Module::Append(import, Module::Repeated(size, {'m'}));
  Module::Append(import, {0, 3, 0x7f, 0});
  return Module().Section(2, import).Take();
}

Bytes ExportName(uint32_t size) {
  Bytes exported = {1};
  Module::Append(exported, Module::Repeated(size, {'m'}));
  Module::Append(exported, {2, 0});
  return Module().Section(5, {1, 0, 0}).Section(7, exported).Take();
}

}  // namespace

std::vector<Bytes> LimitModules() {
  static constexpr struct {
    Bytes (*make)(uint32_t);
    uint32_t limit;
  } kLimits[] = {
      {Params, limits::kParams},
      {Results, limits::kResults},
      {Locals, limits::kLocals},
      {BrTable, limits::kBrTableTargets},
      {Nesting, limits::kNesting},
      {Operands, limits::kOperands},
      {Memories, limits::kMemories},
      {Tables, limits::kTables},
      {TableSize, limits::kTableSize},
      {DataSegments, limits::kDataSegments},
      {ElemSegments, limits::kElemSegments},
      {ElemItems, limits::kElemItems},
      {ConstExpr, limits::kOperands},
      {ImportName, limits::kNameSize},
      {ExportName, limits::kNameSize},
  };
  std::vector<Bytes> modules;
  for (const auto& [make, limit] : kLimits) {
    modules.push_back(make(limit));
    modules.push_back(make(limit + 1));
  }
  return modules;
}

}  // namespace guardc::validity
