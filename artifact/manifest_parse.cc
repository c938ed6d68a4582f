// JSON text -> Manifest, trusting nothing: every field must be there, of its type and in its range, and no other may.
#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "artifact/cache_key.h"
#include "artifact/manifest.h"
#include "base/checksum.h"
#include "base/hash.h"

namespace guardc::artifact {

namespace {

using Json = nlohmann::json;

// Reads the members of one JSON object, each exactly once; remembers the first thing that is wrong, so that the code
// below can be a plain list of fields.
class Fields {
 public:
  Fields(const Json& json, std::string where, std::string& problem)
      : json_(json), where_(std::move(where)), problem_(problem) {
    if (!json.is_object()) Report("", std::string("is ") + json.type_name() + ", expected an object");
  }
  // Every member was asked for, or there is one that should not be there.
  ~Fields() {
    if (!json_.is_object() || json_.size() == asked_.size()) return;
    for (const auto& [key, value] : json_.items()) {
      if (std::find(asked_.begin(), asked_.end(), key) == asked_.end()) Report(key, "is unknown");
    }
  }
  Fields(const Fields&) = delete;

  const Json* Member(const char* key) {
    static const Json kNull;
    if (!json_.is_object()) return &kNull;
    asked_.push_back(key);
    const auto it = json_.find(key);
    if (it == json_.end()) {
      Report(key, "is missing");
      return &kNull;
    }
    return &*it;
  }
  std::string Path(std::string_view key) const {
    return where_.empty() || key.empty() ? where_ + std::string(key) : where_ + "." + std::string(key);
  }
  void Report(std::string_view key, std::string_view what) {
    if (problem_.empty()) problem_ = (Path(key).empty() ? "the text" : Path(key)) + " " + std::string(what);
  }
  void Expect(bool ok, std::string_view key, const Json& found, std::string_view expected) {
    if (!ok) Report(key, "is " + Shown(found) + ", expected " + std::string(expected));
  }

  void Get(const char* key, std::string& value) {
    const Json* json = Member(key);
    if (const auto* text = json->get_ptr<const std::string*>()) {
      value = *text;
    } else {
      Expect(false, key, *json, "a string");
    }
  }
  void GetSha256(const char* key, std::string& value) {
    Get(key, value);
    if (!IsSha256Hex(value)) Report(key, "is \"" + value + "\", expected 64 lower-case hexadecimal digits");
  }
  void GetXxh3(const char* key, std::string& value) {
    Get(key, value);
    if (!IsXxh3Hex(value)) Report(key, "is \"" + value + "\", expected 32 lower-case hexadecimal digits");
  }
  void Get(const char* key, bool& value) {
    const Json* json = Member(key);
    Expect(json->is_boolean(), key, *json, "true or false");
    if (json->is_boolean()) value = json->get<bool>();
  }
  template <class T>
    requires std::is_unsigned_v<T>
  void Get(const char* key, T& value, T max = std::numeric_limits<T>::max()) {
    const Json* json = Member(key);
    const auto* number = json->get_ptr<const Json::number_unsigned_t*>();
    const bool ok = number != nullptr && *number <= max;
    if (ok) {
      value = static_cast<T>(*number);
    } else {
      Expect(false, key, *json, "a number from 0 to " + std::to_string(max));
    }
  }
  void GetOrNull(const char* key, std::optional<uint64_t>& value) {
    const Json* json = Member(key);
    if (json->is_null()) return;
    const auto* number = json->get_ptr<const Json::number_unsigned_t*>();
    Expect(number != nullptr, key, *json, "a number or null");
    if (number != nullptr) value = *number;
  }
  // One of a list of names; `name_of` gives the name of each value.
  template <class T, class NameOf>
  void GetName(const char* key, T& value, std::initializer_list<T> values, NameOf name_of) {
    std::string text;
    Get(key, text);
    for (const T candidate : values) {
      if (text == name_of(candidate)) {
        value = candidate;
        return;
      }
    }
    Report(key, "is \"" + text + "\", which is none of its names");
  }
  template <class Each>
  void GetArray(const char* key, Each each) {
    const Json* json = Member(key);
    Expect(json->is_array(), key, *json, "an array");
    if (!json->is_array()) return;
    size_t index = 0;
    for (const Json& element : *json) each(element, Path(key) + "[" + std::to_string(index++) + "]");
  }

 private:
  static std::string Shown(const Json& json) {
    std::string text = json.dump(-1, ' ', true, Json::error_handler_t::replace);
    if (text.size() > 40) text = text.substr(0, 40) + "...";
    return text;
  }
  const Json& json_;
  std::string where_;
  std::string& problem_;
  std::vector<std::string_view> asked_;
};

void ReadKind(Fields& fields, ExternKind& kind) {
  fields.GetName("kind", kind, {ExternKind::kFunc, ExternKind::kTable, ExternKind::kMemory, ExternKind::kGlobal},
                 ExternKindName);
}

void ReadLimits(Fields& fields, Limits& limits) {
  fields.Get("min", limits.min);
  fields.GetOrNull("max", limits.max);
  fields.Get("is_64", limits.is_64);
  fields.Get("is_shared", limits.is_shared);
}

void ReadTarget(Fields fields, Target& target, std::string& problem) {
  fields.Get("triple", target.triple);
  fields.Get("cpu", target.cpu);
  fields.GetArray("features", [&](const Json& json, const std::string& where) {
    if (const auto* text = json.get_ptr<const std::string*>()) {
      target.features.push_back(*text);
    } else if (problem.empty()) {
      problem = where + " is no string";
    }
  });
}

void ReadOptions(Fields fields, BuildOptions& options) {
  uint32_t opt_level = 0;
  fields.Get("opt_level", opt_level, uint32_t{3});
  options.opt_level = static_cast<int>(opt_level);
  fields.GetName("profile", options.profile, {Profile::kGuard, Profile::kWasi}, ProfileName);
  fields.Get("bounds_checks", options.bounds_checks);
  fields.Get("strict_traps", options.strict_traps);
  fields.Get("canonical_nans", options.canonical_nans);
}

void ReadCounts(Fields fields, Counts& counts) {
  fields.Get("types", counts.types);
  fields.Get("functions", counts.functions);
  fields.Get("imported_functions", counts.imported_functions);
  fields.Get("tables", counts.tables);
  fields.Get("memories", counts.memories);
  fields.Get("globals", counts.globals);
  fields.Get("elem_segments", counts.elem_segments);
  fields.Get("data_segments", counts.data_segments);
  fields.Get("code_bytes", counts.code_bytes);
}

void ReadExterns(Fields& top, Manifest& manifest, std::string& problem) {
  top.GetArray("imports", [&](const Json& json, std::string where) {
    Fields fields(json, std::move(where), problem);
    ManifestImport& import = manifest.imports.emplace_back();
    fields.Get("module", import.module);
    fields.Get("name", import.name);
    ReadKind(fields, import.kind);
    fields.Get("type", import.type);
  });
  top.GetArray("exports", [&](const Json& json, std::string where) {
    Fields fields(json, std::move(where), problem);
    ManifestExport& item = manifest.exports.emplace_back();
    fields.Get("name", item.name);
    ReadKind(fields, item.kind);
    fields.Get("type", item.type);
  });
  top.GetArray("memories", [&](const Json& json, std::string where) {
    Fields fields(json, std::move(where), problem);
    ReadLimits(fields, manifest.memories.emplace_back());
  });
  top.GetArray("tables", [&](const Json& json, std::string where) {
    Fields fields(json, std::move(where), problem);
    ManifestTable& table = manifest.tables.emplace_back();
    fields.GetName("element", table.element, {ValType::kFuncRef, ValType::kExternRef}, ValTypeName);
    ReadLimits(fields, table.limits);
  });
}

void ReadManifest(const Json& json, Manifest& manifest, std::string& problem) {
  Fields top(json, "", problem);
  Identity& identity = manifest.identity;
  uint32_t version = 0;
  top.Get("manifest_version", version);  // checked by the caller
  top.Get("guardc_version", identity.guardc_version);
  top.Get("llvm_version", identity.llvm_version);
  top.Get("abi_version", identity.abi_version);
  top.GetSha256("key", manifest.key);
  top.Get("name", manifest.module_name);
  {
    Fields wasm(*top.Member("wasm"), "wasm", problem);
    wasm.GetSha256("sha256", identity.wasm_sha256);
    wasm.Get("size", manifest.wasm_size);
  }
  {
    Fields object(*top.Member("object"), "object", problem);
    std::string file;
    object.Get("file", file);
    if (file != kObjectFile)
      object.Report("file", "is \"" + file + "\", expected \"" + std::string(kObjectFile) + "\"");
    object.GetSha256("sha256", manifest.object_sha256);
    object.GetXxh3("xxh3_128", manifest.object_xxh3_128);
    object.Get("size", manifest.object_size);
  }
  ReadTarget({*top.Member("target"), "target", problem}, identity.target, problem);
  ReadOptions({*top.Member("options"), "options", problem}, identity.options);
  ReadExterns(top, manifest, problem);
  ReadCounts({*top.Member("counts"), "counts", problem}, manifest.counts);
}

}  // namespace

Result<Manifest> ParseManifest(std::string_view text, std::string_view path) {
  const std::string name(path);
  const Json json = Json::parse(text, /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return Fail(ErrorKind::kCorruptArtifact, name + " is not JSON: compile the module again");

  // Before everything else: another version may have other fields.
  if (json.is_object()) {
    const auto version = json.find("manifest_version");
    if (version != json.end() && version->is_number_unsigned() && *version != kManifestVersion) {
      return Fail(ErrorKind::kIncompatibleArtifact,
                  name + ": manifest_version is " + std::to_string(version->get<uint64_t>()) + ", expected " +
                      std::to_string(kManifestVersion) + ": compile the module again with this version of guardc");
    }
  }
  Manifest manifest;
  std::string problem;
  ReadManifest(json, manifest, problem);
  if (!problem.empty()) return Fail(ErrorKind::kCorruptArtifact, name + ": " + problem + ": compile the module again");
  if (const std::string key = CacheKey(manifest.identity); key != manifest.key) {
    return Fail(ErrorKind::kCorruptArtifact, name + ": key is " + manifest.key + ", expected " + key +
                                                 " from the other fields: compile the module again");
  }
  return manifest;
}

}  // namespace guardc::artifact
