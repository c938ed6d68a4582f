// guardc verify: are the artifacts of a guard whole, ours, and fit to run on this machine?
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "artifact/cache_store.h"
#include "artifact/manifest.h"
#include "guardc/module.h"
#include "tools/command.h"
#include "tools/find_module.h"
#include "tools/options.h"
#include "tools/output.h"

namespace guardc::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

struct VerifyOptions : CommonOptions {
  std::vector<std::string> subjects;
  std::string name;
};

// Hashes of every file first, then all that the loader checks (ABI, target, CPU, ELF headers), and at last whether the
// manifest and the description tell of the object what the object says of itself.
Result<void> VerifyOne(const fs::path& entry) {
  GUARDC_TRY(const artifact::OpenedEntry opened, artifact::OpenEntry(entry));
  GUARDC_TRY(const artifact::Description description, artifact::VerifyFiles(opened));
  GUARDC_TRY(const std::shared_ptr<const Module> module, Module::Load(entry));
  const auto differs = [&](const char* file, const char* what) {
    return Fail(ErrorKind::kCorruptArtifact,
                entry.string() + ": the " + file + "'s " + what + " are not those of the object beside it");
  };
  if (opened.manifest.module_name != module->name()) return differs("manifest", "names");
  if (description.imports != artifact::DescribeImports(module->imports())) return differs("description", "imports");
  if (description.exports != artifact::DescribeExports(module->exports())) return differs("description", "exports");
  return {};
}

Result<std::vector<fs::path>> EntriesToVerify(const std::string& subject, bool is_name,
                                              const fs::path& cache_directory) {
  GUARDC_TRY(Subject found,
             is_name ? FindNamedSubject(subject, cache_directory) : FindSubject(subject, cache_directory));
  if (found.entries.empty()) {
    return Fail(ErrorKind::kNotCached,
                "'" + subject + "' has no artifact in '" + cache_directory.string() + "'; `guardc compile` makes one");
  }
  return std::move(found.entries);
}

int RunVerify(const VerifyOptions& options) {
  const Result<fs::path> cache_directory = CacheDirectory(options.cache_dir);
  if (!cache_directory) return ReportError(cache_directory.error(), options.json);
  int exit_code = kDone;
  ordered_json entries = ordered_json::array();
  std::string lines;
  std::vector<std::string> subjects = options.subjects;
  if (!options.name.empty()) subjects.push_back(options.name);
  for (size_t i = 0; i < subjects.size(); ++i) {
    const std::string& subject = subjects[i];
    const bool is_name = i >= options.subjects.size();
    const Result<std::vector<fs::path>> found = EntriesToVerify(subject, is_name, *cache_directory);
    if (!found) {
      exit_code = ReportError(found.error(), false);
      entries.push_back({{"subject", subject}, {"ok", false}, {"error", ErrorToJson(found.error())}});
      continue;
    }
    for (const fs::path& entry : *found) {
      const Result<void> sound = VerifyOne(entry);
      ordered_json row = {{"subject", subject}, {"entry", entry.string()}, {"ok", sound.has_value()}};
      if (sound) {
        lines += "ok  " + entry.string() + "\n";
      } else {
        exit_code = ReportError(sound.error(), false);
        row["error"] = ErrorToJson(sound.error());
      }
      entries.push_back(std::move(row));
    }
  }
  if (options.json) return FinishJson({{"ok", exit_code == kDone}, {"entries", entries}}, exit_code);
  return Finish(lines, exit_code);
}

}  // namespace

void AddVerify(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App* command = app.add_subcommand(
      "verify", "Check artifacts: owner, permissions, every hash, version, CPU, and the ELF rules of the loader");
  CLI::Option* subject =
      command->add_option("subject", options->subjects, "A .wasm file, an entry's directory, or the start of a key")
          ->type_name("GUARD.wasm|ENTRY");
  AddName(*command, options->name, "Check what has this name in the cache");
  AddCacheDir(*command, *options);
  AddJson(*command, *options, "Print {\"ok\", \"entries\": [...]}");
  command->footer(
      "Example:\n"
      "  guardc verify guard.wasm && echo sound\n"
      "Exit status: 0 all are sound, 1 at least one is not, or there is none.");
  command->callback([options, subject, &exit_code] {
    if (options->name.empty() && subject->count() == 0) throw CLI::RequiredError("subject or --name");
    exit_code = RunVerify(*options);
  });
}

}  // namespace guardc::cli
