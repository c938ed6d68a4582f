// guardc inspect of a module that was not compiled yet: its facts, and whether it is a guard.
#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "artifact/guard_notes.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "compiler/describe.h"
#include "compiler/frontend/guard_profile.h"
#include "compiler/frontend/wabt_reader.h"
#include "compiler/tool/commands.h"
#include "tools/command.h"
#include "tools/output.h"

namespace guardc::compiler_tool {
namespace {

using nlohmann::ordered_json;

struct InspectArguments {
  std::string guard;
  bool json = false;
};

struct Inspected {
  std::string name;
  uint64_t wasm_size = 0;
  std::string wasm_sha256;
  artifact::Description description;
  Result<void> is_guard;
};

Result<Inspected> Inspect(const std::string& path) {
  GUARDC_TRY(const std::vector<std::byte> wasm, ReadFile(path, kMaxWasm));
  auto module = compiler::ReadModule(wasm, {});
  if (!module) {
    Error error = std::move(module).error();
    error.message = path + ": " + error.message;
    return std::unexpected(std::move(error));
  }
  return Inspected{module->name, wasm.size(), Sha256Of(wasm).Hex(), compiler::Describe(*module),
                   compiler::CheckGuardProfile(*module)};
}

std::vector<std::string> Warnings(const Inspected& inspected) {
  return inspected.is_guard ? artifact::GuardNotes(inspected.description) : std::vector<std::string>();
}

ordered_json ToJson(const Inspected& inspected) {
  ordered_json out = {{"cached", false},
                      {"name", inspected.name},
                      {"wasm", {{"sha256", inspected.wasm_sha256}, {"size", inspected.wasm_size}}}};
  out.update(ParseJson<ordered_json>(artifact::PrintDescription(inspected.description), "the description").value());
  out["guard"] = {{"ok", inspected.is_guard.has_value()}};
  out["warnings"] = Warnings(inspected);
  if (!inspected.is_guard) out["guard"]["error"] = cli::ErrorToJson(inspected.is_guard.error());
  return out;
}

std::string Describe(const Limits& limits, const char* unit) {
  std::string out = std::to_string(limits.min) + " " + unit;
  out += limits.max ? ", at most " + std::to_string(*limits.max) : ", no maximum";
  if (limits.is_64) out += ", 64-bit";
  if (limits.is_shared) out += ", shared";
  return out;
}

std::string ToText(const Inspected& inspected) {
  const artifact::Description& d = inspected.description;
  std::vector<std::vector<std::string>> facts = {
      {"module", inspected.name.empty() ? "(no name)" : inspected.name},
      {"wasm", cli::FormatSize(inspected.wasm_size) + ", sha256 " + inspected.wasm_sha256},
      {"artifact", "none in the cache; `guardc compile` makes one"},
      {"guard", inspected.is_guard ? "yes" : "no: " + inspected.is_guard.error().message},
      {"code", cli::FormatSize(d.counts.code_bytes) + ", " + std::to_string(d.counts.functions) + " functions (" +
                   std::to_string(d.counts.imported_functions) + " imported), " + std::to_string(d.counts.types) +
                   " types, " + std::to_string(d.counts.globals) + " globals"},
      {"data",
       std::to_string(d.counts.data_segments) + " segments, elements in " + std::to_string(d.counts.elem_segments)},
  };
  for (const Limits& memory : d.memories) facts.push_back({"memory", Describe(memory, "pages")});
  for (const artifact::DescribedTable& table : d.tables) {
    facts.push_back({"table", std::string(ValTypeName(table.element)) + ", " + Describe(table.limits, "elements")});
  }
  for (const std::string& warning : Warnings(inspected)) facts.push_back({"warning", warning});
  std::string out = cli::FormatTable(facts);
  std::vector<std::vector<std::string>> rows;
  for (const artifact::DescribedImport& import : d.imports) {
    rows.push_back({"  " + import.module + "." + import.name, std::string(ExternKindName(import.kind)), import.type});
  }
  out += "imports (" + std::to_string(rows.size()) + ")\n" + cli::FormatTable(rows);
  rows.clear();
  for (const artifact::DescribedExport& exported : d.exports) {
    rows.push_back({"  " + exported.name, std::string(ExternKindName(exported.kind)), exported.type});
  }
  return out + "exports (" + std::to_string(rows.size()) + ")\n" + cli::FormatTable(rows);
}

int RunInspect(const InspectArguments& arguments) {
  const Result<Inspected> inspected = Inspect(arguments.guard);
  if (!inspected) return cli::ReportError(inspected.error(), arguments.json);
  if (arguments.json) return cli::FinishJson(ToJson(*inspected), cli::kDone);
  return cli::Finish(ToText(*inspected), cli::kDone);
}

}  // namespace

void AddInspect(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<InspectArguments>();
  CLI::App* command = app.add_subcommand("inspect", "Show what a module is that was not compiled yet");
  command->add_option("guard", arguments->guard, "The module")->type_name("GUARD.wasm")->required();
  command->add_flag("--json", arguments->json, "Print types, imports, exports, limits and sizes as JSON");
  command->callback([arguments, &exit_code] { exit_code = RunInspect(*arguments); });
}

}  // namespace guardc::compiler_tool
