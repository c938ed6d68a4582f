// The bridge from Guard and GuardPool to LabelSource; apart, so that the gateway's logic can be linked and tested
// without a loader.
#include <utility>

#include "guardc/label.h"
#include "guardc/pool.h"

namespace guardc {

std::shared_ptr<LabelSource> MakeCompiledSource(std::shared_ptr<Guard> guard) {
  LabelTransport transport;
  transport.name = guard->name();
  transport.call = [guard](LabelFunction function, std::string_view input, const CallOptions& call) {
    return guard->Call(function, input, call);
  };
  transport.healthy = [guard] { return guard->healthy(); };
  transport.close = [guard] { return guard->Close(); };
  return MakeCompiledSource(std::move(transport));
}

std::shared_ptr<LabelSource> MakeCompiledSource(std::shared_ptr<GuardPool> pool) {
  LabelTransport transport;
  transport.name = pool->name();
  transport.call = [pool](LabelFunction function, std::string_view input, const CallOptions& call) {
    return pool->Call(function, input, call);
  };
  transport.close = [pool] { return pool->Close(); };
  return MakeCompiledSource(std::move(transport));
}

Result<AgentAnswer> LabelAgent(Guard& guard, const Policy& policy, const CallOptions& call) {
  GUARDC_TRY(std::string answer, guard.Call(LabelFunction::kAgent, policy.guard_json, call));
  return ParseAgentAnswer(std::move(answer));
}

Result<AgentAnswer> LabelAgent(Guard& guard, std::string_view policy_json, const CallOptions& call) {
  GUARDC_TRY(const Policy policy, ParsePolicy(policy_json));
  return LabelAgent(guard, policy, call);
}

Result<ResourceAnswer> LabelResource(Guard& guard, std::string_view tool, const JsonDocument& args,
                                     const std::optional<JsonDocument>& capabilities, const CallOptions& call) {
  GUARDC_TRY(std::string input, LabelResourceInput(tool, args, capabilities));
  GUARDC_TRY(std::string answer, guard.Call(LabelFunction::kResource, input, call));
  return ParseResourceAnswer(std::move(answer));
}

Result<LabelledData> LabelResponse(Guard& guard, std::string_view tool, const JsonDocument& args,
                                   const JsonDocument& result, const std::optional<JsonDocument>& capabilities,
                                   const CallOptions& call) {
  GUARDC_TRY(std::string input, LabelResponseInput(tool, args, result, capabilities));
  GUARDC_TRY(std::string answer, guard.Call(LabelFunction::kResponse, input, call));
  return ParseResponseAnswer(std::move(answer), result);
}

}  // namespace guardc
