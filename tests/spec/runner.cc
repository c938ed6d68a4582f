#include "tests/spec/runner.h"

#include <cstdio>
#include <expected>
#include <map>
#include <memory>
#include <set>
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

// Why a command did not pass, as a person wants to read it.
struct Reason {
  std::string text;
  bool skipped = false;  // it needs a proposal that guardc refuses by name
};
using Verdict = std::expected<void, Reason>;

std::unexpected<Reason> Because(std::string text) { return std::unexpected(Reason{std::move(text)}); }
std::unexpected<Reason> Skip(std::string text) { return std::unexpected(Reason{std::move(text), true}); }

std::string Describe(const Error& error) { return std::string(ErrorKindName(error.kind)) + ": " + error.message; }

std::unexpected<Reason> Because(const std::string& what, const Error& error) {
  return std::unexpected(Reason{what + Describe(error), error.kind == ErrorKind::kUnsupported});
}

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
  if (error.kind != ErrorKind::kTrap) return Because("expected the trap '" + std::string(text) + "', got ", error);
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
  Result<Extern> FindImport(const ImportType& import);
  Result<Instance*> Find(const std::string& name) const;
  Result<std::vector<Val>> Do(const Action& action);

  Verdict RunModule(const Command& command);
  Verdict RunModuleInstance(const Command& command);
  void SetInstance(const std::string& name, Result<Instance*> instance);
  Verdict RunRegister(const Command& command);
  Verdict RunAssertReturn(const Command& command);
  Verdict RunAssertTrap(const Command& command);
  Verdict RunAssertRefused(const Command& command);
  Verdict RunAssertNotInstantiated(const Command& command);

  const Script& script_;
  const RunOptions& options_;
  Store store_;
  SpectestModule spectest_;
  bool needs_threads_ = false;
  // By name, "" for the latest one: or why there is none, where its module is not supported.
  std::map<std::string, Result<Instance*>> instances_;
  std::map<std::string, std::shared_ptr<const Module>> definitions_;
  std::map<std::string, Result<Instance*>, std::less<>> registered_;
};

Result<std::shared_ptr<const Module>> Runner::CompileAndLoad(const Command& command) const {
  GUARDC_TRY(const std::string wasm, ReadModule(command));
  GUARDC_TRY(const CachedArtifact artifact,
             CompileToCache(std::as_bytes(std::span(wasm)), options_.compile, options_.cache_directory));
  return Module::Load(artifact.directory);
}

Result<Extern> Runner::FindImport(const ImportType& import) {
  std::optional<Extern> found;
  if (import.module == "spectest") {
    found = spectest_.Export(import.name);
  } else if (const auto module = registered_.find(import.module); module != registered_.end()) {
    GUARDC_TRY(const Instance* instance, module->second);
    found = instance->Export(import.name);
  }
  if (!found) return Fail(ErrorKind::kUnknownImport, "nothing exports '" + import.module + "." + import.name + "'");
  return *std::move(found);
}

Result<Instance*> Runner::Instantiate(std::shared_ptr<const Module> module) {
  std::vector<Extern> imports;
  for (const ImportType& import : module->imports()) {
    GUARDC_TRY(Extern found, FindImport(import));
    imports.push_back(std::move(found));
  }
  return store_.Instantiate(std::move(module), imports);
}

Result<Instance*> Runner::Find(const std::string& name) const {
  const auto found = instances_.find(name);
  if (found == instances_.end()) return Fail(ErrorKind::kInternal, "there is no instance to act on");
  return found->second;
}

Result<std::vector<Val>> Runner::Do(const Action& action) {
  GUARDC_TRY(const Instance* instance, Find(action.module));
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

// Whatever went wrong, later commands must not act on the module before this one.
void Runner::SetInstance(const std::string& name, Result<Instance*> instance) {
  for (const std::string& key : {std::string(), name}) {
    instances_.erase(key);
    if (instance || instance.error().kind == ErrorKind::kUnsupported) instances_.emplace(key, instance);
  }
}

Verdict Runner::RunModule(const Command& command) {
  Result<std::shared_ptr<const Module>> module = CompileAndLoad(command);
  if (command.kind == CommandKind::kModuleDefinition) {
    for (const std::string& key : {std::string(), command.name}) {
      definitions_.erase(key);
      if (module) definitions_[key] = *module;
    }
    if (!module) return Because(command.filename + " was not compiled or loaded: ", module.error());
    return {};
  }
  if (!module) {
    SetInstance(command.name, std::unexpected(module.error()));
    return Because(command.filename + " was not compiled or loaded: ", module.error());
  }
  const Result<Instance*> instance = Instantiate(*std::move(module));
  SetInstance(command.name, instance);
  if (!instance) return Because(command.filename + " was not instantiated: ", instance.error());
  return {};
}

Verdict Runner::RunModuleInstance(const Command& command) {
  const auto definition = definitions_.find(command.definition);
  if (definition == definitions_.end()) {
    SetInstance(command.name, Fail(ErrorKind::kUnsupported, "its definition was refused"));
    return Skip("the definition '" + command.definition + "' was refused");
  }
  const Result<Instance*> instance = Instantiate(definition->second);
  SetInstance(command.name, instance);
  if (!instance) return Because("the definition was not instantiated: ", instance.error());
  return {};
}

Verdict Runner::RunRegister(const Command& command) {
  const Result<Instance*> instance = Find(command.name);
  registered_.erase(command.as);
  if (instance || instance.error().kind == ErrorKind::kUnsupported) registered_.emplace(command.as, instance);
  if (!instance) return Because("not registered as '" + command.as + "': ", instance.error());
  return {};
}

Verdict Runner::RunAssertReturn(const Command& command) {
  const Result<std::vector<Val>> got = Do(command.action);
  const auto expected = [&] {
    std::string out;
    for (const ExpectedValue& value : command.expected) out += (out.empty() ? "" : ", ") + spec::Describe(value);
    return "(" + out + ")";
  };
  if (!got) return Because("expected " + expected() + ", got ", got.error());
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
  if (!wasm) return Because("", wasm.error());
  const auto bytes = std::as_bytes(std::span(*wasm));
  const auto read = compiler::ReadModule(bytes, options_.features);
  const Result<CompiledModule> compiled =
      read ? Compile(bytes, options_.compile) : Result<CompiledModule>(std::unexpect, read.error());
  if (compiled) return Because(command.filename + " was accepted; expected '" + command.text + "'");
  if (compiled.error().kind != ErrorKind::kInvalidWasm) {
    return Because(command.filename + " was refused for another reason than '" + command.text + "': ",
                   compiled.error());
  }
  return {};
}

Verdict Runner::RunAssertNotInstantiated(const Command& command) {
  Result<std::shared_ptr<const Module>> module = CompileAndLoad(command);
  if (!module) return Because(command.filename + " was not compiled or loaded: ", module.error());
  const Result<Instance*> instance = Instantiate(*std::move(module));
  if (instance) return Because(command.filename + " was instantiated; expected '" + command.text + "'");
  if (command.kind == CommandKind::kAssertUninstantiable) return ExpectTrap(instance.error(), command.text);
  if (instance.error().kind != ErrorKind::kUnknownImport) {
    return Because("expected '" + command.text + "', got ", instance.error());
  }
  return {};
}

Verdict Runner::Run(const Command& command) {
  if (needs_threads_) return Skip("it follows a thread");
  if (command.is_text) return Skip("the module is text, which guardc does not read");
  if (!command.problem.empty()) {
    const Result<Instance*> instance = Find(command.action.module);
    if (!instance) return Because(command.problem + "; ", instance.error());
    return Because(command.problem);
  }
  switch (command.kind) {
    case CommandKind::kModule:
    case CommandKind::kModuleDefinition:
      return RunModule(command);
    case CommandKind::kModuleInstance:
      return RunModuleInstance(command);
    case CommandKind::kRegister:
      return RunRegister(command);
    case CommandKind::kAction: {
      const Result<std::vector<Val>> got = Do(command.action);
      if (!got) return Because("", got.error());
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
    case CommandKind::kAssertException: {
      const Result<std::vector<Val>> got = Do(command.action);
      if (!got) return Because("expected an exception, got ", got.error());
      return Because("expected an exception, got " + Describe(*got));
    }
    case CommandKind::kOutOfScope:
      // What comes after it may ask for what the threads left in shared memory.
      needs_threads_ = needs_threads_ || command.type == "thread";
      return Skip("'" + command.type + "' is beyond what guardc supports");
    case CommandKind::kUnknown:
      break;
  }
  return Because("this runner does not know '" + command.type + "'");
}

}  // namespace

void RunScript(const Script& script, const RunOptions& options, Progress& progress) {
  Runner runner(script, options);
  std::set<std::string> skip_reasons;
  for (const Command& command : script.commands) {
    progress.line = command.line;
    const Verdict verdict = runner.Run(command);
    const char* label = "";
    if (verdict) {
      ++progress.passed;
      continue;
    }
    if (verdict.error().skipped) {
      ++progress.skipped;
      if (!skip_reasons.insert(verdict.error().text).second) continue;
      if (skip_reasons.size() > options.shown_failures) continue;
      label = "skipped: ";
    } else if (++progress.failed > options.shown_failures) {
      continue;
    }
    std::fprintf(stderr, "%s:%u: %s%s %s: %s\n", script.name.c_str(), command.line, label, command.type.c_str(),
                 command.action.field.c_str(), verdict.error().text.c_str());
  }
}

}  // namespace guardc::spec
