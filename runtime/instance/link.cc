// Import matching (core specification 4.5.3 and 3.4): what was given must be of the imported type, or of a subtype in
// its limits.
#include "base/format.h"
#include "runtime/instance/store_impl.h"
#include "runtime/instance/type_registry.h"

namespace guardc {

namespace {

// `given.min` is the size now.
bool Matches(const Limits& given, const Limits& wanted) {
  if (given.is_64 != wanted.is_64 || given.is_shared != wanted.is_shared || given.min < wanted.min) return false;
  return !wanted.max || (given.max && *given.max <= *wanted.max);
}

struct TypeOfGiven {
  ExternType operator()(const ImportedFunc& func) const {
    return {.kind = ExternKind::kFunc, .func = TypeOf(func.type_id), .table = {}, .memory = {}, .global = {}};
  }
  ExternType operator()(const TableObject* table) const {
    ExternType type{.kind = ExternKind::kTable, .func = {}, .table = table->type, .memory = {}, .global = {}};
    type.table.limits.min = table->vm->size;
    return type;
  }
  ExternType operator()(const LinearMemory* memory) const {
    ExternType type{.kind = ExternKind::kMemory, .func = {}, .table = {}, .memory = memory->type, .global = {}};
    type.memory.limits.min = memory->pages();
    return type;
  }
  ExternType operator()(const GlobalObject* global) const {
    return {.kind = ExternKind::kGlobal, .func = {}, .table = {}, .memory = {}, .global = global->type};
  }
};

bool Matches(const ExternType& given, const ExternType& wanted) {
  if (given.kind != wanted.kind) return false;
  switch (wanted.kind) {
    case ExternKind::kFunc:
      return given.func == wanted.func;
    case ExternKind::kTable:
      return given.table.element == wanted.table.element && Matches(given.table.limits, wanted.table.limits);
    case ExternKind::kMemory:
      return Matches(given.memory.limits, wanted.memory.limits);
    case ExternKind::kGlobal:
      return given.global.type == wanted.global.type && given.global.is_mutable == wanted.global.is_mutable;
  }
  return false;
}

bool HasHostThunk(const loader::LoadedArtifact& artifact, uint32_t type) {
  return artifact.List<abi::TypeRecord>(artifact.header().types)[type].host_thunk != 0;
}

}  // namespace

Result<void> CheckImports(const Module& module, std::span<const ResolvedImport> given) {
  const std::vector<ImportType>& wanted = module.imports();
  if (given.size() != wanted.size()) {
    return Fail(ErrorKind::kUnknownImport,
                Format("'{}' has {} imports, but {} were given", module.name(), wanted.size(), given.size()));
  }
  const loader::LoadedArtifact& artifact = module.artifact();
  const bool checks_bounds = (artifact.header().flags & abi::ArtifactHeader::kBoundsChecks) != 0;
  const auto records = artifact.List<abi::ImportRecord>(artifact.header().imports);
  const auto type_ids = TypeIdsOf(artifact);
  for (size_t i = 0; i < wanted.size(); ++i) {
    // The usual case, without a copy of the type: one number per type.
    const auto* func = std::get_if<ImportedFunc>(&given[i]);
    if (func != nullptr && wanted[i].type.kind == ExternKind::kFunc && func->type_id == type_ids[records[i].type] &&
        (func->code != nullptr || HasHostThunk(artifact, records[i].type))) {
      continue;
    }
    const ExternType type = std::visit(TypeOfGiven(), given[i]);
    if (!Matches(type, wanted[i].type)) {
      return Fail(ErrorKind::kUnknownImport,
                  Format("import '{}.{}': the module wants {}, but {} was given", wanted[i].module, wanted[i].name,
                         ToString(wanted[i].type), ToString(type)));
    }
    if (func != nullptr && func->code == nullptr && !HasHostThunk(artifact, records[i].type)) {
      return Fail(ErrorKind::kCorruptArtifact, Format("import '{}.{}': the artifact has no code for host functions",
                                                      wanted[i].module, wanted[i].name));
    }
    // MEM-1: code without checks of its own relies on the guard region behind the memory.
    const auto* memory = std::get_if<LinearMemory*>(&given[i]);
    if (memory != nullptr && !checks_bounds && !type.memory.limits.is_64 &&
        (*memory)->reserved < abi::kMemoryReservation) {
      return Fail(ErrorKind::kUnknownImport,
                  Format("import '{}.{}': the memory belongs to a module compiled with --bounds-checks and has no "
                         "guard region; compile '{}' with --bounds-checks as well",
                         wanted[i].module, wanted[i].name, module.name()));
    }
  }
  return {};
}

}  // namespace guardc
