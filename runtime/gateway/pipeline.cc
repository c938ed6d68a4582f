// GuardedCall: the phases of guard-abi 4 in their order. Run() may return early with an error or a denial from any of
// them; only GuardedCall turns what it returns into an outcome, and only an allowed decision lets a result out.
#include "guardc/pipeline.h"

#include <exception>
#include <utility>

#include "base/log.h"
#include "runtime/gateway/json_text.h"
#include "runtime/gateway/policy_text.h"

namespace guardc {
namespace {

Decision Allowed() {
  Decision decision;
  decision.allowed = true;
  decision.cause = DenialCause::kNone;
  return decision;
}

log::Logger& Log() {
  static log::Logger& log = log::Logger::Make("guard:pipeline");
  return log;
}

// Denials and errors are the caller's to report; here whoever listens hears of them, without the reasons, which may
// quote results.
void LogOutcome(const LabelSource& guard, const CallRequest& request, const Outcome& out) try {
  bool passed = out.kind == OutcomeKind::kAllowed || out.kind == OutcomeKind::kFiltered;
  const log::Level level = passed ? log::Level::kDebug : log::Level::kInfo;
  if (!Log().Enabled(level)) return;
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
  Log().Write(level, line, {.guard = guard.name(), .request_id = request.call.request_id});
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
    LabelQuery query{request_.tool, args_, capabilities_};
    GUARDC_TRY(out_.resource, guard_.LabelResource(query, request_.call));
    const Operation operation = out_.resource->operation;
    out_.phase = 2;
    coarse_ = CheckFlow(out_.agent_before, out_.resource->labels, operation, mode_);
    if (!coarse_.allowed && operation != Operation::kRead) return coarse_;
    out_.phase = 3;
    GUARDC_TRY(result_, CallBackend());

    bool is_labelled = operation == Operation::kRead || (operation == Operation::kReadWrite && mode_ != Mode::kStrict);
    if (!is_labelled) return Allowed();
    out_.phase = 4;
    GUARDC_TRY(LabelledData data, guard_.LabelResponse(query, result_, request_.call));
    out_.phase = 5;
    GUARDC_TRY(Decision decision, Filter(data));
    if (!decision.allowed) return decision;
    if (mode_ == Mode::kPropagate) Propagate(data);
    return decision;
  }

  // What the backend answered, for a call that is allowed and of which nothing was left out.
  std::string TakeResult() { return std::move(result_).TakeText(); }

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

  // Phase 5.
  Result<Decision> Filter(const LabelledData& data) {
    if (data.items().empty()) {
      return coarse_.allowed ? Result<Decision>(Allowed()) : LeaveOut(data, Whole());
    }
    GUARDC_TRY(ItemsReport report, FilterItems(out_.agent_before, data, out_.resource->operation, mode_));
    if (!report.left_out.empty()) return LeaveOut(data, std::move(report));
    out_.items = std::move(report);
    return Allowed();
  }

  // A result without labels of its own is one item with the resource's.
  ItemsReport Whole() const {
    auto own = std::make_shared<const ItemLabels>(ItemLabels{out_.resource->description, out_.resource->labels});
    return {1, {}, {{0, std::move(own), std::make_shared<const Decision>(coarse_)}}};
  }

  Decision LeaveOut(const LabelledData& data, ItemsReport report) {
    out_.notice = LeftOutNotice(report);
    bool was_one_item = report.total == 1;
    Decision first = *report.left_out.front().decision;
    out_.items = std::move(report);
    if (mode_ == Mode::kStrict || (was_one_item && IsSingularRead(request_.tool))) {
      first.reason = out_.notice + "; " + first.reason;
      return first;
    }
    out_.result = FilteredText(data, *out_.items);
    return Allowed();
  }

  // Phase 6.
  void Propagate(const LabelledData& data) {
    out_.phase = 6;
    out_.agent_after = agent_.Read(data.Overall().value_or(out_.resource->labels));
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
  Decision coarse_;
  JsonDocument result_;
};

Result<Decision> Attempt(LabelSource& guard, Agent& agent, const CallRequest& request, const Backend& backend,
                         Outcome& out) {
  try {
    Run run(guard, agent, request, backend, out);
    Result<Decision> decision = run.Phases();
    if (decision && decision->allowed && !out.result) out.result = run.TakeResult();
    return decision;
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

Outcome GuardedCall(LabelSource& guard, Agent& agent, const CallRequest& request, const Backend& backend) {
  Outcome out;
  Decision decision = DecideOrDeny(Attempt(guard, agent, request, backend, out));
  if (!decision.allowed) {
    out.kind = decision.error ? OutcomeKind::kError : OutcomeKind::kDenied;
    out.result.reset();
    out.cause = decision.cause;
    out.reason = std::move(decision.reason);
    out.error = std::move(decision.error);
  } else if (out.items && !out.items->left_out.empty()) {
    out.kind = OutcomeKind::kFiltered;
    out.phase = 5;
    out.cause = out.items->left_out.front().decision->cause;
    out.reason = out.notice + "; " + out.items->left_out.front().decision->reason;
  } else {
    out.kind = OutcomeKind::kAllowed;
    out.phase = 6;
  }
  LogOutcome(guard, request, out);
  return out;
}

}  // namespace guardc
