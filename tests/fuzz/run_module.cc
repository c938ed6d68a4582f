// guardc-fuzz-run: compiles and runs modules for the differential fuzzer (scripts/fuzz). Reads one JSON request a line:
//   {"wasm": PATH, "variants": [{"opt": 2, "strict": true, "bounds": false}], "calls": [{"func": NAME, "args":
//   [BITS]}]}
// BITS are decimal strings of the value's bit pattern (v128: 32 hex digits). Answers one JSON line per request:
//   {"variants": [{"compile_error"| "link_error": TEXT} | {"calls": [OUTCOME], "memory": SHA256, "globals": {NAME:
//   BITS}}]}
// OUTCOME is {"results": [BITS]}, {"trap": KIND} or {"error": KIND}. Each request runs in a child, so that a crash
// there is an answer ({"crash": SIGNAL}) and not the end.
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
#include <string>
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

constexpr unsigned kChildSeconds = 60;  // compile and run of one module, all variants
constexpr uint64_t kMemoryCapPages = 1024;

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

json RunVariant(const std::vector<std::byte>& wasm, const json& variant, const json& calls,
                const std::filesystem::path& cache) {
  guardc::CompileOptions options;
  options.opt_level = variant.value("opt", 2);
  options.strict_traps = variant.value("strict", false);
  options.bounds_checks = variant.value("bounds", false);
  options.canonical_nans = true;
  options.profile = guardc::Profile::kWasi;
  options.jobs = 1;
  const auto artifact = guardc::CompileToCache(wasm, options, cache, /*force=*/true);
  if (!artifact) {
    return {{"compile_error", guardc::ErrorKindName(artifact.error().kind)}, {"message", artifact.error().message}};
  }
  const auto module = guardc::Module::Load(artifact->directory);
  if (!module) return {{"link_error", module.error().message}};

  guardc::StoreOptions store_options;
  store_options.memory_cap_pages = kMemoryCapPages;
  store_options.fail_after_trap = !options.strict_traps;
  guardc::Store store(store_options);
  guardc::CallOptions call_options;
  call_options.deadline = guardc::Clock::now() + std::chrono::seconds(10);
  const auto instance = store.Instantiate(*module, {}, call_options);
  if (!instance) return {{"instantiate", ErrorOutcome(instance.error())}};

  json outcomes = json::array();
  for (const json& call : calls) {
    const auto func = (*instance)->ExportedFunc(call.at("func").get<std::string>());
    if (!func) {
      outcomes.push_back({{"error", "no such export"}});
      continue;
    }
    std::vector<Val> args;
    for (size_t i = 0; i < func->type().params.size(); ++i) {
      args.push_back(Parse(func->type().params[i], call.at("args").at(i).get<std::string>()));
    }
    call_options.deadline = guardc::Clock::now() + std::chrono::seconds(10);
    const auto results = func->Call(args, call_options);
    if (!results) {
      outcomes.push_back(ErrorOutcome(results.error()));
      if (store_options.fail_after_trap) break;
      continue;
    }
    json values = json::array();
    for (const Val& val : *results) values.push_back(Bits(val));
    outcomes.push_back({{"results", values}});
  }

  json out = {{"calls", outcomes}};
  json globals = json::object();
  json memories = json::object();
  for (const auto& exported : (*module)->exports()) {
    const auto external = (*instance)->Export(exported.name);
    if (!external) continue;
    if (const auto* global = std::get_if<guardc::Global>(&*external)) globals[exported.name] = Bits(global->Get());
    if (const auto* memory = std::get_if<guardc::Memory>(&*external)) {
      memories[exported.name] = {{"pages", memory->pages()}, {"sha256", guardc::Sha256Of(memory->data()).Hex()}};
    }
  }
  out["globals"] = globals;
  out["memories"] = memories;
  return out;
}

// The exports with their types, as the reader sees them.
json List(const std::vector<std::byte>& wasm) {
  const auto module = guardc::compiler::ReadModule(wasm, {});
  if (!module) return {{"read_error", guardc::ErrorKindName(module.error().kind)}, {"message", module.error().message}};
  json exports = json::array();
  for (const auto& exported : module->exports) {
    json entry = {{"name", exported.name}, {"kind", guardc::ExternKindName(exported.kind)}};
    if (exported.kind == guardc::ExternKind::kGlobal) {
      entry["type"] = guardc::ValTypeName(module->global_types[exported.index].type);
    }
    if (exported.kind == guardc::ExternKind::kFunc) {
      const guardc::FuncType& type = module->TypeOfFunc(exported.index);
      entry["params"] = json::array();
      entry["results"] = json::array();
      for (const ValType param : type.params) entry["params"].push_back(guardc::ValTypeName(param));
      for (const ValType result : type.results) entry["results"].push_back(guardc::ValTypeName(result));
    }
    exports.push_back(entry);
  }
  return {{"exports", exports}};
}

json RunInChild(const json& request, const std::filesystem::path& cache) {
  int pipe_fds[2];
  if (pipe(pipe_fds) != 0) return {{"crash", "pipe"}};
  const pid_t pid = fork();
  if (pid == 0) {
    close(pipe_fds[0]);
    alarm(kChildSeconds);
    const auto wasm = ReadAll(request.at("wasm").get<std::string>());
    json answer;
    if (request.contains("list")) {
      answer = List(wasm);
    } else {
      answer["variants"] = json::array();
      for (const json& variant : request.at("variants")) {
        answer["variants"].push_back(RunVariant(wasm, variant, request.at("calls"), cache));
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
