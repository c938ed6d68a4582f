// A guard of canned answers, and what was asked of it.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "guardc/label.h"
#include "guardc/pipeline.h"

namespace guardc {

struct FakeGuard {
  Result<std::string> agent = R"({"difc_mode":"strict"})";
  Result<std::string> resource = R"({"resource":{},"operation":"read"})";
  Result<std::string> response = "";
  std::vector<std::pair<LabelFunction, std::string>> asked;
  int closed = 0;

  std::shared_ptr<LabelSource> Source(std::string name = "fake") {
    LabelTransport transport;
    transport.name = std::move(name);
    transport.call = [this](LabelFunction function, std::string_view input, const CallOptions&) -> Result<std::string> {
      asked.emplace_back(function, input);
      return function == LabelFunction::kAgent ? agent : function == LabelFunction::kResource ? resource : response;
    };
    transport.close = [this]() -> Result<void> {
      ++closed;
      return {};
    };
    return MakeCompiledSource(std::move(transport));
  }
};

inline constexpr std::string_view kPolicy = R"({"allow-only":{"repos":"all","min-integrity":"none"}})";

// One call of a fresh agent.
struct FakeCall {
  FakeGuard guard;
  Labels agent;
  std::string tool = "list_things";
  std::string policy = std::string(kPolicy);
  Result<std::string> result = "[]";
  int backend_calls = 0;
  Labels agent_after = {};

  Outcome Run() {
    auto source = guard.Source();
    return Run(*source);
  }
  Outcome Run(LabelSource& source, std::optional<Mode> mode = {}) {
    Agent who(agent);
    CallRequest request{.tool = tool, .policy_json = policy, .configured_mode = mode};
    Outcome out = GuardedCall(source, who, request, [&](std::string_view, std::string_view, const CallOptions&) {
      ++backend_calls;
      return result;
    });
    agent_after = who.labels();
    return out;
  }

  FakeCall& Mode(std::string_view mode) {
    guard.agent = "{\"difc_mode\":\"" + std::string(mode) + "\"}";
    return *this;
  }
  FakeCall& Resource(std::string_view operation, std::string_view labels) {
    guard.resource = "{\"resource\":" + std::string(labels) + ",\"operation\":\"" + std::string(operation) + "\"}";
    return *this;
  }
};

inline std::string OneLine(const Outcome& out) {
  std::string text = std::string(OutcomeKindName(out.kind)) + " " + std::to_string(out.phase);
  if (out.error) text += " " + std::string(ErrorKindName(out.error->kind));
  if (out.result) text += " " + *out.result;
  return text;
}

}  // namespace guardc
