// guardc doctor: what would not work here, and what mends it.
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "tools/command.h"
#include "tools/doctor_checks.h"
#include "tools/options.h"
#include "tools/output.h"

namespace guardc::cli {
namespace {

using nlohmann::ordered_json;

struct DoctorOptions : CommonOptions {
  LoadRequest load;
};

const char* NameOf(Health health) { return health == Health::kOk ? "ok" : health == Health::kWarn ? "warn" : "fail"; }

std::string Coloured(Health health) {
  const std::string name = NameOf(health);
  if (!UseColour(STDOUT_FILENO)) return name;
  const char* colour = health == Health::kOk ? "32" : health == Health::kWarn ? "33" : "31";
  return std::string("\x1b[1;") + colour + "m" + name + "\x1b[0m";
}

std::string FindingsToText(const std::vector<Finding>& findings) {
  constexpr size_t kState = 4;
  size_t width = 0;
  for (const Finding& finding : findings) width = std::max(width, finding.check.size());
  const std::string indent(kState + 2 + width + 2, ' ');
  std::string out;
  for (const Finding& finding : findings) {
    out += Coloured(finding.health) + std::string(kState - std::string_view(NameOf(finding.health)).size() + 2, ' ') +
           finding.check + std::string(width - finding.check.size() + 2, ' ') + finding.found + "\n";
    if (!finding.fails.empty()) out += indent + "would fail: " + finding.fails + "\n";
    if (!finding.mend.empty()) out += indent + "mend: " + finding.mend + "\n";
  }
  const auto count = [&](Health health) { return std::ranges::count(findings, health, &Finding::health); };
  if (count(Health::kFail) > 0) return out + "something that guards need does not work here\n";
  return out + (count(Health::kWarn) > 0 ? "guards run here; see the warnings\n" : "everything works here\n");
}

ordered_json FindingsToJson(const std::vector<Finding>& findings, bool ok) {
  ordered_json checks = ordered_json::array();
  for (const Finding& finding : findings) {
    ordered_json row = {{"check", finding.check}, {"status", NameOf(finding.health)}, {"found", finding.found}};
    if (!finding.fails.empty()) row["would_fail"] = finding.fails;
    if (!finding.mend.empty()) row["mend"] = finding.mend;
    checks.push_back(std::move(row));
  }
  return {{"ok", ok}, {"checks", std::move(checks)}};
}

int RunDoctor(const DoctorOptions& options) {
  std::vector<Finding> findings = CheckSystem();
  const auto add = [&](std::vector<Finding> more) { std::ranges::move(more, std::back_inserter(findings)); };
  add(CheckCache(options.cache_dir));
  add(CheckCompiler());
  add(TryIt({}));
  if (!options.load.module.empty()) add(TryIt(options.load));
  const bool ok = std::ranges::none_of(findings, [](const Finding& f) { return f.health == Health::kFail; });
  if (options.json) return FinishJson(FindingsToJson(findings, ok), ok ? kDone : kFailed);
  return Finish(FindingsToText(findings), ok ? kDone : kFailed);
}

}  // namespace

void AddDoctor(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* command =
      app.add_subcommand("doctor", "Check this machine, the cache and the compiler; say what fails and what mends it");
  command->add_option("guard", options->load.module, "Also load this guard, and start it")
      ->type_name("GUARD.wasm|ENTRY");
  AddCacheDir(*command, *options);
  AddJson(*command, *options,
          "Print {\"ok\", \"checks\": [{\"check\", \"status\", \"found\", \"would_fail\", \"mend\"}]}");
  command->footer(
      "Examples:\n"
      "  guardc doctor\n"
      "  guardc doctor --json | jq '.checks[] | select(.status != \"ok\")'\n"
      "A small module is compiled, run, trapped and stopped, where there is a compiler. Nothing is written to the "
      "cache.\n"
      "Exit status: 0 guards run here (warnings tell what not everybody needs), 1 something would fail.");
  command->callback([options, &exit_code] {
    options->load.cache_dir = options->cache_dir;
    exit_code = RunDoctor(*options);
  });
}

}  // namespace guardc::cli
