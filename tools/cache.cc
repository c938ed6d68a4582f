// guardc cache: ls, verify, gc, rm, path.
#include <chrono>
#include <ctime>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "artifact/cache_store.h"
#include "artifact/chunk_store.h"
#include "artifact/names.h"
#include "base/json.h"
#include "guardc/module.h"
#include "tools/command.h"
#include "tools/find_module.h"
#include "tools/options.h"
#include "tools/output.h"

namespace guardc::cli {
namespace {

namespace fs = std::filesystem;
using artifact::CacheStore;
using artifact::EntryInfo;
using nlohmann::ordered_json;

struct GcArguments : CommonOptions {
  double max_age_seconds = -1;
  uint64_t max_size = std::numeric_limits<uint64_t>::max();
  bool leftovers = false;
  bool dry_run = false;
};

std::string FormatDay(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", &parts);
  return text;
}

struct Listing {
  std::vector<EntryInfo> entries;
  std::vector<artifact::EntryName> names;
  std::vector<artifact::ChunkInfo> chunks;
};

// All of it; an error where there is no such directory: its name may be mistyped.
Result<Listing> ListAll(const fs::path& root) {
  GUARDC_TRY(const CacheStore store, CacheStore::OpenForReading(root));
  GUARDC_TRY(std::vector<EntryInfo> entries, store.List());
  auto names = artifact::ListNames(store);
  if (!names) ReportWarning("no name is shown, and none is taken: " + names.error().message);
  return Listing{std::move(entries), std::move(names).value_or(std::vector<artifact::EntryName>{}),
                 artifact::ListChunks(store)};
}

std::vector<std::string> NamesOf(const EntryInfo& entry, const Listing& listing) {
  std::vector<std::string> out;
  for (const artifact::EntryName& name : listing.names) {
    if (entry.path.filename() == name.key && entry.path.parent_path().filename() == name.wasm_sha256) {
      out.push_back(name.name);
    }
  }
  return out;
}

ordered_json ToJson(const EntryInfo& entry, const Listing& listing) {
  ordered_json row = {
      {"entry", entry.path.string()}, {"names", NamesOf(entry, listing)},        {"source", entry.source},
      {"size", entry.size},           {"last_used", FormatDay(entry.last_used)}, {"in_use", entry.in_use}};
  if (entry.manifest) {
    row["manifest"] = ParseJson<ordered_json>(artifact::PrintManifest(*entry.manifest), "the manifest").value();
  } else {
    row["error"] = ErrorToJson(entry.manifest.error());
  }
  return row;
}

// What people know the module by.
std::string ShortName(const EntryInfo& entry) {
  const bool has_name = entry.manifest && !entry.manifest->module_name.empty();
  const std::string name = has_name ? entry.manifest->module_name : entry.source;
  return name.empty() ? "-" : PrintableName(name);
}

std::string FormatNames(const EntryInfo& entry, const Listing& listing) {
  std::string out;
  for (const std::string& name : NamesOf(entry, listing)) out += (out.empty() ? "" : ", ") + name;
  return out.empty() ? "-" : out;
}

int RunLs(const CommonOptions& options) {
  const Result<fs::path> root = CacheDirectory(options.cache_dir);
  if (!root) return ReportError(root.error(), options.json);
  const Result<Listing> listing = ListAll(*root);
  if (!listing) return ReportError(listing.error(), options.json);
  const std::vector<EntryInfo>& entries = listing->entries;
  uint64_t total = 0;
  for (const EntryInfo& entry : entries) total += entry.size;
  uint64_t chunks_size = 0;
  for (const artifact::ChunkInfo& chunk : listing->chunks) chunks_size += chunk.size;
  if (options.json) {
    ordered_json rows = ordered_json::array();
    for (const EntryInfo& entry : entries) rows.push_back(ToJson(entry, *listing));
    return FinishJson({{"directory", root->string()},
                       {"size", total},
                       {"entries", rows},
                       {"chunks", {{"count", listing->chunks.size()}, {"size", chunks_size}}}},
                      kDone);
  }
  std::vector<std::vector<std::string>> table = {
      {"KEY", "NAME", "MODULE", "PROFILE", "OPT", "CPU", "SIZE", "LAST USED", ""}};
  for (const EntryInfo& entry : entries) {
    const std::string key = entry.path.filename().string().substr(0, 12);
    const std::string state = entry.in_use ? "in use" : "";
    if (!entry.manifest) {
      table.push_back({key, FormatNames(entry, *listing), ShortName(entry), "?", "?", "?", FormatSize(entry.size),
                       FormatDay(entry.last_used), "damaged"});
      continue;
    }
    const artifact::Identity& identity = entry.manifest->identity;
    table.push_back({key, FormatNames(entry, *listing), ShortName(entry),
                     std::string(artifact::ProfileName(identity.options.profile)),
                     "-O" + std::to_string(identity.options.opt_level), identity.target.cpu, FormatSize(entry.size),
                     FormatDay(entry.last_used), state});
  }
  std::string summary = std::to_string(entries.size()) + (entries.size() == 1 ? " artifact, " : " artifacts, ") +
                        FormatSize(total) + " in " + root->string() + "\n";
  if (!listing->chunks.empty()) {
    summary += std::to_string(listing->chunks.size()) + " chunks for compiling changed modules, " +
               FormatSize(chunks_size) + "\n";
  }
  return Finish((entries.empty() ? "" : FormatTable(table)) + summary, kDone);
}

int RunVerifyAll(const CommonOptions& options) {
  const Result<fs::path> root = CacheDirectory(options.cache_dir);
  if (!root) return ReportError(root.error(), options.json);
  const Result<Listing> listing = ListAll(*root);
  if (!listing) return ReportError(listing.error(), options.json);
  const std::vector<EntryInfo>& entries = listing->entries;
  size_t damaged = 0;
  ordered_json rows = ordered_json::array();
  for (const EntryInfo& entry : entries) {
    const Result<artifact::Manifest> sound = artifact::VerifyEntry(entry.path);
    ordered_json row = {{"entry", entry.path.string()}, {"ok", sound.has_value()}};
    if (!sound) {
      ++damaged;
      ReportError(sound.error(), false, "compile the module again, or remove the directory");
      row["error"] = ErrorToJson(sound.error());
    }
    rows.push_back(std::move(row));
  }
  size_t damaged_chunks = 0;
  for (const artifact::ChunkInfo& chunk : listing->chunks) {
    if (artifact::VerifyChunk(chunk.path)) continue;
    ++damaged_chunks;
    ReportError(Error(ErrorKind::kCorruptArtifact, chunk.path.string() + " does not hold what was put there"), false,
                "remove the file; no compile uses it");
  }
  const int exit_code = damaged == 0 && damaged_chunks == 0 ? kDone : kFailed;
  if (options.json) {
    return FinishJson({{"directory", root->string()},
                       {"ok", exit_code == kDone},
                       {"entries", rows},
                       {"chunks", {{"count", listing->chunks.size()}, {"damaged", damaged_chunks}}}},
                      exit_code);
  }
  const std::string chunks = listing->chunks.empty()
                                 ? ""
                                 : std::to_string(listing->chunks.size() - damaged_chunks) + " chunks sound, " +
                                       std::to_string(damaged_chunks) + " damaged\n";
  return Finish(std::to_string(entries.size() - damaged) + " sound, " + std::to_string(damaged) + " damaged in " +
                    root->string() + "\n" + chunks,
                exit_code);
}

ordered_json PathsToJson(const std::vector<fs::path>& paths) {
  ordered_json out = ordered_json::array();
  for (const fs::path& path : paths) out.push_back(path.string());
  return out;
}

// Whether `entry` is a directory where the cache keeps entries: ROOT/v1/xx/MODULE/KEY.
bool IsInside(const fs::path& entry, const fs::path& root) {
  std::error_code error;
  const fs::path real_entry = fs::canonical(entry, error);
  if (error) return false;
  const fs::path real_root = fs::canonical(root, error);
  if (error) return false;
  const fs::path relative = real_entry.lexically_relative(real_root);
  return std::distance(relative.begin(), relative.end()) == 4 && *relative.begin() != "..";
}

int RunGc(const GcArguments& arguments) {
  const Result<fs::path> root = CacheDirectory(arguments.cache_dir);
  if (!root) return ReportError(root.error(), arguments.json);
  artifact::GcOptions options;
  options.dry_run = arguments.dry_run;
  if (arguments.max_age_seconds >= 0) {
    options.max_age = std::chrono::seconds(static_cast<int64_t>(arguments.max_age_seconds));
  }
  if (arguments.max_size != std::numeric_limits<uint64_t>::max()) options.max_size = arguments.max_size;
  artifact::GcReport report;
  std::error_code ignored;
  if (fs::exists(*root, ignored)) {  // nothing to collect is no failure
    const Result<CacheStore> store = CacheStore::OpenForWriting(*root);
    if (!store) return ReportError(store.error(), arguments.json);
    Result<artifact::GcReport> collected = store->Gc(options);
    if (!collected) return ReportError(collected.error(), arguments.json);
    report = *std::move(collected);
  }
  const int exit_code = report.failed.empty() ? kDone : kFailed;
  ordered_json failed = ordered_json::array();
  for (const artifact::GcFailure& failure : report.failed) {
    ReportError(failure.error, false);
    failed.push_back({{"path", failure.path.string()}, {"error", ErrorToJson(failure.error)}});
  }
  if (arguments.json) {
    return FinishJson({{"directory", root->string()},
                       {"dry_run", arguments.dry_run},
                       {"removed", PathsToJson(report.removed)},
                       {"removed_names", report.removed_names},
                       {"in_use", PathsToJson(report.in_use)},
                       {"failed", failed},
                       {"removed_chunks", report.removed_chunks},
                       {"removed_size", report.removed_bytes},
                       {"kept_size", report.kept_bytes}},
                      exit_code);
  }
  std::string text;
  for (const fs::path& path : report.removed)
    text += (arguments.dry_run ? "would remove " : "removed ") + path.string() + "\n";
  for (const std::string& name : report.removed_names)
    text += (arguments.dry_run ? "would remove the name " : "removed the name ") + name + "\n";
  for (const fs::path& path : report.in_use) text += "in use, kept " + path.string() + "\n";
  for (const artifact::GcFailure& failure : report.failed) text += "failed, kept " + failure.path.string() + "\n";
  if (report.removed_chunks > 0) {
    text += (arguments.dry_run ? "would remove " : "removed ") + std::to_string(report.removed_chunks) + " chunks\n";
  }
  text += FormatSize(report.removed_bytes) + (arguments.dry_run ? " would be freed, " : " freed, ") +
          FormatSize(report.kept_bytes) + " kept\n";
  return Finish(text, exit_code);
}

struct RmArguments : CommonOptions {
  std::vector<std::string> subjects;
};

// What one argument of `rm` means.
struct Doomed {
  std::vector<fs::path> entries;
  std::string name;  // to be removed alone: its file is damaged, or its entry gone
};

Result<Doomed> FindNamedDoomed(const std::string& name, const CacheStore& store) {
  const auto found = artifact::ReadName(store, name);
  if (!found && found.error().kind == ErrorKind::kNotCached) return std::unexpected(found.error());
  const fs::path entry = found ? store.EntryPath(found->wasm_sha256, found->key) : fs::path();
  std::error_code ignored;
  if (found && fs::exists(fs::symlink_status(entry, ignored))) return Doomed{.entries = {entry}, .name = {}};
  return Doomed{.entries = {}, .name = name};
}

Result<Doomed> FindDoomed(const std::string& subject, const CacheStore& store) {
  std::error_code ignored;
  const bool is_file = fs::exists(fs::status(subject, ignored));
  if (artifact::CheckName(subject)) {
    Result<Doomed> named = FindNamedDoomed(subject, store);
    if (!is_file && !named && named.error().kind == ErrorKind::kNotCached) {
      return Fail(ErrorKind::kNotCached, "there is no file '" + subject + "', and " + named.error().message);
    }
    if (!is_file) return named;
    if (named) {
      const std::string of = named->entries.empty() ? "" : " of " + named->entries.front().string();
      return Fail(ErrorKind::kInvalidArgument, "'" + subject + "' is a file here and a name" + of + ": write ./" +
                                                   subject + " for the file, or the key for the other");
    }
  }
  GUARDC_TRY(Subject found, FindSubject(subject, store.root()));
  if (found.entries.empty()) {
    return Fail(ErrorKind::kNotCached, "no artifact of '" + subject + "' is in " + store.root().string());
  }
  for (const fs::path& entry : found.entries) {
    // Only what this cache has: a directory by its path could be anything.
    if (IsInside(entry, store.root())) continue;
    return Fail(ErrorKind::kInvalidArgument,
                "'" + entry.string() + "' is no entry of the cache " + store.root().string());
  }
  return Doomed{.entries = std::move(found.entries), .name = {}};
}

// What `rm` did.
class Removal {
 public:
  void Fail(const Error& error) {
    exit_code_ = ReportError(error, false);
    failed_.push_back(ErrorToJson(error));
  }

  void Remove(const CacheStore& store, const fs::path& entry) {
    Result<artifact::RemovedEntry> removed = store.Remove(entry);
    if (!removed) return Fail(removed.error());
    if (!removed->is_gone) {
      return Fail({ErrorKind::kIo, entry.string() + " is in use: it stays until nobody has it loaded"});
    }
    removed_.push_back(entry.string());
    text_ += "removed " + entry.string() + "\n";
    for (const std::string& name : removed->names) NameIsGone(name);
    for (const artifact::GcFailure& left : removed->failed) Fail(left.error);
  }

  void RemoveName(const CacheStore& store, const std::string& name) {
    const Result<bool> removed = artifact::RemoveName(store, name);
    if (!removed) return Fail(removed.error());
    if (*removed) NameIsGone(name);
  }

  int Finish(const fs::path& root, bool json) const {
    if (!json) return cli::Finish(text_, exit_code_);
    return FinishJson(
        {{"directory", root.string()}, {"removed", removed_}, {"removed_names", names_}, {"failed", failed_}},
        exit_code_);
  }

 private:
  void NameIsGone(const std::string& name) {
    names_.push_back(name);
    text_ += "removed the name " + name + "\n";
  }

  int exit_code_ = kDone;
  std::string text_;
  ordered_json removed_ = ordered_json::array();
  ordered_json names_ = ordered_json::array();
  ordered_json failed_ = ordered_json::array();
};

int RunRm(const RmArguments& arguments) {
  const Result<fs::path> root = CacheDirectory(arguments.cache_dir);
  if (!root) return ReportError(root.error(), arguments.json);
  const Result<CacheStore> store = CacheStore::OpenForReading(*root);
  if (!store) return ReportError(store.error(), arguments.json);
  Removal removal;
  std::vector<Doomed> doomed;
  bool is_clear = true;
  for (const std::string& subject : arguments.subjects) {
    Result<Doomed> found = FindDoomed(subject, *store);
    if (found) {
      doomed.push_back(*std::move(found));
    } else {
      is_clear = is_clear && found.error().kind != ErrorKind::kInvalidArgument;
      removal.Fail(found.error());
    }
  }
  // What could mean several things removes none of them, nor what else was named with it.
  for (size_t i = 0; is_clear && i < doomed.size(); ++i) {
    for (const fs::path& entry : doomed[i].entries) removal.Remove(*store, entry);
    if (!doomed[i].name.empty()) removal.RemoveName(*store, doomed[i].name);
  }
  return removal.Finish(*root, arguments.json);
}

int RunPath(const CommonOptions& options) {
  const Result<fs::path> root = CacheDirectory(options.cache_dir);
  if (!root) return ReportError(root.error(), options.json);
  if (options.json) return FinishJson({{"directory", root->string()}}, kDone);
  return Finish(root->string() + "\n", kDone);
}

void AddGc(CLI::App& cache, int& exit_code) {
  auto options = std::make_shared<GcArguments>();
  CLI::App* command = cache.add_subcommand("gc", "Remove old artifacts; never one that is in use");
  AddDuration(*command, "--max-age", options->max_age_seconds, "Remove what was not used for this long (30d, 12h)");
  CLI::Option* max_size = AddSizeWithUnit(*command, "--max-size", options->max_size,
                                          "Then remove the least recently used beyond this (500MB, 1GiB)");
  command->add_flag("--leftovers", options->leftovers, "Only remove what killed compiles left")->excludes(max_size);
  command->add_flag("--dry-run", options->dry_run, "Only say what would go");
  AddCacheDir(*command, *options);
  AddJson(*command, *options,
          "Print {\"removed\", \"removed_names\", \"in_use\", \"failed\", \"removed_chunks\", \"removed_size\", "
          "\"kept_size\"}");
  command->footer(
      "Leftovers of compiles that were killed go as well.\n"
      "Example:\n"
      "  guardc cache gc --max-age 30d --max-size 1GiB");
  command->callback([options, max_size, &exit_code] {
    const bool has_age = options->max_age_seconds >= 0;
    if (has_age && options->leftovers) throw CLI::ExcludesError("--leftovers", "--max-age");
    if (!has_age && max_size->count() == 0 && !options->leftovers) {
      throw CLI::RequiredError("--max-age, --max-size or --leftovers");
    }
    exit_code = RunGc(*options);
  });
}

void AddRm(CLI::App& cache, int& exit_code) {
  auto options = std::make_shared<RmArguments>();
  CLI::App* command = cache.add_subcommand("rm", "Remove artifacts; never one that is in use");
  command
      ->add_option("artifact", options->subjects,
                   "A key's first digits, an entry's directory, its name, or a .wasm: all of its")
      ->type_name("KEY|ENTRY|NAME|GUARD.wasm")
      ->required();
  AddCacheDir(*command, *options);
  AddJson(*command, *options, "Print {\"directory\", \"removed\", \"removed_names\", \"failed\"}");
  command->footer(
      "The names of what is removed go with it. An argument that could mean several artifacts removes none.\n"
      "Example:\n"
      "  guardc cache rm github");
  command->callback([options, &exit_code] { exit_code = RunRm(*options); });
}

}  // namespace

void AddCache(CLI::App& app, int& exit_code) {
  CLI::App* cache = app.add_subcommand("cache", "Look at the cache, check it, clean it up");
  cache->require_subcommand(1);
  cache->footer(
      "Examples:\n"
      "  guardc cache ls\n"
      "  guardc cache verify --json\n"
      "  guardc cache gc --max-age 30d --max-size 1GiB --dry-run\n"
      "  du -sh \"$(guardc cache path)\"");
  struct Simple {
    const char* name;
    const char* description;
    const char* json;
    int (*run)(const CommonOptions&);
  };
  static constexpr Simple kSimple[] = {
      {"ls", "List the artifacts", "Print {\"directory\", \"size\", \"entries\": [...]} with whole manifests", RunLs},
      {"verify", "Check every artifact's hashes", "Print {\"ok\", \"entries\": [...]}", RunVerifyAll},
      {"path", "Print the cache directory", "Print {\"directory\"}", RunPath},
  };
  for (const Simple& simple : kSimple) {
    auto options = std::make_shared<CommonOptions>();
    CLI::App* command = cache->add_subcommand(simple.name, simple.description);
    AddCacheDir(*command, *options);
    AddJson(*command, *options, simple.json);
    command->callback([options, &exit_code, run = simple.run] { exit_code = run(*options); });
  }
  AddGc(*cache, exit_code);
  AddRm(*cache, exit_code);
}

}  // namespace guardc::cli
