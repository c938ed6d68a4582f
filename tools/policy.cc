// guardc policy check: what a gateway would make of a policy, and what a guard would get of it.
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "gateway/policy/policy_text.h"
#include "guardc/policy.h"
#include "tools/command.h"
#include "tools/options.h"
#include "tools/output.h"

namespace guardc::cli {
namespace {

using nlohmann::ordered_json;

constexpr uint64_t kPolicyLimit = uint64_t{8} << 20;  // bytes; as a guard's input

struct PolicyOptions : CommonOptions {
  std::string policy;
  std::vector<std::string> trusted_bots;
  std::vector<std::string> trusted_users;
};

// The white space around commas is the command line's; what is empty without it is for MergeTrusted to refuse. An empty
// value is an empty list.
std::vector<std::string> Names(const std::vector<std::string>& given) {
  if (given.size() == 1 && given[0].empty()) return {};
  std::vector<std::string> names;
  for (const std::string& name : given) names.emplace_back(gateway::Trim(name));
  return names;
}

Result<Policy> CheckPolicy(const PolicyOptions& options) {
  std::string text;
  if (options.policy == "-") {
    GUARDC_TRY(text, ReadAll(STDIN_FILENO, "stdin", kPolicyLimit));
  } else {
    GUARDC_TRY(text, ReadTextFile(options.policy, kPolicyLimit));
  }
  // Merged only where there is something to merge: its result is an object, whatever spelling the text had.
  const auto bots = Names(options.trusted_bots);
  const auto users = Names(options.trusted_users);
  if (!bots.empty() || !users.empty()) {
    GUARDC_TRY(text, MergeTrusted(text, bots, users));
  }
  return ParsePolicy(text);
}

int RunPolicyCheck(const PolicyOptions& options) {
  const Result<Policy> policy = CheckPolicy(options);
  if (!policy) {
    ReportError(policy.error(), false);
    if (!options.json) return kFailed;
    return FinishJson({{"ok", false}, {"error", ErrorToJson(policy.error())}}, kFailed);
  }
  const ordered_json normalized = ParseJson<ordered_json>(policy->normalized_json, "the policy").value();
  const ordered_json guard_input = ParseJson<ordered_json>(policy->guard_json, "the policy").value();
  if (options.json) {
    return FinishJson({{"ok", true}, {"normalized", normalized}, {"guard_input", guard_input}}, kDone);
  }
  return Finish("normalised:\n" + ToText(normalized) + "the guard gets:\n" + ToText(guard_input), kDone);
}

}  // namespace

void AddPolicy(CLI::App& app, int& exit_code) {
  CLI::App* policy = app.add_subcommand("policy", "Look at the policies that a gateway gives to guards");
  policy->require_subcommand(1);
  auto options = std::make_shared<PolicyOptions>();
  CLI::App* command = policy->add_subcommand(
      "check", "Check a policy, and print it normalised and as the guard would get it, or what is wrong with it");
  command->add_option("policy", options->policy, "JSON: an object, or a string that holds one; - is stdin")
      ->type_name("POLICY.json|-")
      ->required();
  command->add_option("--trusted-bots", options->trusted_bots, "Add these names to \"trusted-bots\"")
      ->type_name("A,B")
      ->delimiter(',');
  command->add_option("--trusted-users", options->trusted_users, "Add these names to \"trusted-users\"")
      ->type_name("C,D")
      ->delimiter(',');
  AddJson(*command, *options, "Print {\"ok\", \"normalized\", \"guard_input\"}, or {\"ok\", \"error\"}");
  command->footer(
      "Example:\n"
      "  guardc policy check policy.json --trusted-bots 'dependabot[bot],renovate[bot]'\n"
      "Exit status: 0 the policy is sound, 1 it is not.");
  command->callback([options, &exit_code] { exit_code = RunPolicyCheck(*options); });
}

}  // namespace guardc::cli
