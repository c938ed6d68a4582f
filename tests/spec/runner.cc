#include "tests/spec/runner.h"

#include <cstdio>
#include <expected>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "compiler/frontend/wabt_reader.h"
#include "guardc/instance.h"
#include "guardc/module.h"
#include "tests/spec/corrections.h"
#include "tests/spec/host_module.h"

namespace guardc::spec {
namespace {

// Why a command failed, as a person wants to read it.
using Verdict = std::expected<void, std::string>;

std::unexpected<std::string> Because(std::string text) { return std::unexpected(std::move(text)); }

std::string Describe(const Error& error) { return std::string(ErrorKindName(error.kind)) + ": " + error.message; }

std::string Describe(const std::vector<Val>& values) {
  std::string out;
  for (const Val& value : values) out += (out.empty() ? "" : ", ") + spec::Describe(value);
  return "(" + out + ")";
}

// Scripts write a longer text than the engine ("uninitialized element 2") or a shorter one ("out of bounds").
bool SameTrap(std::string_view expected, TrapCode trap) {
  const std::string_view actual = TrapText(trap);
  return expected.starts_with(actual) || actual.starts_with(expected);
}

Verdict ExpectTrap(const Error& error, std::string_view text) {
  if (error.kind != ErrorKind::kTrap)
    return Because("expected the trap '" + std::string(text) + "', got " + Describe(error));
  if (!SameTrap(text, error.details().trap)) {
    return Because("expected the trap '" + std::string(text) + "', got the trap '" +
                   std::string(TrapText(error.details().trap)) + "'");
  }
  return {};
}

// The scripts' instances are called again after traps, and an embedder's caps would hide the specification's limits.
StoreOptions ScriptStoreOptions() {
  StoreOptions options;
  options.fail_after_trap = false;
  return options;
}

class Runner {
 public:
  Runner(const Script& script, const RunOptions& options)
      : script_(script), options_(options), store_(ScriptStoreOptions()), spectest_(store_) {}

  Verdict Run(const Command& command);

 private:
  Result<std::string> ReadModule(const Command& command) const {
    GUARDC_TRY(std::string wasm, ReadWholeFile(script_.path.parent_path() / command.filename));
    return CorrectModule(script_.name, command.filename, std::move(wasm));
  }
  Result<std::shared_ptr<const Module>> CompileAndLoad(const Command& command) const;
  Result<Instance*> Instantiate(std::shared_ptr<const Module> module);
  std::optional<Extern> FindImport(const ImportType& import);
  Result<std::vector<Val>> Do(const Action& action);

  Verdict RunModule(const Command& command);
  Verdict RunRegister(const Command& command);
  Verdict RunAssertReturn(const Command& command);
  Verdict RunAssertTrap(const Command& command);
  Verdict RunAssertRefused(const Command& command);
  Verdict RunAssertNotInstantiated(const Command& command);

  const Script& script_;
  const RunOptions& options_;
  Store store_;
  SpectestModule spectest_;
  Instance* latest_ = nullptr;
  std::map<std::string, Instance*> named_;
  std::map<std::string, Instance*, std::less<>> registered_;
};

Result<std::shared_ptr<const Module>> Runner::CompileAndLoad(const Command& command) const {
  GUARDC_TRY(const std::string wasm, ReadModule(command));
  GUARDC_TRY(const CachedArtifact artifact,
             CompileToCache(std::as_bytes(std::span(wasm)), options_.compile, options_.cache_directory));
  return Module::Load(artifact.directory);
}

std::optional<Extern> Runner::FindImport(const ImportType& import) {
  if (import.module == "spectest") return spectest_.Export(import.name);
  const auto found = registered_.find(import.module);
  if (found == registered_.end()) return std::nullopt;
  return found->second->Export(import.name);
}

Result<Instance*> Runner::Instantiate(std::shared_ptr<const Module> module) {
  std::vector<Extern> imports;
  for (const ImportType& import : module->imports()) {
    std::optional<Extern> found = FindImport(import);
    if (!found) return Fail(ErrorKind::kUnknownImport, "nothing exports '" + import.module + "." + import.name + "'");
    imports.push_back(*std::move(found));
  }
  return store_.Instantiate(std::move(module), imports);
}

Result<std::vector<Val>> Runner::Do(const Action& action) {
  Instance* instance = latest_;
  if (!action.module.empty()) {
    const auto found = named_.find(action.module);
    instance = found == named_.end() ? nullptr : found->second;
  }
  if (instance == nullptr) return Fail(ErrorKind::kInternal, "there is no instance to act on");
  if (!action.is_get) {
    const std::optional<Func> function = instance->ExportedFunc(action.field);
    if (!function) return Fail(ErrorKind::kInternal, "no exported function '" + action.field + "'");
    return function->Call(action.args);
  }
  const std::optional<Extern> found = instance->Export(action.field);
  const Global* global = found ? std::get_if<Global>(&*found) : nullptr;
  if (global == nullptr) return Fail(ErrorKind::kInternal, "no exported global '" + action.field + "'");
  return std::vector<Val>{global->Get()};
}

Verdict Runner::RunModule(const Command& command) {
  // Whatever went wrong, later commands must not act on the module before this one.
  latest_ = nullptr;
  if (!command.name.empty()) named_.erase(command.name);
  Result<std::shared_ptr<const Module>> module = CompileAndLoad(command);
  if (!module) return Because(command.filename + " was not compiled or loaded: " + Describe(module.error()));
  if (command.kind == CommandKind::kModuleDefinition) return {};
  const Result<Instance*> instance = Instantiate(*std::move(module));
  if (!instance) return Because(command.filename + " was not instantiated: " + Describe(instance.error()));
  latest_ = *instance;
  if (!command.name.empty()) named_[command.name] = latest_;
  return {};
}

Verdict Runner::RunRegister(const Command& command) {
  const auto found = named_.find(command.name);
  Instance* instance = command.name.empty() ? latest_ : found == named_.end() ? nullptr : found->second;
  if (instance == nullptr) return Because("there is no instance to register as '" + command.as + "'");
  registered_[command.as] = instance;
  return {};
}

Verdict Runner::RunAssertReturn(const Command& command) {
  const Result<std::vector<Val>> got = Do(command.action);
  const auto expected = [&] {
    std::string out;
    for (const ExpectedValue& value : command.expected) out += (out.empty() ? "" : ", ") + spec::Describe(value);
    return "(" + out + ")";
  };
  if (!got) return Because("expected " + expected() + ", got " + Describe(got.error()));
  bool same = got->size() == command.expected.size();
  for (size_t i = 0; same && i < got->size(); ++i) same = Matches(command.expected[i], (*got)[i]);
  if (!same) return Because("expected " + expected() + ", got " + Describe(*got));
  return {};
}

Verdict Runner::RunAssertTrap(const Command& command) {
  const Result<std::vector<Val>> got = Do(command.action);
  if (got) return Because("expected the trap '" + command.text + "', got " + Describe(*got));
  return ExpectTrap(got.error(), command.text);
}

Verdict Runner::RunAssertRefused(const Command& command) {
  const Result<std::string> wasm = ReadModule(command);
  if (!wasm) return Because(Describe(wasm.error()));
  const auto bytes = std::as_bytes(std::span(*wasm));
  const auto read = compiler::ReadModule(bytes, options_.features);
  const Result<CompiledModule> compiled =
      read ? Compile(bytes, options_.compile) : Result<CompiledModule>(std::unexpect, read.error());
  if (compiled) return Because(command.filename + " was accepted; expected '" + command.text + "'");
  if (compiled.error().kind != ErrorKind::kInvalidWasm) {
    return Because(command.filename + " was refused for another reason than '" + command.text +
                   "': " + Describe(compiled.error()));
  }
  return {};
}

Verdict Runner::RunAssertNotInstantiated(const Command& command) {
  Result<std::shared_ptr<const Module>> module = CompileAndLoad(command);
  if (!module) return Because(command.filename + " was not compiled or loaded: " + Describe(module.error()));
  const Result<Instance*> instance = Instantiate(*std::move(module));
  if (instance) return Because(command.filename + " was instantiated; expected '" + command.text + "'");
  if (command.kind == CommandKind::kAssertUninstantiable) return ExpectTrap(instance.error(), command.text);
  if (instance.error().kind != ErrorKind::kUnknownImport) {
    return Because("expected '" + command.text + "', got " + Describe(instance.error()));
  }
  return {};
}

Verdict Runner::Run(const Command& command) {
  switch (command.kind) {
    case CommandKind::kModule:
    case CommandKind::kModuleDefinition:
      return RunModule(command);
    case CommandKind::kRegister:
      return RunRegister(command);
    case CommandKind::kAction: {
      const Result<std::vector<Val>> got = Do(command.action);
      if (!got) return Because(Describe(got.error()));
      return {};
    }
    case CommandKind::kAssertReturn:
      return RunAssertReturn(command);
    case CommandKind::kAssertTrap:
    case CommandKind::kAssertExhaustion:
      return RunAssertTrap(command);
    case CommandKind::kAssertInvalid:
    case CommandKind::kAssertMalformed:
      return RunAssertRefused(command);
    case CommandKind::kAssertUnlinkable:
    case CommandKind::kAssertUninstantiable:
      return RunAssertNotInstantiated(command);
    case CommandKind::kUnknown:
      break;
  }
  return Because("this runner does not know '" + command.type + "'");
}

}  // namespace

void RunScript(const Script& script, const RunOptions& options, Progress& progress) {
  Runner runner(script, options);
  for (const Command& command : script.commands) {
    progress.line = command.line;
    if (command.is_text) {  // for a parser of the text format, which guardc has not
      ++progress.skipped;
      continue;
    }
    const Verdict verdict = runner.Run(command);
    if (verdict) {
      ++progress.passed;
      continue;
    }
    if (++progress.failed > options.shown_failures) continue;
    std::fprintf(stderr, "%s:%u: %s %s: %s\n", script.name.c_str(), command.line, command.type.c_str(),
                 command.action.field.c_str(), verdict.error().c_str());
  }
}

}  // namespace guardc::spec
