#include "tools/decide_case.h"

#include <chrono>

#include "gateway/json/json_text.h"
#include "tools/call_inputs.h"

namespace guardc::cli {
namespace {

using gateway::JsonText;
using gateway::JsonType;
using gateway::JsonValue;
using gateway::KnownMembers;
using gateway::OnOneLine;

std::unexpected<Error> Invalid(std::string message) { return Fail(ErrorKind::kInvalidArgument, std::move(message)); }

// A member under its name or, as it is called on the command line, with hyphens.
Result<std::optional<JsonValue>> Member(const KnownMembers& members, std::string_view name) {
  std::string hyphens(name);
  for (char& c : hyphens) c = c == '_' ? '-' : c;
  auto value = members.Find(name);
  auto other = hyphens == name ? std::nullopt : members.Find(hyphens);
  if (value && other) return Invalid("a case has both \"" + std::string(name) + "\" and \"" + hyphens + "\"");
  return value ? value : other;
}

Result<void> TextMember(const KnownMembers& members, std::string_view name, std::string& out) {
  GUARDC_TRY(auto value, Member(members, name));
  if (!value) return {};
  if (!value->Is(JsonType::kString)) return Invalid("\"" + std::string(name) + "\" of a case is not a string");
  GUARDC_TRY(out, value->String());
  return {};
}

Result<void> TextMember(const KnownMembers& members, std::string_view name, std::optional<std::string>& out) {
  GUARDC_TRY(auto value, Member(members, name));
  if (!value || value->Is(JsonType::kNull)) return {};
  return TextMember(members, name, out.emplace());
}

Result<void> JsonMember(const KnownMembers& members, std::string_view name, std::optional<std::string>& out) {
  GUARDC_TRY(auto value, Member(members, name));
  if (value) out = std::string(value->raw());
  return {};
}

// For members where a JSON null says that there is none.
Result<void> JsonMemberNotNull(const KnownMembers& members, std::string_view name, std::optional<std::string>& out) {
  GUARDC_TRY(auto value, Member(members, name));
  if (value && !value->Is(JsonType::kNull)) out = std::string(value->raw());
  return {};
}

Result<DecideCase> ParseCase(JsonValue value, const DecideCase& defaults, std::vector<std::string>& unknown,
                             std::optional<JsonValue>* calls) {
  GUARDC_TRY(auto members, KnownMembers::Read(value,
                                              {"id", "name", "guard", "server", "tool", "args", "capabilities",
                                               "policy", "result", "backend", "backend_errors", "backend-errors",
                                               "agent_labels", "agent-labels", "mode", "calls"},
                                              ErrorKind::kInvalidArgument, "a case"));
  if (members.unknown()) unknown.push_back(*members.unknown());
  DecideCase out = defaults;
  GUARDC_CHECK(JsonMember(members, "name", out.id));
  GUARDC_CHECK(JsonMember(members, "id", out.id));
  GUARDC_CHECK(TextMember(members, "guard", out.guard));
  GUARDC_CHECK(TextMember(members, "server", out.server));
  GUARDC_CHECK(TextMember(members, "tool", out.tool));
  GUARDC_CHECK(TextMember(members, "mode", out.mode));
  GUARDC_CHECK(JsonMemberNotNull(members, "args", out.args));
  GUARDC_CHECK(JsonMemberNotNull(members, "capabilities", out.capabilities));
  GUARDC_CHECK(JsonMember(members, "policy", out.policy));
  GUARDC_CHECK(JsonMember(members, "result", out.result));
  GUARDC_CHECK(JsonMemberNotNull(members, "backend", out.backend));
  GUARDC_CHECK(JsonMemberNotNull(members, "backend_errors", out.backend_errors));
  GUARDC_CHECK(JsonMemberNotNull(members, "agent_labels", out.agent_labels));
  auto list = members.Find("calls");
  if (list && calls == nullptr) return Invalid("\"calls\" stands within \"calls\"");
  if (calls != nullptr) *calls = list;
  return out;
}

Result<Labels> ParseAgentLabels(const std::string& text) {
  GUARDC_TRY(auto parsed, JsonText::Parse(text, "the agent's labels"));
  GUARDC_TRY(auto members, KnownMembers::Read(parsed->root(), {"secrecy", "integrity"}, ErrorKind::kInvalidArgument,
                                              "the agent's labels"));
  if (members.unknown()) return Invalid("the agent's labels have no \"" + *members.unknown() + "\"");
  Labels out;
  for (auto [key, set] : {std::pair("secrecy", &out.secrecy), std::pair("integrity", &out.integrity)}) {
    auto list = members.FindNotNull(key);
    if (!list) continue;
    std::vector<std::string> tags;
    bool good = list->Is(JsonType::kArray);
    for (JsonValue element : *list) {
      auto tag = element.Is(JsonType::kString) ? element.String() : Result<std::string>(Invalid(""));
      good = good && tag;
      if (good) tags.push_back(std::move(*tag));
    }
    if (!good) return Invalid("\"" + std::string(key) + "\" of the agent's labels is not an array of strings");
    *set = TagSet::From(std::move(tags));
  }
  return out;
}

// tool -> answer; and tool -> why it fails, or a list of the tools that fail.
struct Answers {
  std::map<std::string, std::string, std::less<>> answers;
  std::map<std::string, std::string, std::less<>> errors;
};

Result<Answers> ParseAnswers(const DecideCase& call) {
  Answers out;
  std::string key;
  if (call.backend) {
    GUARDC_TRY(auto parsed, JsonText::Parse(*call.backend, "the backend"));
    JsonValue root = parsed->root();
    if (!root.Is(JsonType::kObject)) return Invalid("the backend is not an object: tool name -> answer");
    for (auto it = root.begin(); it != root.end(); ++it) {
      GUARDC_TRY(key, (*it).String());
      out.answers[key] = std::string((*++it).raw());
    }
  }
  if (call.backend_errors) {
    GUARDC_TRY(auto parsed, JsonText::Parse(*call.backend_errors, "the backend's errors"));
    JsonValue root = parsed->root();
    bool is_object = root.Is(JsonType::kObject);
    if (!is_object && !root.Is(JsonType::kArray)) {
      return Invalid("the backend's errors are neither an object (tool name -> message) nor an array of tool names");
    }
    for (auto it = root.begin(); it != root.end(); ++it) {
      if (!(*it).Is(JsonType::kString)) return Invalid("the backend's errors name a tool that is not a string");
      GUARDC_TRY(key, (*it).String());
      std::string message = "the backend failed";
      if (is_object && (*++it).Is(JsonType::kString)) {
        GUARDC_TRY(message, (*it).String());
      }
      out.errors[key] = std::move(message);
    }
  }
  return out;
}

// Drops everything, and is asked before a text is looked at.
class NoLog : public GuardLog {
 public:
  bool Enabled(LogLevel) const override { return false; }
  void Log(LogLevel, std::string_view, std::string_view) override {}
};

Result<Mode> ParseMode(const std::string& name) {
  auto mode = ModeFrom(name);
  if (!mode) return Invalid("\"" + name + "\" is no mode; expected strict, filter or propagate");
  return *mode;
}

bool IsBuiltIn(std::string_view guard) { return guard == "noop" || guard == "write-sink"; }

DecideOutcome Failed(const DecideCase& call, Error error, const Labels& agent) {
  DecideOutcome out;
  out.id = call.id;
  out.outcome.reason = error.message;
  out.outcome.cause = DenialCause::kError;
  out.outcome.error = std::move(error);
  out.outcome.agent_before = out.outcome.agent_after = agent;
  return out;
}

}  // namespace

Result<std::vector<DecideCase>> ParseCases(std::string line, const DecideCase& defaults,
                                           std::vector<std::string>& unknown) {
  GUARDC_TRY(auto parsed, JsonText::Parse(std::move(line), "the case"));
  std::optional<JsonValue> calls;
  GUARDC_TRY(DecideCase first, ParseCase(parsed->root(), defaults, unknown, &calls));
  if (!calls) return std::vector{std::move(first)};
  if (!calls->Is(JsonType::kArray)) return Invalid("\"calls\" of a case is not an array");
  if (calls->begin() == calls->end()) return Invalid("\"calls\" of a case is empty: there is nothing to decide");
  std::vector<DecideCase> out;
  for (JsonValue call : *calls) {
    GUARDC_TRY(DecideCase one, ParseCase(call, first, unknown, nullptr));
    if (one.guard != first.guard) return Invalid("\"calls\" of a case share its guard; a call names another one");
    out.push_back(std::move(one));
  }
  return out;
}

// What the guard's backend and the calls share: the call that is under way.
struct Decider::Session {
  Answers answers;
  DecideOutcome* current = nullptr;

  Result<std::string> Backend(bool by_guard, std::string_view tool, std::string_view args,
                              const std::optional<std::string>& result = {}) {
    current->backend_calls.push_back({by_guard, std::string(tool), std::string(args)});
    if (auto error = answers.errors.find(tool); error != answers.errors.end()) {
      return Fail(ErrorKind::kBackend, error->second);
    }
    if (result) return *result;
    if (auto answer = answers.answers.find(tool); answer != answers.answers.end()) return answer->second;
    return Fail(ErrorKind::kBackend, "the backend has no answer for the tool \"" + std::string(tool) + "\"");
  }
};

LoadRequest Decider::RequestFor(const DecideCase& call) const {
  LoadRequest out = settings_.load;
  out.module = call.guard;
  if (!call.guard.empty()) out.name.clear();
  return out;
}

Result<std::shared_ptr<const Module>> Decider::Load(const LoadRequest& request) {
  std::lock_guard lock(mutex_);
  auto& module = modules_[request.module];  // "" is the one that the settings name
  if (!module) {
    GUARDC_TRY(module, LoadModule(request));
  }
  return module;
}

Result<std::shared_ptr<LabelSource>> Decider::MakeGuard(const DecideCase& first,
                                                        const std::shared_ptr<Session>& session) {
  if (first.guard == "noop") return MakeNoopSource();
  if (first.guard == "write-sink") {
    GUARDC_TRY(WriteSinkPolicy policy, ParseWriteSinkPolicy(first.policy.value_or(""), first.server));
    return MakeWriteSinkSource(policy);
  }
  const LoadRequest request = RequestFor(first);
  GUARDC_TRY(auto module, Load(request));
  GuardOptions options;
  options.name = request.name.empty() ? std::filesystem::path(first.guard).stem().string() : request.name;
  if (!first.server.empty()) options.name = first.server;
  options.log = settings_.quiet ? std::make_shared<NoLog>() : MakeStderrLog(options.name, settings_.verbose);
  options.sleep_really = false;
  options.memory_cap_pages = settings_.memory_cap_pages;
  options.backend = [session](std::string_view tool, std::string_view args, const CallOptions&) {
    return session->Backend(true, tool, args);
  };
  GUARDC_TRY(auto guard, Guard::Create(std::move(module), std::move(options)));
  LabelTransport transport;
  transport.name = guard->name();
  transport.call = [guard, session](LabelFunction function, std::string_view input, const CallOptions& call) {
    session->current->guard_inputs.emplace_back(function, OnOneLine(input));
    return guard->Call(function, input, call);
  };
  transport.healthy = [guard] { return guard->healthy(); };
  transport.close = [guard] { return guard->Close(); };
  return MakeCompiledSource(std::move(transport));
}

// An outcome lists the labels of each item, also where many items share them: a small answer could make gigabytes.
Result<void> CheckListing(const Outcome& outcome) {
  constexpr size_t kMaxListedTags = 1'000'000;
  if (!outcome.items) return {};
  size_t tags = 0;
  for (const auto* items : {&outcome.items->kept, &outcome.items->left_out}) {
    for (const ItemVerdict& item : *items) {
      tags += item.own->labels.secrecy.size() + item.own->labels.integrity.size();
    }
  }
  if (tags <= kMaxListedTags) return {};
  return Fail(ErrorKind::kLimit,
              "the outcome would list " + std::to_string(tags) + " tags of items, at most " +
                  std::to_string(kMaxListedTags) + " are listed",
              {.limit = kMaxListedTags});
}

DecideOutcome Decider::RunOne(LabelSource& guard, Agent& agent, const DecideCase& call, Session& session) {
  DecideOutcome out;
  out.id = call.id;
  session.current = &out;
  auto run = [&]() -> Result<Outcome> {
    if (!call.tool) return Invalid("there is no tool to call");
    GUARDC_TRY(session.answers, ParseAnswers(call));
    CallRequest request;
    request.tool = *call.tool;
    request.server = call.server;
    request.args_json = call.args ? std::string_view(*call.args) : "";
    request.capabilities_json = call.capabilities ? std::string_view(*call.capabilities) : "";
    request.policy_json = call.policy ? std::string_view(*call.policy) : "";
    if (call.mode) {
      GUARDC_TRY(request.configured_mode, ParseMode(*call.mode));
    }
    if (settings_.timeout_seconds > 0) {
      request.call.deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                                 std::chrono::duration<double>(settings_.timeout_seconds));
    }
    Outcome outcome =
        GuardedCall(guard, agent, request, [&](std::string_view tool, std::string_view args, const CallOptions&) {
          return session.Backend(false, tool, args, call.result);
        });
    GUARDC_CHECK(CheckListing(outcome));
    return outcome;
  };
  auto outcome = run();
  if (!outcome) {
    out.outcome = Failed(call, std::move(outcome.error()), agent.labels()).outcome;
  } else {
    out.outcome = std::move(*outcome);
  }
  return out;
}

std::vector<DecideOutcome> Decider::Run(const std::vector<DecideCase>& calls) {
  std::vector<DecideOutcome> out;
  if (calls.empty()) return out;
  auto fail = [&](const Error& error) {
    const LoadRequest load = RequestFor(calls.front());
    for (const DecideCase& call : calls) {
      out.push_back(Failed(call, error, {}));
      out.back().hint = LoadHint(load, error);
    }
    return std::move(out);
  };
  auto session = std::make_shared<Session>();
  Labels labels;
  if (calls.front().agent_labels) {
    auto parsed = ParseAgentLabels(*calls.front().agent_labels);
    if (!parsed) return fail(std::move(parsed.error()));
    labels = std::move(*parsed);
  }
  Agent agent(std::move(labels));
  std::shared_ptr<LabelSource> guard;
  for (const DecideCase& call : calls) {
    // A compiled guard keeps one policy for all calls; a built-in one is what the call's own policy and server say.
    if (!guard || IsBuiltIn(call.guard)) {
      auto made = MakeGuard(call, session);
      if (!made && !IsBuiltIn(call.guard)) return fail(std::move(made.error()));
      if (!made) {
        out.push_back(Failed(call, std::move(made.error()), agent.labels()));
        continue;
      }
      guard = *std::move(made);
    }
    out.push_back(RunOne(*guard, agent, call, *session));
  }
  // Its result is in no outcome: what was decided, was decided before.
  if (guard) (void)guard->Close();
  return out;
}

}  // namespace guardc::cli
