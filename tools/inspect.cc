// guardc inspect: what a guard is and what was made of it. Reads manifests and descriptions only; a module without an
// artifact is read by the compiler, which then takes this process over.
#include <memory>
#include <string>
#include <vector>

#include "artifact/cache_store.h"
#include "artifact/guard_notes.h"
#include "base/json.h"
#include "guardc/module.h"
#include "tools/command.h"
#include "tools/exec_program.h"
#include "tools/find_module.h"
#include "tools/options.h"
#include "tools/output.h"

namespace guardc::cli {
namespace {

namespace fs = std::filesystem;
using artifact::Manifest;
using nlohmann::ordered_json;

struct InspectOptions : CommonOptions {
  std::string subject;
  std::string name;
};

struct Inspected {
  fs::path entry;
  Manifest manifest;
  artifact::Description description;
  std::vector<fs::path> other_entries;  // of the same wasm
};

// Of several artifacts of one wasm, the one that `guardc call` would run; else the first that can be read.
Result<Inspected> Open(const Subject& subject, const fs::path& cache_directory) {
  fs::path chosen = subject.entries.front();
  if (subject.is_wasm && subject.entries.size() > 1) {
    if (const auto module = Module::Find(subject.wasm, cache_directory)) chosen = (*module)->entry();
  }
  GUARDC_TRY(artifact::OpenedEntry opened, artifact::OpenEntry(chosen));
  GUARDC_TRY(artifact::Description description, artifact::ReadDescription(opened));
  Inspected out{.entry = chosen,
                .manifest = std::move(opened.manifest),
                .description = std::move(description),
                .other_entries = {}};
  for (const fs::path& entry : subject.entries) {
    if (entry != chosen) out.other_entries.push_back(entry);
  }
  return out;
}

std::string DescribeLimits(const Limits& limits, const char* unit) {
  std::string out = std::to_string(limits.min) + " " + unit;
  out += limits.max ? ", at most " + std::to_string(*limits.max) : ", no maximum";
  if (limits.is_64) out += ", 64-bit";
  if (limits.is_shared) out += ", shared";
  return out;
}

std::string DescribeOptions(const artifact::BuildOptions& options) {
  std::string out =
      "-O" + std::to_string(options.opt_level) + ", profile " + std::string(artifact::ProfileName(options.profile));
  if (options.bounds_checks) out += ", bounds checks";
  if (options.strict_traps) out += ", strict traps";
  if (options.canonical_nans) out += ", canonical NaNs";
  return out;
}

std::string DescribeTarget(const artifact::Target& target) {
  std::string out = target.triple + ", cpu " + target.cpu;
  for (size_t i = 0; i < target.features.size(); ++i) out += (i == 0 ? " with " : " ") + target.features[i];
  return out;
}

std::vector<std::string> Warnings(const Inspected& inspected) {
  const bool is_guard = inspected.manifest.identity.options.profile == Profile::kGuard;
  return is_guard ? artifact::GuardNotes(inspected.description) : std::vector<std::string>();
}

std::string ToHumanText(const Inspected& inspected) {
  const Manifest& m = inspected.manifest;
  const artifact::Identity& identity = m.identity;
  const artifact::Description& d = inspected.description;
  std::vector<std::vector<std::string>> facts = {
      {"module", m.module_name.empty() ? "(no name)" : PrintableName(m.module_name)},
      {"wasm", FormatSize(m.wasm_size) + ", sha256 " + identity.wasm_sha256},
      {"artifact", inspected.entry.string()},
      {"key", m.key},
      {"object", FormatSize(m.object_size) + ", sha256 " + m.object_sha256},
      {"target", DescribeTarget(identity.target)},
      {"options", DescribeOptions(identity.options)},
      {"made by", "guardc " + identity.guardc_version + ", LLVM " + identity.llvm_version + ", ABI " +
                      std::to_string(identity.abi_version)},
      {"code", FormatSize(d.counts.code_bytes) + ", " + std::to_string(d.counts.functions) + " functions (" +
                   std::to_string(d.counts.imported_functions) + " imported), " + std::to_string(d.counts.types) +
                   " types, " + std::to_string(d.counts.globals) + " globals"},
  };
  for (const Limits& memory : d.memories) facts.push_back({"memory", DescribeLimits(memory, "pages")});
  for (const artifact::DescribedTable& table : d.tables) {
    facts.push_back(
        {"table", std::string(ValTypeName(table.element)) + ", " + DescribeLimits(table.limits, "elements")});
  }
  for (const std::string& warning : Warnings(inspected)) facts.push_back({"warning", warning});
  for (const fs::path& other : inspected.other_entries) facts.push_back({"also", other.string()});
  std::string out = FormatTable(facts);

  std::vector<std::vector<std::string>> rows;
  for (const artifact::DescribedImport& import : d.imports) {
    rows.push_back({"  " + PrintableName(import.module) + "." + PrintableName(import.name),
                    std::string(ExternKindName(import.kind)), import.type});
  }
  out += "imports (" + std::to_string(rows.size()) + ")\n" + FormatTable(rows);
  rows.clear();
  for (const artifact::DescribedExport& exported : d.exports) {
    rows.push_back({"  " + PrintableName(exported.name), std::string(ExternKindName(exported.kind)), exported.type});
  }
  return out + "exports (" + std::to_string(rows.size()) + ")\n" + FormatTable(rows);
}

ordered_json ToJson(const Inspected& inspected) {
  ordered_json out = {{"cached", true}, {"entry", inspected.entry.string()}};
  out.update(ParseJson<ordered_json>(artifact::PrintManifest(inspected.manifest), "the manifest").value());
  out.update(ParseJson<ordered_json>(artifact::PrintDescription(inspected.description), "the description").value());
  out["warnings"] = Warnings(inspected);
  ordered_json& others = out["other_entries"] = ordered_json::array();
  for (const fs::path& entry : inspected.other_entries) others.push_back(entry.string());
  return out;
}

int RunInspect(const InspectOptions& options) {
  const Result<fs::path> cache_directory = CacheDirectory(options.cache_dir);
  if (!cache_directory) return ReportError(cache_directory.error(), options.json);
  const Result<Subject> subject = options.name.empty() ? FindSubject(options.subject, *cache_directory)
                                                       : FindNamedSubject(options.name, *cache_directory);
  if (!subject) return ReportError(subject.error(), options.json);
  if (subject->entries.empty()) {
    std::vector<std::string> arguments = {"inspect"};
    if (options.json) arguments.push_back("--json");
    arguments.insert(arguments.end(), {"--", options.subject});
    return ReportError(BecomeCompiler(arguments), options.json,
                       "only a compiler can look into a module that has no artifact yet; on a machine that has one, "
                       "`guardc compile` makes an artifact");
  }
  const Result<Inspected> inspected = Open(*subject, *cache_directory);
  if (!inspected) return ReportError(inspected.error(), options.json);
  if (options.json) return FinishJson(ToJson(*inspected), kDone);
  return Finish(ToHumanText(*inspected), kDone);
}

}  // namespace

void AddInspect(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<InspectOptions>();
  CLI::App* command = app.add_subcommand(
      "inspect",
      "Show a guard's types, imports, exports and limits, and its artifact's sizes, target, options, hashes");
  CLI::Option* subject =
      command->add_option("subject", options->subject, "A .wasm file, an entry's directory, or the start of a key")
          ->type_name("GUARD.wasm|ENTRY");
  AddName(*command, options->name, "Show what has this name in the cache")->excludes(subject);
  AddCacheDir(*command, *options);
  AddJson(*command, *options, "Print manifest and description with \"cached\", \"entry\", \"other_entries\"");
  command->footer(
      "Examples:\n"
      "  guardc inspect guard.wasm\n"
      "  guardc inspect 3f9c2a --json | jq '.imports[].name'\n"
      "A module that was not compiled yet is read by the compiler; \"cached\" is then false.");
  command->callback([options, subject, &exit_code] {
    if (options->name.empty() && subject->count() == 0) throw CLI::RequiredError("subject or --name");
    exit_code = RunInspect(*options);
  });
}

}  // namespace guardc::cli
