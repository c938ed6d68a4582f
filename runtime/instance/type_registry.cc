#include "runtime/instance/type_registry.h"

#include <deque>
#include <mutex>
#include <string>
#include <unordered_map>

namespace guardc {

namespace {

struct Registry {
  std::mutex mutex;
  std::deque<FuncType> types;  // by id - 1; addresses stay
  std::unordered_map<std::string, uint32_t> ids;
};

Registry& TheRegistry() {
  static auto* const registry = new Registry;
  return *registry;
}

std::string Key(const FuncType& type) {
  std::string key;
  for (const ValType t : type.params) key += static_cast<char>(t);
  key += '\0';
  for (const ValType t : type.results) key += static_cast<char>(t);
  return key;
}

FuncType ToFuncType(const loader::LoadedArtifact& artifact, const abi::TypeRecord& record) {
  const auto* types = artifact.At<ValType>(record.val_types);
  FuncType out;
  out.params.assign(types, types + record.param_count);
  out.results.assign(types + record.param_count, types + record.param_count + record.result_count);
  return out;
}

}  // namespace

uint32_t InternType(const FuncType& type) {
  Registry& registry = TheRegistry();
  const std::lock_guard lock(registry.mutex);
  const auto [it, is_new] = registry.ids.try_emplace(Key(type), registry.types.size() + 1);
  if (is_new) registry.types.push_back(type);
  return it->second;
}

const FuncType& TypeOf(uint32_t id) {
  Registry& registry = TheRegistry();
  const std::lock_guard lock(registry.mutex);
  return registry.types[id - 1];
}

std::span<const uint32_t> TypeIdsOf(const loader::LoadedArtifact& artifact) {
  loader::LoadedArtifact::ForRuntime& known = artifact.for_runtime();
  std::call_once(known.type_ids_once, [&] {
    std::vector<uint32_t> ids;
    for (const abi::TypeRecord& record : artifact.List<abi::TypeRecord>(artifact.header().types)) {
      ids.push_back(InternType(ToFuncType(artifact, record)));
    }
    known.type_ids = std::move(ids);
  });
  return known.type_ids;
}

}  // namespace guardc
