// What can be asked for labels beside a compiled guard, and a compiled guard behind one function.
#include <atomic>
#include <mutex>
#include <utility>

#include "gateway/policy/policy_text.h"
#include "guardc/label.h"

namespace guardc {
namespace {

std::atomic<uint64_t> next_id{1};

class CompiledSource : public LabelSource {
 public:
  explicit CompiledSource(LabelTransport transport) : transport_(std::move(transport)) {}

  std::string_view name() const override { return transport_.name; }
  std::string_view kind() const override { return "compiled"; }
  bool healthy() const override { return !closed_ && (!transport_.healthy || transport_.healthy()); }

  Result<AgentAnswer> LabelAgent(std::string_view policy_json, const CallOptions& call) override {
    GUARDC_TRY(Policy policy, ParsePolicy(policy_json));
    GUARDC_CHECK(BindTo(gateway::CanonicalPolicy(policy.guard_json)));
    auto answer = Teach(policy.guard_json, call);
    Taught(answer.has_value());
    return answer;
  }

  Result<ResourceAnswer> LabelResource(const LabelQuery& query, const CallOptions& call) override {
    GUARDC_TRY(std::string input, LabelResourceInput(query.tool, query.args, query.capabilities));
    GUARDC_TRY(std::string answer, Ask(LabelFunction::kResource, input, call));
    return ParseResourceAnswer(std::move(answer));
  }

  Result<LabelledData> LabelResponse(const LabelQuery& query, const JsonDocument& result,
                                     const CallOptions& call) override {
    GUARDC_TRY(std::string input, LabelResponseInput(query.tool, query.args, result, query.capabilities));
    GUARDC_TRY(std::string answer, Ask(LabelFunction::kResponse, input, call));
    return ParseResponseAnswer(std::move(answer), result);
  }

  Result<void> Close() override {
    if (closed_.exchange(true) || !transport_.close) return {};
    return transport_.close();
  }

 private:
  Result<std::string> Ask(LabelFunction function, std::string_view input, const CallOptions& call) {
    if (closed_) return Fail(ErrorKind::kClosed, "the guard \"" + transport_.name + "\" was closed");
    return transport_.call(function, input, call);
  }

  Result<AgentAnswer> Teach(std::string_view policy, const CallOptions& call) {
    GUARDC_TRY(std::string answer, Ask(LabelFunction::kAgent, policy, call));
    return ParseAgentAnswer(std::move(answer));
  }

  // The first policy that the guard took, or is about to take, is the one it labels under.
  Result<void> BindTo(std::string policy) {
    std::lock_guard lock(mutex_);
    if ((taught_ || teaching_ > 0) && policy_ != policy) {
      return Fail(ErrorKind::kPolicy, "the guard \"" + transport_.name +
                                          "\" already labels under another policy; make a guard for each policy");
    }
    policy_ = std::move(policy);
    ++teaching_;
    return {};
  }
  void Taught(bool accepted) {
    std::lock_guard lock(mutex_);
    --teaching_;
    taught_ = taught_ || accepted;
  }

  LabelTransport transport_;
  std::atomic<bool> closed_{false};
  std::mutex mutex_;
  std::string policy_;  // in its one spelling
  int teaching_ = 0;    // calls of label_agent under way
  bool taught_ = false;
};

class NoopSource : public LabelSource {
 public:
  std::string_view name() const override { return "noop"; }
  std::string_view kind() const override { return "noop"; }
  Result<AgentAnswer> LabelAgent(std::string_view, const CallOptions&) override { return AgentAnswer{}; }
  Result<ResourceAnswer> LabelResource(const LabelQuery&, const CallOptions&) override {
    return ResourceAnswer{"", {}, Operation::kReadWrite};
  }
  Result<LabelledData> LabelResponse(const LabelQuery&, const JsonDocument&, const CallOptions&) override {
    return LabelledData();
  }
};

class WriteSinkSource : public LabelSource {
 public:
  WriteSinkSource(const WriteSinkPolicy& policy, std::string name)
      : name_(std::move(name)), resource_{"", {policy.ResourceSecrecy(), {}}, Operation::kWrite} {}
  std::string_view name() const override { return name_; }
  std::string_view kind() const override { return "write-sink"; }
  Result<AgentAnswer> LabelAgent(std::string_view, const CallOptions&) override {
    return AgentAnswer{{}, Mode::kFilter, std::nullopt};
  }
  Result<ResourceAnswer> LabelResource(const LabelQuery&, const CallOptions&) override { return resource_; }
  Result<LabelledData> LabelResponse(const LabelQuery&, const JsonDocument&, const CallOptions&) override {
    return LabelledData();
  }

 private:
  const std::string name_;
  const ResourceAnswer resource_;
};

}  // namespace

LabelSource::LabelSource() : id_(next_id.fetch_add(1, std::memory_order_relaxed)) {}
LabelSource::~LabelSource() = default;

std::shared_ptr<LabelSource> MakeCompiledSource(LabelTransport transport) {
  return std::make_shared<CompiledSource>(std::move(transport));
}

std::shared_ptr<LabelSource> MakeNoopSource() { return std::make_shared<NoopSource>(); }

std::shared_ptr<LabelSource> MakeWriteSinkSource(const WriteSinkPolicy& policy, std::string name) {
  return std::make_shared<WriteSinkSource>(policy, std::move(name));
}

}  // namespace guardc
