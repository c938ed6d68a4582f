// Runs sessions of label calls on a guard, as lines of JSON: what tests/agree/agree.py compares with wasmtime.
//
//   label_batch GUARD.wasm CACHE_DIR < sessions.jsonl > outcomes.jsonl
//   in:  {"backend": {"tool": "answer"}, "calls": [["label_agent", "<hex of the input>"], ...]}
//   out: {"outcomes": [{"answer": "<hex>"} | {"error": kind, ...}, ...], "trace": ["log 1 <hex>", "backend tool", ...]}
// Each session has a guard of its own. Hex, because neither inputs nor log lines need be text.
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "guardc/guard.h"
#include "guardc/module.h"

namespace guardc {
namespace {

using nlohmann::json;

std::string ToHex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    out += kDigits[static_cast<uint8_t>(c) >> 4];
    out += kDigits[static_cast<uint8_t>(c) & 15];
  }
  return out;
}

std::string FromHex(std::string_view hex) {
  std::string out(hex.size() / 2, '\0');
  for (size_t i = 0; i < out.size(); ++i) {
    uint8_t value = 0;
    std::from_chars(hex.data() + 2 * i, hex.data() + 2 * i + 2, value, 16);
    out[i] = static_cast<char>(value);
  }
  return out;
}

// Everything that the guest does to its host, in order.
class Trace : public GuardLog {
 public:
  bool Enabled(LogLevel) const override { return true; }
  void Log(LogLevel level, std::string_view message, std::string_view) override {
    lines.push_back("log " + std::to_string(static_cast<int>(level)) + " " + ToHex(message));
  }
  std::vector<std::string> lines;
};

json Describe(const Error& error) {
  json out = {{"error", ErrorKindName(error.kind)}};
  const ErrorDetails& details = error.details();
  if (error.kind == ErrorKind::kTrap) out["trap"] = TrapName(details.trap);
  if (error.kind == ErrorKind::kExit) out["code"] = details.exit_code.value_or(0);
  if (error.kind == ErrorKind::kGuardError) out["code"] = details.guard_code.value_or(0);
  return out;
}

LabelFunction ParseFunction(std::string_view name) {
  for (const LabelFunction f : {LabelFunction::kAgent, LabelFunction::kResource}) {
    if (LabelFunctionName(f) == name) return f;
  }
  return LabelFunction::kResponse;
}

Result<json> RunSession(const std::shared_ptr<const Module>& module, const json& session) {
  const auto trace = std::make_shared<Trace>();
  GuardOptions options;
  options.log = trace;
  options.stdout_writer = options.stderr_writer = [](std::string_view) {};
  options.backend = [&](std::string_view tool, std::string_view, const CallOptions&) -> Result<std::string> {
    trace->lines.push_back("backend " + std::string(tool));
    const auto answer = session.at("backend").find(tool);
    if (answer == session.at("backend").end()) return Fail(ErrorKind::kBackend, "no such tool");
    return answer->get<std::string>();
  };
  GUARDC_TRY(const std::shared_ptr<Guard> guard, Guard::Create(module, options));
  json outcomes = json::array();
  for (const json& call : session.at("calls")) {
    const std::string input = FromHex(call.at(1).get<std::string>());
    const Result<std::string> answer = guard->Call(ParseFunction(call.at(0).get<std::string>()), input);
    outcomes.push_back(answer ? json{{"answer", ToHex(*answer)}} : Describe(answer.error()));
  }
  return json{{"outcomes", std::move(outcomes)}, {"trace", std::move(trace->lines)}};
}

Result<void> RunAll(const char* wasm_path, const char* cache_directory) {
  std::ifstream file(wasm_path, std::ios::binary);
  const std::string wasm((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  GUARDC_TRY(const std::shared_ptr<const Module> module, Module::Find(std::as_bytes(std::span(wasm)), cache_directory));
  for (std::string line; std::getline(std::cin, line);) {
    GUARDC_TRY(const json outcome, RunSession(module, json::parse(line)));
    std::cout << outcome.dump() << "\n";
  }
  return {};
}

}  // namespace
}  // namespace guardc

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: label_batch GUARD.wasm CACHE_DIR < sessions.jsonl\n", stderr);
    return 2;
  }
  const auto done = guardc::RunAll(argv[1], argv[2]);
  if (!done) std::fprintf(stderr, "label_batch: %s\n", done.error().message.c_str());
  return done ? 0 : 1;
}
