// GuardedCall: the phases of docs/guard-abi.md, 4, in their order. Run() may return early with an error or a denial
// from any of them; only GuardedCall turns what it returns into an outcome, and only an allowed decision lets a result
// out. What there is of the result then, WhatLeaves has decided.
#include "guardc/pipeline.h"

#include <exception>
#include <utility>

#include "base/log.h"
#include "gateway/json/json_text.h"
#include "gateway/policy/policy_text.h"

namespace guardc {
namespace {

log::Logger& PipelineLog() {
  static log::Logger& log = log::Logger::Make("guard:pipeline");
  return log;
}

// Denials and errors are the caller's to report; here whoever listens hears of them, without the reasons, which may
// quote results.
void LogOutcome(const LabelSource& guard, const CallRequest& request, const Outcome& out) try {
  bool passed = out.kind == OutcomeKind::kAllowed || out.kind == OutcomeKind::kFiltered;
  const log::Level level = passed ? log::Level::kDebug : log::Level::kInfo;
  if (!PipelineLog().Enabled(level)) return;
  std::string line = "tool " + std::string(request.tool) + ": " + std::string(OutcomeKindName(out.kind)) +
                     " in phase " + std::to_string(out.phase);
  if (out.error) line += ", " + std::string(ErrorKindName(out.error->kind));
  if (out.cause == DenialCause::kIntegrity || out.cause == DenialCause::kSecrecy) {
    line += ", by " + std::string(DenialCauseName(out.cause));
  }
  if (out.items) {
    line += ", " + std::to_string(out.items->left_out.size()) + " of " + std::to_string(out.items->total) +
            " items left out";
  }
  PipelineLog().Write(level, line, {.guard = guard.name(), .request_id = request.call.request_id});
} catch (const std::exception&) {
  // The outcome stands, whether or not somebody could be told.
}

class Run {
 public:
  Run(LabelSource& guard, Agent& agent, const CallRequest& request, const Backend& backend, Outcome& out)
      : guard_(guard), agent_(agent), request_(request), backend_(backend), out_(out) {}

  Result<Decision> Phases() {
    GUARDC_CHECK(KnowAgent());
    out_.phase = 1;
    const LabelQuery query{request_.tool, args_, capabilities_};
    GUARDC_TRY(out_.resource, guard_.LabelResource(query, request_.call));
    const Operation operation = out_.resource->operation;
    out_.phase = 2;
    Decision coarse = CheckFlow(out_.agent_before, out_.resource->labels, operation, mode_);
    if (!coarse.allowed && operation != Operation::kRead) return coarse;
    out_.phase = 3;
    GUARDC_TRY(result_, CallBackend());
    GUARDC_TRY(Leaving leaving, Label(query));
    out_.items = std::move(leaving.items);
    out_.notice = std::move(leaving.notice);
    if (!leaving.decision.allowed) return leaving.decision;
    // Before the agent can see any of it.
    if (leaving.taken_on) {
      out_.phase = 6;
      out_.agent_after = agent_.Read(*leaving.taken_on);
    }
    out_.result = leaving.is_whole ? std::move(result_).TakeText() : std::move(leaving.part);
    return leaving.decision;
  }

 private:
  // Phase 0.
  Result<void> KnowAgent() {
    out_.agent_before = out_.agent_after = agent_.labels();
    GUARDC_TRY(args_, Document(request_.args_json, "the tool's arguments"));
    if (!request_.capabilities_json.empty()) {
      GUARDC_TRY(capabilities_, Document(request_.capabilities_json, "the capabilities"));
    }
    const std::string_view policy = request_.policy_json;
    std::optional<Agent::Introduced> agent = agent_.IntroducedTo(guard_, request_.server, policy);
    if (!agent) {
      GUARDC_TRY(const AgentAnswer answer, guard_.LabelAgent(policy, request_.call));
      agent = agent_.Introduce(guard_, request_.server, policy, answer);
    }
    out_.agent_before = out_.agent_after = std::move(agent->labels);
    mode_ = gateway::IsNoPolicy(policy) ? request_.configured_mode.value_or(agent->mode) : agent->mode;
    out_.mode = mode_;
    return {};
  }

  static Result<JsonDocument> Document(std::string_view text, std::string_view what) {
    if (text.empty()) return JsonDocument();
    return JsonDocument::Parse(std::string(text), what);
  }

  // Phase 3. A result that is no JSON could become anything in the message that carries it.
  Result<JsonDocument> CallBackend() {
    if (!backend_) return Fail(ErrorKind::kBackend, "there is no backend to call " + Tool());
    Result<std::string> text = Fail(ErrorKind::kBackend, "");
    try {
      text = backend_(request_.tool, args_.text(), request_.call);
    } catch (const std::exception& error) {
      return Fail(ErrorKind::kBackend, "the backend threw while it ran " + Tool() + ": " + error.what());
    } catch (...) {
      return Fail(ErrorKind::kBackend, "the backend threw while it ran " + Tool());
    }
    if (!text) return std::unexpected(std::move(text).error());
    auto parsed = JsonDocument::Parse(std::move(*text), "the result of " + Tool());
    if (!parsed && parsed.error().kind == ErrorKind::kInvalidArgument) {
      return Fail(ErrorKind::kBackend, parsed.error().message);
    }
    return parsed;
  }

  // Phases 4 and 5. What is labelled refers to the result, and is gone before that is handed out.
  Result<Leaving> Label(const LabelQuery& query) {
    LabelledData data;
    if (AsksForResponseLabels(out_.resource->operation, mode_)) {
      out_.phase = 4;
      GUARDC_TRY(data, guard_.LabelResponse(query, result_, request_.call));
      out_.phase = 5;
    }
    return WhatLeaves({request_.tool, mode_, out_.agent_before, *out_.resource, data, result_});
  }

  std::string Tool() const { return "\"" + gateway::Printable(request_.tool) + "\""; }

  LabelSource& guard_;
  Agent& agent_;
  const CallRequest& request_;
  const Backend& backend_;
  Outcome& out_;
  JsonDocument args_;
  std::optional<JsonDocument> capabilities_;
  Mode mode_ = Mode::kStrict;
  JsonDocument result_;
};

Result<Decision> Attempt(LabelSource& guard, Agent& agent, const CallRequest& request, const Backend& backend,
                         Outcome& out) {
  try {
    return Run(guard, agent, request, backend, out).Phases();
  } catch (const std::exception& error) {
    return Fail(ErrorKind::kInternal, std::string("a guarded call threw: ") + error.what());
  }
}

}  // namespace

std::string_view OutcomeKindName(OutcomeKind kind) {
  switch (kind) {
    case OutcomeKind::kDenied:
      return "denied";
    case OutcomeKind::kFiltered:
      return "filtered";
    case OutcomeKind::kAllowed:
      return "allowed";
    case OutcomeKind::kError:
      break;
  }
  return "error";
}

namespace {

// What failed may quote what the agent may not read: the backend's words, a result's, a guard's that copied them.
bool MayHearWhy(const Outcome& out) {
  if (out.phase == 0) return true;  // of what the caller gave
  return out.resource && CheckFlow(out.agent_before, out.resource->labels, Operation::kRead).allowed;
}

std::string FailedUntold(const Outcome& out) {
  return "the call failed in phase " + std::to_string(out.phase) + " (" + std::string(ErrorKindName(out.error->kind)) +
         "); the agent may not read the resource, so it is not told more";
}

}  // namespace

Outcome GuardedCall(LabelSource& guard, Agent& agent, const CallRequest& request, const Backend& backend) {
  Outcome out;
  Decision decision = DecideOrDeny(Attempt(guard, agent, request, backend, out));
  if (!decision.allowed) {
    out.kind = decision.error ? OutcomeKind::kError : OutcomeKind::kDenied;
    out.result.reset();
    out.cause = decision.cause;
    out.reason = std::move(decision.reason);
    out.error = std::move(decision.error);
    if (out.error && !MayHearWhy(out)) out.reason = FailedUntold(out);
  } else if (decision.cause != DenialCause::kNone) {
    out.kind = OutcomeKind::kFiltered;
    out.phase = 5;
    out.cause = decision.cause;
    out.reason = std::move(decision.reason);
  } else {
    out.kind = OutcomeKind::kAllowed;
    out.phase = 6;
  }
  LogOutcome(guard, request, out);
  return out;
}

}  // namespace guardc
