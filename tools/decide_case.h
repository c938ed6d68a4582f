// One case of `guardc decide`: what goes in as JSON texts, what came of it.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "guardc/guard.h"
#include "guardc/module.h"
#include "guardc/pipeline.h"
#include "guardc/result.h"
#include "tools/find_module.h"

namespace guardc::cli {

// JSON texts, but for tool, server and mode; nullopt where there is none.
struct DecideCase {
  std::string guard;  // a .wasm, an entry's directory, "noop" or "write-sink"; "": what the settings name
  std::string server;
  std::optional<std::string> id;  // echoed
  std::optional<std::string> tool;
  std::optional<std::string> args;
  std::optional<std::string> capabilities;
  std::optional<std::string> policy;
  std::optional<std::string> result;
  std::optional<std::string> backend;
  std::optional<std::string> backend_errors;
  std::optional<std::string> agent_labels;
  std::optional<std::string> mode;
};

// What a line of a file of cases says, on top of `defaults`: one case, or one for each element of "calls", which share
// a guard and an agent. Unknown members are named in `unknown`.
Result<std::vector<DecideCase>> ParseCases(std::string line, const DecideCase& defaults,
                                           std::vector<std::string>& unknown);

struct BackendCall {
  bool by_guard = false;  // call_backend, or the gateway's own call in phase 3
  std::string tool;
  std::string args;  // JSON
};

struct DecideOutcome {
  Outcome outcome;
  std::optional<std::string> id;
  std::vector<std::pair<LabelFunction, std::string>> guard_inputs;  // JSON
  std::vector<BackendCall> backend_calls;
  std::string hint;  // what to do about outcome.error, where the kind of error does not say it
};

struct DecideSettings {
  LoadRequest load;  // but for the module; its name is that of cases without a guard
  double timeout_seconds = 0;
  uint32_t memory_cap_pages = GuardOptions{}.memory_cap_pages;
  int verbose = 0;
  bool quiet = false;  // no line of the guard's, whatever its level
};

// Keeps loaded modules from case to case; guards are made anew for each. Thread-safe.
class Decider {
 public:
  explicit Decider(DecideSettings settings) : settings_(std::move(settings)) {}
  // One outcome for each call.
  std::vector<DecideOutcome> Run(const std::vector<DecideCase>& calls);

 private:
  struct Session;
  Result<std::shared_ptr<LabelSource>> MakeGuard(const DecideCase& first, const std::shared_ptr<Session>& session);
  LoadRequest RequestFor(const DecideCase& call) const;
  Result<std::shared_ptr<const Module>> Load(const LoadRequest& request);
  DecideOutcome RunOne(LabelSource& guard, Agent& agent, const DecideCase& call, Session& session);

  const DecideSettings settings_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const Module>> modules_;
};

// One line of JSON. The result, the guard's inputs and the arguments stand in it as they were written.
std::string OutcomeToJson(const DecideOutcome& outcome);
// For people; several lines.
std::string OutcomeToText(const DecideOutcome& outcome);

}  // namespace guardc::cli
