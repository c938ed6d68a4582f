// guardc-fuzz-run: compiles and runs modules for the differential fuzzer (scripts/fuzz). Reads one JSON request a line:
//   {"wasm": PATH, "list": true}, answered by {"imports": [TYPE], "exports": [TYPE]}, or
//   {"wasm": PATH, "variants": [{"opt": 2, "strict": true, "bounds": false, "nans": true}], "cache": DIRECTORY that may
//   have artifacts already, and a case (inputs.py)}, answered by
//   {"variants": [{"compile_error" | "link_error" | "instantiate": ...} |
//                 {"calls": [OUTCOME], "memories": {NAME: {"pages", "sha256"}}, "globals": {NAME: BITS},
//                  "trace": [calls of imports]}]}
// BITS are decimal strings of the value's bit pattern (v128: 32 hex digits). OUTCOME is {"results": [BITS]},
// {"trap": KIND} or {"error": KIND}. Each request runs in a child, so that a crash there is an answer
// ({"crash": SIGNAL}) and not the end.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "compiler/frontend/wabt_reader.h"
#include "guardc/compile.h"
#include "guardc/instance.h"
#include "guardc/module.h"

namespace {

using guardc::Val;
using guardc::ValType;
using nlohmann::json;

constexpr rlim_t kChildCpuSeconds = 300;  // compile and run of one module, all variants
constexpr std::chrono::seconds kCallTime(60);
constexpr uint64_t kMemoryCapPages = 1024;  // peer.py has the same two
constexpr size_t kTraceCap = 1000;

std::vector<std::byte> ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  const auto* data = reinterpret_cast<const std::byte*>(bytes.data());
  return {data, data + bytes.size()};
}

std::string Bits(const Val& val) {
  switch (val.type) {
    case ValType::kI32:
    case ValType::kF32:
      return std::to_string(val.i32());
    case ValType::kI64:
    case ValType::kF64:
      return std::to_string(val.i64());
    case ValType::kV128: {
      std::string hex;
      char two[3];
      for (const uint8_t b : val.bits) {
        std::snprintf(two, sizeof two, "%02x", b);
        hex += two;
      }
      return hex;
    }
    case ValType::kFuncRef:
    case ValType::kExternRef:
      return val.ref() == nullptr ? "null" : "ref";
  }
  return "?";
}

// Python has one NaN only, so what it sees of a call can tell no payload.
std::string OneNan(const Val& val) {
  if (val.type == ValType::kF32 && (val.i32() & 0x7fffffff) > 0x7f800000) return std::to_string(0x7fc00000);
  if (val.type == ValType::kF64 && (val.i64() & 0x7fffffffffffffff) > 0x7ff0000000000000) {
    return std::to_string(0x7ff8000000000000);
  }
  return Bits(val);
}

Val Parse(ValType type, const std::string& bits) {
  if (type == ValType::kV128) {
    Val val;
    val.type = type;
    for (size_t i = 0; i < 16; ++i) val.bits[i] = static_cast<uint8_t>(std::stoul(bits.substr(2 * i, 2), nullptr, 16));
    return val;
  }
  Val val = Val::I64(guardc::IsReference(type) ? 0 : std::stoull(bits));
  val.type = type;
  return val;
}

json ErrorOutcome(const guardc::Error& error) {
  if (error.kind == guardc::ErrorKind::kTrap) return {{"trap", guardc::TrapName(error.details().trap)}};
  return {{"error", guardc::ErrorKindName(error.kind)}, {"message", error.message}};
}

// What the module imports: functions that record their calls and answer as the case says, and the other kinds by type.
class Imports {
 public:
  Imports(guardc::Store& store, const json& request) : store_(store), request_(request) {}

  guardc::Result<std::vector<guardc::Extern>> Make(const guardc::Module& module) {
    std::vector<guardc::Extern> made;
    for (const guardc::ImportType& import : module.imports()) {
      const std::string name = import.module + "." + import.name;
      GUARDC_TRY(auto external, MakeOne(name, import.type));
      made.push_back(external);
      named_.emplace_back(name, external);
    }
    return made;
  }

  // Where calls and imports write from now on; pages are added to it first.
  void SetMemory(std::optional<guardc::Memory> memory) {
    memory_ = std::move(memory);
    if (const uint64_t grow = request_.value("grow", uint64_t{0}); memory_ && grow > 0) (void)memory_->Grow(grow);
  }

  void Write(uint64_t address, const std::string& hex) {
    if (!memory_) return;
    const auto data = memory_->data();
    const size_t size = hex.size() / 2;
    if (size > data.size() || address > data.size() - size) return;
    for (size_t i = 0; i < size; ++i) data[address + i] = std::byte(std::stoul(hex.substr(2 * i, 2), nullptr, 16));
  }

  const std::vector<std::pair<std::string, guardc::Extern>>& named() const { return named_; }
  const json& trace() const { return trace_; }

 private:
  guardc::Result<guardc::Extern> MakeOne(const std::string& name, const guardc::ExternType& type) {
    switch (type.kind) {
      case guardc::ExternKind::kFunc:
        return guardc::Extern(Stub(name, type.func));
      case guardc::ExternKind::kTable: {
        GUARDC_TRY(auto table, store_.NewTable(type.table, Val::Ref(type.table.element, nullptr)));
        return guardc::Extern(table);
      }
      case guardc::ExternKind::kMemory: {
        GUARDC_TRY(auto memory, store_.NewMemory(type.memory));
        return guardc::Extern(memory);
      }
      case guardc::ExternKind::kGlobal: {
        const Val value = Parse(type.global.type, request_.at("globals").value(name, "0"));
        GUARDC_TRY(auto global, store_.NewGlobal(type.global, value));
        return guardc::Extern(global);
      }
    }
    return guardc::Fail(guardc::ErrorKind::kInternal, "an import of an unknown kind");
  }

  guardc::Func Stub(const std::string& name, const guardc::FuncType& type) {
    const json behaviour = request_.at("stubs").value(name, json::object());
    return store_.NewFunc(type, [this, name, behaviour](std::span<const Val> args, std::span<Val> results) {
      std::string line = name + "(";
      for (const Val& arg : args) line += (line.back() == '(' ? "" : ", ") + OneNan(arg);
      if (trace_.size() < kTraceCap) trace_.push_back(line + ")");
      for (const json& write : behaviour.value("writes", json::array())) {
        const Val& address = args[write.at(0).get<size_t>()];
        Write(address.type == ValType::kI64 ? address.i64() : address.i32(), write.at(1).get<std::string>());
      }
      for (size_t i = 0; i < results.size(); ++i) {
        results[i] = Parse(results[i].type, behaviour.at("results").at(i).get<std::string>());
      }
      return guardc::Result<void>{};
    });
  }

  guardc::Store& store_;
  const json& request_;
  std::optional<guardc::Memory> memory_;
  std::vector<std::pair<std::string, guardc::Extern>> named_;
  json trace_ = json::array();
};

void AddState(const std::string& name, const guardc::Extern& external, json& out) {
  if (const auto* global = std::get_if<guardc::Global>(&external)) out["globals"][name] = Bits(global->Get());
  if (const auto* memory = std::get_if<guardc::Memory>(&external)) {
    out["memories"][name] = {{"pages", memory->pages()}, {"sha256", guardc::Sha256Of(memory->data()).Hex()}};
  }
}

json RunCall(const guardc::Instance& instance, const json& call) {
  const auto func = instance.ExportedFunc(call.at("func").get<std::string>());
  if (!func) return {{"error", "no such export"}};
  std::vector<Val> args;
  for (size_t i = 0; i < func->type().params.size(); ++i) {
    args.push_back(Parse(func->type().params[i], call.at("args").at(i).get<std::string>()));
  }
  guardc::CallOptions options;
  options.deadline = guardc::Clock::now() + kCallTime;
  const auto results = func->Call(args, options);
  if (!results) return ErrorOutcome(results.error());
  json values = json::array();
  for (const Val& val : *results) values.push_back(Bits(val));
  return {{"results", values}};
}

json RunVariant(const std::vector<std::byte>& wasm, const json& variant, const json& request,
                const std::filesystem::path& cache) {
  guardc::CompileOptions options;
  options.opt_level = variant.value("opt", 2);
  options.strict_traps = variant.value("strict", false);
  options.bounds_checks = variant.value("bounds", false);
  options.canonical_nans = variant.value("nans", true);
  options.profile = guardc::Profile::kWasi;
  options.jobs = 1;
  const auto artifact = guardc::CompileToCache(wasm, options, request.value("cache", cache.string()));
  if (!artifact) {
    return {{"compile_error", guardc::ErrorKindName(artifact.error().kind)}, {"message", artifact.error().message}};
  }
  const auto module = guardc::Module::Load(artifact->directory);
  if (!module) return {{"link_error", module.error().message}};

  guardc::StoreOptions store_options;
  store_options.memory_cap_pages = kMemoryCapPages;
  store_options.fail_after_trap = !options.strict_traps;
  guardc::Store store(store_options);
  Imports imports(store, request);
  const auto externs = imports.Make(**module);
  if (!externs) return {{"instantiate", ErrorOutcome(externs.error())}};
  guardc::CallOptions start;
  start.deadline = guardc::Clock::now() + kCallTime;
  const auto instance = store.Instantiate(*module, *externs, start);
  if (!instance) return {{"instantiate", ErrorOutcome(instance.error())}};
  imports.SetMemory((*instance)->ExportedMemory("memory"));

  json out = {{"calls", json::array()}, {"globals", json::object()}, {"memories", json::object()}};
  for (const json& call : request.at("calls")) {
    if (call.contains("write")) imports.Write(call["write"].at(0).get<uint64_t>(), call["write"].at(1));
    out["calls"].push_back(RunCall(**instance, call));
    if ((*instance)->failed()) break;
  }
  for (const auto& exported : (*module)->exports()) {
    if (const auto external = (*instance)->Export(exported.name)) AddState(exported.name, *external, out);
  }
  for (const auto& [name, external] : imports.named()) AddState(name, external, out);
  out["trace"] = imports.trace();
  return out;
}

void AddLimits(const guardc::Limits& limits, json& entry) {
  entry["min"] = limits.min;
  if (limits.max) entry["max"] = *limits.max;
  entry["is_64"] = limits.is_64;
  entry["is_shared"] = limits.is_shared;
}

json TypeEntry(const guardc::ExternType& type) {
  json entry = {{"kind", guardc::ExternKindName(type.kind)}};
  switch (type.kind) {
    case guardc::ExternKind::kFunc:
      entry["params"] = json::array();
      entry["results"] = json::array();
      for (const ValType param : type.func.params) entry["params"].push_back(guardc::ValTypeName(param));
      for (const ValType result : type.func.results) entry["results"].push_back(guardc::ValTypeName(result));
      break;
    case guardc::ExternKind::kTable:
      entry["type"] = guardc::ValTypeName(type.table.element);
      AddLimits(type.table.limits, entry);
      break;
    case guardc::ExternKind::kMemory:
      AddLimits(type.memory.limits, entry);
      break;
    case guardc::ExternKind::kGlobal:
      entry["type"] = guardc::ValTypeName(type.global.type);
      entry["mutable"] = type.global.is_mutable;
      break;
  }
  return entry;
}

// Imports and exports with their types, as the reader sees them.
json List(const std::vector<std::byte>& wasm) {
  const auto module = guardc::compiler::ReadModule(wasm, {});
  if (!module) return {{"read_error", guardc::ErrorKindName(module.error().kind)}, {"message", module.error().message}};
  json answer = {{"imports", json::array()}, {"exports", json::array()}};
  for (const auto& import : module->imports) {
    answer["imports"].push_back(TypeEntry(import.type));
    answer["imports"].back().update({{"module", import.module}, {"name", import.name}});
  }
  for (const auto& exported : module->exports) {
    guardc::ExternType type{.kind = exported.kind};
    if (type.kind == guardc::ExternKind::kFunc) type.func = module->TypeOfFunc(exported.index);
    if (type.kind == guardc::ExternKind::kTable) type.table = module->table_types[exported.index];
    if (type.kind == guardc::ExternKind::kMemory) type.memory = module->memory_types[exported.index];
    if (type.kind == guardc::ExternKind::kGlobal) type.global = module->global_types[exported.index];
    answer["exports"].push_back(TypeEntry(type));
    answer["exports"].back()["name"] = exported.name;
  }
  return answer;
}

json RunInChild(const json& request, const std::filesystem::path& cache) {
  int pipe_fds[2];
  if (pipe(pipe_fds) != 0) return {{"crash", "pipe"}};
  const pid_t pid = fork();
  if (pid == 0) {
    close(pipe_fds[0]);
    const rlimit cpu{kChildCpuSeconds, kChildCpuSeconds};
    setrlimit(RLIMIT_CPU, &cpu);
    const auto wasm = ReadAll(request.at("wasm").get<std::string>());
    json answer;
    if (request.contains("list")) {
      answer = List(wasm);
    } else {
      answer["variants"] = json::array();
      for (const json& variant : request.at("variants")) {
        answer["variants"].push_back(RunVariant(wasm, variant, request, cache));
      }
    }
    const std::string text = answer.dump();
    for (size_t done = 0; done < text.size();) {
      const ssize_t n = write(pipe_fds[1], text.data() + done, text.size() - done);
      if (n <= 0) _exit(3);
      done += static_cast<size_t>(n);
    }
    _exit(0);
  }
  close(pipe_fds[1]);
  std::string text;
  char buffer[65536];
  for (ssize_t n; (n = read(pipe_fds[0], buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<size_t>(n));
  close(pipe_fds[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  if (WIFSIGNALED(status)) return {{"crash", strsignal(WTERMSIG(status))}};
  return json::parse(text, nullptr, /*allow_exceptions=*/false);
}

}  // namespace

int main() {
  const auto cache = std::filesystem::temp_directory_path() / ("guardc-fuzz-" + std::to_string(getpid()));
  std::filesystem::create_directories(cache);
  std::filesystem::permissions(cache, std::filesystem::perms::owner_all);
  for (std::string line; std::getline(std::cin, line);) {
    const json request = json::parse(line, nullptr, false);
    if (request.is_discarded()) {
      std::cout << R"({"crash":"bad request"})" << std::endl;
      continue;
    }
    std::cout << RunInChild(request, cache).dump() << std::endl;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(cache, ignored)) {
      std::filesystem::remove_all(entry.path(), ignored);
    }
  }
  std::error_code ignored;
  std::filesystem::remove_all(cache, ignored);
  return 0;
}
